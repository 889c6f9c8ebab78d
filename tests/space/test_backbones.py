"""The table of backbones against timm itself, and the measuring of any other."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import SpecError, TrialError
from harness.space import backbones
from harness.space.backbones import TABLE, backbone_facts, backbone_names

QUICK = ("lcnet_035", "tf_efficientnet_b0")


def held(name: str) -> None:
    from harness.detector.measure_backbones import measure

    measured = json.loads(json.dumps(measure(name)))
    assert measured == json.loads(TABLE.read_text())[name]


@pytest.mark.parametrize("name", QUICK)
def test_table_equals_timm(name: str) -> None:
    held(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", backbone_names())
def test_whole_table_equals_timm(name: str) -> None:
    held(name)


@pytest.mark.parametrize(
    ("number", "image", "params", "macs"),
    [
        (0, 512, 3_595_388, 1_901_490_688),
        (3, 896, 10_103_336, 14_888_439_104),
        (7, 1536, 62_143_440, 238_646_285_312),
    ],
)
def test_efficientnets_cost(number: int, image: int, params: int, macs: int) -> None:
    facts = backbone_facts(f"tf_efficientnet_b{number}", [3, 4, 5])
    assert (facts.params, facts.macs(image)) == (params, macs)


def test_channels_norm_and_colours() -> None:
    facts = backbone_facts("tf_efficientnet_b0", [3, 4, 5])
    assert facts.channels == {3: 40, 4: 112, 5: 320}
    assert facts.norm == (1e-3, 0.1)
    assert facts.mean == (0.485, 0.456, 0.406)


def test_reach_known_from_the_literature() -> None:
    assert backbone_facts("resnet18", [2, 3, 4, 5]).receptive_field == {
        2: 43,
        3: 99,
        4: 211,
        5: 435,
    }
    assert backbone_facts("tf_efficientnet_b0", [3]).receptive_field == {3: None}


def test_layer_norms_hide_no_path() -> None:
    """convnext_atto: a 4x4 stem, two 7x7 at stride 4, a 2x2 to stride 8, two 7x7 there."""
    from harness.detector.measure_backbones import receptive_field

    assert receptive_field("convnext_atto", 3) == 4 + 2 * 24 + 4 + 2 * 48


def test_a_shallow_use_costs_less() -> None:
    shallow, deep = (backbone_facts("lcnet_050", levels) for levels in ([3], [3, 5]))
    assert shallow.params < deep.params
    assert shallow.macs(128) < deep.macs(128)


@pytest.mark.parametrize("name", ["lcnet_050", "resnet18", "tf_efficientnet_b0"])
@pytest.mark.parametrize("size", [100, 333])
def test_any_side_is_counted(name: str, size: int) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from harness.detector.backbones import build_backbone
    from harness.space.model import BackboneSpec

    with torch.device("meta"):
        net = build_backbone(BackboneSpec(name=name), (3, 4, 5), seed=0).eval()
        with FlopCounterMode(display=False) as counter:
            net(torch.zeros(1, 3, size, size))
    facts = backbone_facts(name, (3, 4, 5))
    assert facts.macs(size) == counter.get_total_flops() // 2
    assert facts.params == sum(p.numel() for p in net.parameters())


def test_a_level_it_lacks() -> None:
    with pytest.raises(SpecError) as caught:
        backbone_facts("resnet18", [5, 6])
    assert str(caught.value) == "backbone 'resnet18' has no p6; it has p1, p2, p3, p4, p5"


def test_another_name_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = backbone_facts("lcnet_075", [3, 4], tmp_path)
    assert first.channels == {3: 96, 4: 192}
    (kept,) = (tmp_path / "backbones").iterdir()
    assert kept.name.startswith("lcnet_075-timm")
    monkeypatch.setattr(backbones, "_measure", lambda _: pytest.fail("measured again"))
    assert backbone_facts("lcnet_075", [3, 4], tmp_path) == first


def test_the_cache_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    facts = json.loads(TABLE.read_text())["lcnet_050"]
    monkeypatch.setattr(backbones, "_measure", lambda _: facts)
    assert backbone_facts("other", [3]).channels == {3: 64}
    assert list((tmp_path / "feature-network-harness" / "backbones").iterdir())


def test_an_unknown_name_gets_the_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness.detector import measure_backbones

    monkeypatch.setattr(sys, "argv", ["measure", "--", "resnet81"])
    assert measure_backbones.main() == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("timm has no backbone 'resnet81'; did you mean 'resnet")


@pytest.mark.parametrize(("code", "error"), [(2, SpecError), (1, TrialError), (-9, TrialError)])
def test_what_the_measuring_says_is_handed_on(
    code: int, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = subprocess.CompletedProcess([], code, stdout="", stderr="noise\nno such thing\n")
    asked: list[int] = []
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: asked.append(code) or done)
    monkeypatch.setattr(backbones, "_REFUSED", {})
    for _ in range(2):
        with pytest.raises(error, match=r"no such thing$"):
            backbone_facts("resnet81", [3], tmp_path)
    assert not list(tmp_path.iterdir())
    assert len(asked) == (1 if code == 2 else 2)  # a name timm lacks is asked for once


def test_sides_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = json.loads(TABLE.read_text())["lcnet_050"] | {"any_size": False}
    monkeypatch.setattr(backbones, "_table", lambda: {"odd": facts})
    odd = backbone_facts("odd", [3, 4])
    assert odd.macs(160) > 0
    with pytest.raises(SpecError) as caught:
        odd.macs(100)
    said = "backbone 'odd' takes images whose side is a multiple of 16, not 100"
    assert str(caught.value) == said


def test_the_table_needs_no_torch() -> None:
    code = (
        "import sys; from harness.space.backbones import backbone_facts; "
        "backbone_facts('lcnet_050', [3]); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
