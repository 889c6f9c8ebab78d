"""A network taken home: one file that runs without the harness, with the harness's weights."""

import ast
import importlib.util
import shlex
import shutil
import subprocess
import sys
import traceback
import types
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import harness.compiler
from harness.cli import main
from harness.compiler.layout import laid_out
from harness.errors import SpecError
from harness.graph import digest, expand, infer, parse
from harness.ops import BLOCKS, FUSES, RESAMPLES
from harness.space.zoo import load_topology, topology_names
from harness.takehome import LIBRARIES, Heading, take_home
from harness.takehome.copies import Copies
from harness.takehome.network import class_name

BIFPN = {
    "name": "bifpn",
    "rows": {
        "td": {"order": "down", "skip_first": True, "from": ["in", "td.coarser | in.coarser"]},
        "out": {"order": "up", "skip_first": True, "from": ["in", "td", "out.finer | td.finer"]},
    },
    "fuse": {"weighted": "fast"},
    "repeats": 2,
}
MADE_UP = {
    "weighted_per_channel": BIFPN | {"fuse": {"weighted": "softmax", "per": "channel"}},
    "weighted_per_pixel": BIFPN | {"fuse": {"weighted": "fast", "per": "pixel"}},
    "frozen": BIFPN | {"fuse": {"weighted": "fast", "frozen": True}},
    "bilinear_csp": BIFPN | {"fuse": "sum", "block": {"csp": 2}, "up": "carafe", "act": "gelu"},
    "two_ends": {
        "name": "two_ends",
        "levels": "p3..p4",
        "block": "deformable",
        "nodes": {
            "a": {"level": "p4", "from": [{"from": "p4", "tap": "after"}], "block": {"rep": 2}},
            "b": {"level": "p3", "from": ["p3", {"from": "a", "tap": "before"}], "share": "one"},
            "c": {"level": "p4", "from": ["a", "b"], "share": "one"},
        },
        "outputs": {"p3": "b", "p4": "c"},
        "taps": {"early": "a"},
    },
}
FORMATTED = ["bifpn", "nas_fpn", "panet", "qufpn", "fully_connected", *MADE_UP]
COMMON = [
    *FORMATTED,
    *(n for n in ("fpn", "asff", "rep_gfpn", "gold_yolo") if n in topology_names()),
]
WIDTH = 24

PROGRAM = """
import importlib.util
import sys
import traceback
from pathlib import Path

sys.modules["harness"] = None  # to import it is an error
import torch


def check(folder):
    spec = importlib.util.spec_from_file_location(f"neck_{folder.name}", folder / "neck.py")
    neck = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(neck)
    given = torch.load(folder / "given.pt", weights_only=True)
    maps = given["maps"]
    network = getattr(neck, given["name"])()
    first = network.state_dict()
    assert list(first) == given["names"], "other parameters, or in another order"
    assert all(value.isfinite().all() for value in first.values())
    torch.save(first, folder / "first.pt")
    network.load_state_dict(torch.load(folder / "weights.pt", weights_only=True), strict=True)
    network(maps)
    made = network.eval()(maps)
    torch.save(made, folder / "made.pt")
    as_list = network.forward_list([maps[level] for level in network.levels_in])
    assert all(torch.equal(made[k], v) for k, v in zip(network.levels_out, as_list, strict=True))
    assert [value.shape[1] for value in as_list] == list(network.channels_out)
    if hasattr(neck, "fold_norms"):
        maps = {key: value.double() for key, value in maps.items()}
        whole = network.double()(maps)
        neck.fold_norms(network)
        for key, value in network(maps).items():
            assert (value - whole[key]).abs().max() < 1e-6 * whole[key].abs().max(), key


with torch.no_grad():
    for folder in sorted(Path().iterdir()):
        if (folder / "error").exists():
            continue
        try:
            check(folder)
        except Exception:
            (folder / "error").write_text(traceback.format_exc())
heads = {name.partition(".")[0] for name, module in sys.modules.items() if module is not None}
assert not heads & {"harness", "timm", "ray", "yaml", "pydantic"}, heads
"""


def topology(name):
    return parse(MADE_UP[name]) if name in MADE_UP else load_topology(name)


def channels_of(graph):
    return {f"p{level}": 4 * level for level in graph.inputs}


def written(graph, **more) -> str:
    heading = Heading(("harness", "show", graph.name, "--code"), "0" * 32, "0.1.0", 512, 1, 2)
    return take_home(graph, heading, channels=channels_of(graph), width=WIDTH, **more)


