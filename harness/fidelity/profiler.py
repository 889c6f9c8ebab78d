"""More figures of TensorFlow's profiler: other image sizes and layouts, and unfused norms."""

from harness.fidelity.family import GOLDENS
from harness.fidelity.sheet import Row, Sheet
from harness.graph.sizes import Size
from harness.graph.tally import KINDS, Tally
from harness.space.counting import RULES, tallies, total_by
from harness.space.load import read_yaml
from harness.space.printed import Printed
from harness.space.scaling import member_model

NOW = "tf_profiler_2022_04"
UNFUSED = 5
"""Operations for each element of a batch norm that is not fused: inferred, fits five of seven."""


def sheets() -> tuple[Sheet, ...]:
    """Sections of the page on what else the profiler's rules give."""
    return _made_up(), _other_sizes(), _first_release()


def _made_up() -> Sheet:
    """What D0's published FLOPs are made of, kind by kind."""
    golden = read_yaml(GOLDENS).tree["operations"]
    done = sum(tallies(member_model("efficientdet_d0")).values(), start=Tally())
    ours = {kind: getattr(done, kind) for kind in KINDS} | {
        "pool / 9": done.pool // 9,  # every window of D0 has 3 x 3 cells
        "fuse less sums of weights": done.fuse - 33,  # 11 in each of 3 cells
    }
    rows = (Row(kind, Printed.read(n), ours[kind]) for kind, n in golden["rows"].items())
    words = (
        f"Source: {golden['source']}. Published FLOPs are half of 2 macs + bias + swish + mean + "
        "scale + 9 pool / 9 + fuse + add + 2 kernels + one for each convolution of the feature "
        "network (`harness/space/counting.py` has each with its reason)."
    )
    return Sheet("What D0's published FLOPs are made of", words, tuple(rows))


def _other_sizes() -> Sheet:
    rows = (
        Row("d0 at 511 x 513", Printed.read(2_628_615_337), _at("d0", (511, 513))),
        Row("d1 at 640 x 1280", Printed.read(12_263_120_287), _at("d1", (640, 1280))),
        Row(
            "d0 with channels first",
            Printed.read(2_549_420_741),
            _without_pools("d0"),
            "the profiler knows pools with channels last alone: here without them",
        ),
    )
    words = (
        f"Source: google/automl efficientdet_arch_test.py since 2022-04 (`{NOW}`). Height x width."
    )
    return Sheet("The same at other sizes", words, rows)


def _at(name: str, size: Size) -> int:
    found = tallies(member_model(f"efficientdet_{name}"), image_size=size)
    return sum(RULES[NOW](done, part) for part, done in found.items()) // 2


def _without_pools(name: str) -> int:
    found = tallies(member_model(f"efficientdet_{name}"))
    return sum(RULES[NOW](done, part) - done.pool for part, done in found.items()) // 2


def _first_release() -> Sheet:
    golden = read_yaml(GOLDENS).tree["first_release"]
    rows = []
    for name, text in golden["rows"].items():
        ours, printed = _unfused(name), Printed.read(text)
        agrees = printed.agrees(ours)
        reason = "" if agrees else "open: the next digit differs"
        rows.append(Row(name, printed, ours, reason, is_open=not agrees))
    words = (
        f"Source: {golden['source']}. Those are larger than the later figures by about {UNFUSED} "
        "operations, halved, for each element of a batch norm, as unfused norms would have: "
        "inferred, and beside them is `tf_profiler_2020_04` with that much more."
    )
    return Sheet("FLOPs of the first release", words, tuple(rows))


def _unfused(name: str) -> float:
    model = member_model(f"efficientdet_{name}")
    normed = sum(tallies(model).values(), start=Tally()).norm
    return total_by(model, "tf_profiler_2020_04") + UNFUSED * normed / 2