def run_alone(names, folder: Path) -> None:
    """Write the files of topologies, each in a folder, and run them in a process of its own."""
    for name in names:
        (folder / name).mkdir()
        try:
            prepare(expand(topology(name)), folder / name)
        except Exception:  # that is for this one's test to say, not for all
            (folder / name / "error").write_text(traceback.format_exc())
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM],
        cwd=folder,
        env={"OMP_NUM_THREADS": "1", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def prepare(graph, folder: Path) -> None:
    """The file, our weights, maps of odd sizes, and what our network makes of them."""
    (folder / "neck.py").write_text(written(graph))
    network = harness.compiler.compile(graph, channels=channels_of(graph), width=WIDTH)
    scatter(network)
    maps = {}
    for level in graph.inputs:
        size = [-(-side // 2 ** (level - min(graph.inputs))) for side in (97, 61)]
        maps[f"p{level}"] = torch.randn(2, 4 * level, *size)
    names = list(network.state_dict())
    torch.save(network.state_dict(), folder / "weights.pt")
    torch.save({"name": class_name(graph.name), "maps": maps, "names": names}, folder / "given.pt")
    with torch.no_grad():
        network(maps)
        torch.save(network.eval()(maps), folder / "ours.pt")


def check_alone(name: str, folder: Path) -> None:
    """The file gives what ours gives, in a process that has no harness; and starts as ours."""
    assert not (folder / "error").exists(), (folder / "error").read_text()
    text, graph = (folder / "neck.py").read_text(), expand(topology(name))
    assert imported(text) <= {"torch"} | ({"torchvision"} if "deform_conv2d(" in text else set())
    ours, theirs, first = (
        torch.load(folder / f"{which}.pt", weights_only=True) for which in ("ours", "made", "first")
    )
    assert theirs.keys() == ours.keys()
    for key, value in ours.items():
        torch.testing.assert_close(theirs[key], value, rtol=1e-6, atol=1e-6 * value.abs().max())
    network = harness.compiler.compile(graph, channels=channels_of(graph), width=WIDTH)
    for key, own in network.state_dict().items():
        if own.unique().numel() == 1:
            assert torch.equal(first[key], own), key
        elif own.numel() > 2000:
            assert first[key].std().item() == pytest.approx(own.std().item(), rel=0.2), key


@torch.no_grad()
def scatter(network) -> None:
    """Make every number of a network its own."""
    torch.manual_seed(0)
    for value in network.state_dict().values():
        if value.is_floating_point():
            value += torch.rand_like(value) * (0.2 if value.dim() < 4 else 0.01)


def imported(text: str) -> set[str]:
    """Packages beyond the standard library that a file imports."""
    heads = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            heads.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            heads |= {alias.name.split(".")[0] for alias in node.names}
    return heads - set(sys.stdlib_module_names)


def ruff(*arguments: str, text: str, folder: Path) -> str:
    """What Ruff says of a file, with its own settings but for 100 columns."""
    program = shutil.which("ruff", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("ruff is not installed")
    (folder / "neck.py").write_text(text)
    command = [program, *arguments, "--isolated", "--no-cache", "--line-length=100", "neck.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.fixture(scope="module")
def common(tmp_path_factory):
    folder = tmp_path_factory.mktemp("common")
    run_alone(COMMON, folder)
    return folder


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zoo")
    run_alone(topology_names(), folder)
    return folder


@pytest.mark.xdist_group("takehome")
@pytest.mark.parametrize("name", COMMON)
def test_the_file_gives_what_the_network_gives(name, common):
    check_alone(name, common / name)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", topology_names())
def test_every_topology_can_be_taken_home(name, zoo, tmp_path):
    check_alone(name, zoo / name)
    text = (zoo / name / "neck.py").read_text()
    assert not ruff("check", "--select=E,F,I", text=text, folder=tmp_path)


@pytest.mark.parametrize(
    ("name", "library"),
    [*((name, None) for name in COMMON), *(("bifpn", one) for one in LIBRARIES)],
)
def test_the_file_is_clean(name, library, tmp_path):
    text = written(expand(topology(name)), library=library)
    ast.parse(text, feature_version=(3, 10))
    assert max(map(len, text.splitlines())) <= 100
    assert not ruff("check", "--select=E,F,I", text=text, folder=tmp_path)
    assert not ruff("format", "--check", text=text, folder=tmp_path)


def test_every_op_can_be_copied():
    copies = Copies("harness.takehome.pieces")
    for table in (BLOCKS, FUSES, RESAMPLES):
        for name in table.names():
            copies.add(table.get(name))
    text = "\n\n".join(one.text for one in copies.ordered())
    imports = "\n".join(map(str, copies.imports.values()))
    module = types.ModuleType("copied")
    sys.modules["copied"] = module
    try:
        exec(f"from __future__ import annotations\n{imports}\n{text}", vars(module))
    finally:
        del sys.modules["copied"]
    for table in (BLOCKS, FUSES, RESAMPLES):
        for name in table.names():
            assert table.get(name).__name__ in vars(module)
    assert ".register(" not in text
    assert "type: ignore" not in text


PLUGIN = """
import torch.nn as nn
from torch import Tensor
import torch.nn.functional as F

from harness.ops.tables import BLOCKS, RESAMPLES
from {helpers} import half


@BLOCKS.register("halving")
class Halving(nn.Module):
    def __init__(self, channels_in: int, channels_out: int, constants) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return half(F.relu(x))


BLOCKS.register("nameless")(lambda channels_in, channels_out, constants: nn.Identity())


@RESAMPLES.register("squeezed")
def some_other_name(x, size):
    return F.adaptive_avg_pool2d(x, size)
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A plug-in of two files, entered in the tables for the length of a test."""
    (tmp_path / "ops_of_mine.py").write_text(PLUGIN.format(helpers="helpers_of_mine"))
    (tmp_path / "helpers_of_mine.py").write_text("def half(x):\n    return x / 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for table in (BLOCKS, RESAMPLES):
        monkeypatch.setattr(table, "_items", dict(table._items))
    yield importlib.import_module("ops_of_mine")
    for name in ("ops_of_mine", "helpers_of_mine", "more_of_mine"):
        sys.modules.pop(name, None)


def test_ops_of_a_plug_in_are_copied_too(plugin):
    copies = Copies("harness.takehome.pieces")
    assert copies.add(BLOCKS.get("halving")) == "Halving"
    assert copies.add(RESAMPLES.get("squeezed")) == "some_other_name"
    assert [one.name for one in copies.ordered()] == ["half", "Halving", "some_other_name"]
    assert {str(one) for one in copies.imports.values()} == {
        "from torch import nn",
        "from torch import Tensor",
        "import torch.nn.functional as F",
    }
    with pytest.raises(SpecError, match="<lambda> of ops_of_mine cannot be copied"):
        copies.add(BLOCKS.get("nameless"))


def test_two_things_of_one_name_are_refused(plugin, tmp_path, monkeypatch):
    copies = Copies("harness.takehome.pieces")
    copies.add(plugin.Halving)
    (tmp_path / "more_of_mine.py").write_text("def half(x):\n    return 0.5 * x\n")
    with pytest.raises(SpecError, match="half is one thing in helpers_of_mine and another in more"):
        copies.add_name("half", "more_of_mine")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("rep_gfpn", "RepGfpn"), ("bifpn-2 (mine)", "Bifpn2Mine"), ("3", "Network3"), ("", "Network")],
)
def test_class_names(name, expected):
    assert class_name(name) == expected


def test_a_class_is_not_called_as_something_in_the_file():
    graph = expand(parse(BIFPN | {"name": "weighted"}))
    assert "class WeightedNetwork(nn.Module):" in written(graph)


def test_lines_are_broken_at_brackets():
    assert laid_out("x = " + " + ".join(["f(aaaaaaaaaaaaaaaaaaaaaaaaa)"] * 4), 4) == [
        "    x = (",
        "        f(aaaaaaaaaaaaaaaaaaaaaaaaa)",
        *["        + f(aaaaaaaaaaaaaaaaaaaaaaaaa)"] * 3,
        "    )",
    ]
    assert laid_out('f("a, (b", ' + "c" * 100 + ")", 0) == [
        "f(",
        '    "a, (b",',
        f"    {'c' * 100},",
        ")",
    ]


def show_code(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["show", *arguments, "--code"])
    assert result.exit_code == 0, result.output
    assert not result.stderr
    return result.stdout


def test_the_command(tmp_path, monkeypatch):
    arguments = ("bifpn", "--channels", "p3=64,p4=128,p5=256", "--width", "96", "--repeats", "3")
    text = show_code(*arguments)
    command = "harness show bifpn --channels p3=64,p4=128,p5=256 --width 96 --repeats 3 --code"
    graph = expand(load_topology("bifpn"), repeats=3)
    costs = infer(graph, channels={3: 64, 4: 128, 5: 256}, width=96, image_size=512)
    head = text[: text.index("from __future__")].splitlines()
    assert "# Bifpn: a feature network between the backbone and the heads of a detector." in head
    assert f"#     {command}" in head
    assert f"# Topology: bifpn, digest {digest(graph)}." in head
    assert any(f"Parameters: {costs.params:,}. Multiply-adds" in line for line in head)
    said = " ".join(line.strip("# ") for line in head)
    assert "what is copied from feature-network-harness is under Apache-2.0" in said
    assert "What is copied from" not in said
    assert all(line.startswith("#") for line in head if line)
    neck = module_of(text, tmp_path, monkeypatch).Bifpn()
    assert sum(values.numel() for values in neck.parameters()) == costs.params
    assert "@MODELS.register_module()" in show_code(*arguments, "--for", "mmdet")


@pytest.mark.parametrize(
    "arguments", [("panet",), ("efficientdet_d1",), ("lateral", "--width", "8")]
)
def test_the_command_in_the_file_writes_the_file(arguments):
    """Also where channels come from the backbone that is shown by default, or a model's."""
    text = show_code(*arguments)
    (said,) = [line for line in text.splitlines() if line.startswith("#     harness show ")]
    assert show_code(*shlex.split(said)[3:-1]) == text


# Wrappers, in libraries made up.


def module_of(text: str, folder: Path, monkeypatch):
    """The file as a module, imported from its place."""
    (folder / "neck.py").write_text(text)
    spec = importlib.util.spec_from_file_location("neck", folder / "neck.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "neck", module)
    spec.loader.exec_module(module)
    return module


def enter(monkeypatch, name: str, **contents) -> types.ModuleType:
    """A module that is not there, and the packages round it."""
    parts = name.split(".")
    for i in range(1, len(parts)):
        monkeypatch.setitem(sys.modules, ".".join(parts[:i]), types.ModuleType(parts[i - 1]))
    module = types.ModuleType(name)
    vars(module).update(contents)
    monkeypatch.setitem(sys.modules, name, module)
    if len(parts) > 1:
        setattr(sys.modules[".".join(parts[:-1])], parts[-1], module)
    return module


@pytest.fixture
def graph():
    return expand(load_topology("bifpn"), repeats=1)


@pytest.fixture
def maps():
    sides = {3: 32, 4: 16, 5: 8}
    return [torch.randn(1, 4 * level, side, side) for level, side in sides.items()]


def test_mmdet(graph, maps, tmp_path, monkeypatch):
    entered = {}

    class Registry:
        def register_module(self):
            return lambda cls: entered.setdefault(cls.__name__, cls)

    enter(monkeypatch, "mmdet.registry", MODELS=Registry())
    module_of(written(graph, library="mmdet"), tmp_path, monkeypatch)
    neck = entered["BifpnNeck"](in_channels=[12, 16, 20])
    made = neck(tuple(maps))
    assert isinstance(made, tuple)
    assert [tuple(y.shape[1:]) for y in made] == [(WIDTH, side, side) for side in (32, 16, 8, 4, 2)]
    ours = harness.compiler.compile(graph, channels=channels_of(graph), width=WIDTH)
    assert neck.network.load_state_dict(ours.state_dict())
    with pytest.raises(ValueError, match=r"in_channels \(12, 16\): this neck is written for"):
        entered["BifpnNeck"](in_channels=[12, 16])


def test_detectron2(graph, maps, tmp_path, monkeypatch):
    class ShapeSpec(types.SimpleNamespace):
        pass

    class BottomUp(torch.nn.Module):
        def output_shape(self):
            ends = (("res3", 12, 8), ("res4", 16, 16), ("res5", 20, 32))
            return {name: ShapeSpec(channels=c, stride=s) for name, c, s in ends}

        def forward(self, image):
            return dict(zip(self.output_shape(), maps, strict=True))

    enter(monkeypatch, "detectron2.layers", ShapeSpec=ShapeSpec)
    enter(monkeypatch, "detectron2.modeling", Backbone=torch.nn.Module)
    module = module_of(written(graph, library="detectron2"), tmp_path, monkeypatch)
    backbone = module.BifpnBackbone(BottomUp(), ["res3", "res4", "res5"])
    made = backbone(torch.zeros(1, 3, 256, 256))
    shapes = backbone.output_shape()
    assert list(made) == list(shapes) == ["p3", "p4", "p5", "p6", "p7"]
    for key, value in made.items():
        assert shapes[key].channels == value.shape[1]
        assert shapes[key].stride == 256 // value.shape[2]
    assert backbone.size_divisibility == 128
    with pytest.raises(ValueError, match="channels and strides"):
        module.BifpnBackbone(BottomUp(), ["res3", "res5", "res4"])


def test_ultralytics(graph, maps, tmp_path, monkeypatch):
    tasks = enter(monkeypatch, "ultralytics.nn.tasks")
    module = module_of(written(graph, library="ultralytics"), tmp_path, monkeypatch)
    assert tasks.BifpnNeck is module.BifpnNeck
    made = module.BifpnNeck()(maps)
    assert isinstance(made, list)
    assert len(made) == len(module.BifpnNeck.channels_out) == 5


def test_only_the_wrapper_imports_its_library(graph):
    for library in LIBRARIES:
        text = written(graph, library=library)
        assert imported(text) == {"torch", library}
        assert text.startswith(written(graph)[:-1])
        assert library not in written(graph)
