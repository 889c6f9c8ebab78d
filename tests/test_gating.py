"""The gate without torch: probes as they might be, and declared arms that change nothing."""

from dataclasses import replace

import pytest

from harness.errors import SpecError
from harness.gating import IDLE_ARM, gate, probe_missing
from harness.ledger import Ledger
from harness.plan import make_plan
from harness.probes import Probe, Probes, probe_key
from harness.space.limits import over_measured
from harness.space.profiles import load_study
from harness.space.workplace import Workplace

HEAD = """\
question: Does it help?
model:
  image_size: 64
  backbone: {name: lcnet_050}
  feature_network: {topology: bifpn, width: 16, repeats: 1}
  head: {depth: 1}
"""
ARMS = """\
arms:
  sum: {model.feature_network.fuse: sum}
  ones: {model.feature_network.fuse: {weighted: {norm: none, frozen: true}}}
  fast: {model.feature_network.fuse: {weighted: fast}}
baseline: sum
seeds: 2
"""


@pytest.fixture
def planned(tmp_path, facts):
    def planned(text, results=tmp_path / "results"):
        file = tmp_path / "study.yaml"
        file.write_text(HEAD + text)
        return make_plan(load_study(file), Ledger(results), facts)

    return planned


@pytest.fixture
def where(tmp_path):
    return Workplace(tmp_path / "results", device="cpu")


def faults_of(planned, text):
    with pytest.raises(SpecError) as caught:
        planned(text)
    return [str(fault).rpartition("/")[2] for fault in caught.value.faults]


def test_a_declared_arm_that_changes_nothing_is_a_fault_at_its_line(planned):
    same = "  same: {model.feature_network.fuse: sum}\n"
    text = ARMS.replace("  fast:", same + "  fast:")
    assert faults_of(planned, text) == [
        "study.yaml:10  arms.same: changes nothing: it is the same trial as the baseline 'sum'"
    ]


def test_it_is_one_too_where_it_is_another_arm_again(planned):
    text = ARMS.replace(
        "baseline:", "  quick: {model.feature_network.fuse: {weighted: fast}}\nbaseline:"
    )
    assert faults_of(planned, text) == [
        "study.yaml:11  arms.quick: changes nothing: it is the same trial as arm 'fast'"
    ]


WIDTH = "ablation:\n  parts:\n    width: {without: {model.feature_network.width: 8}}\n"


def test_full_without_one_of_two_parts_is_base_with_the_other(planned):
    cells = planned(WIDTH + "    depth: {without: {model.head.depth: 2}}\n").cells
    assert [one.cell.status for one in cells].count("alias") == 2


def test_a_part_whose_absence_changes_nothing_is_a_fault(planned):
    """The study's own fusion, said in other words."""
    fuse = "{model.feature_network.fuse: {weighted: {norm: fast}}}"
    faults = faults_of(planned, WIDTH + f"    fusion: {{without: {fuse}}}\n")
    assert {fault.partition("changes nothing: ")[2] for fault in faults} == {
        "it is the same trial as the baseline 'full'",
        "it is the same trial as arm 'base'",
    }


def test_without_a_baseline_one_network_may_have_two_names(planned):
    text = "arms:\n  a: {model.feature_network.fuse: sum}\n  b: {model.feature_network.fuse: sum}\n"
    assert [one.cell.status for one in planned(text).cells] == ["pending", "alias"]


def test_an_arm_that_differs_at_one_point_of_an_axis_is_none(planned):
    text = """\
arms:
  a: {model.feature_network.width: 16}
  b: {model.head.width: 16}
vary: {model.feature_network.repeats: [1, 2]}
baseline: a
"""
    assert faults_of(planned, text)  # both are the study's own widths
    text = text.replace("b: {model.head.width: 16}", "b: {model.head.depth: 2}")
    assert [one.cell.status for one in planned(text).cells] == ["pending"] * 4


def test_points_of_axes_stay_aliases(planned):
    text = "vary: {model.feature_network.width: [16], model.head.width: [tied, 16]}\n"
    assert [one.cell.status for one in planned(text).cells] == ["pending", "alias"]


def made(spec, where, **fields):
    return Probe(probe_key(spec, where), "cpu: a test", 0.1, step=(1.0, 2.0), **fields)


def reasons(plan):
    return {(one.cell.arm, one.cell.seed): one.cell.reason for one in plan.cells}


def test_what_is_wrong_stands_in_the_table(planned, where):
    plan = planned(ARMS)
    idle = {f"feature_network.p{n}_td_1.fuse.w": "gets no gradient" for n in (3, 4, 5, 6)}
    faults = {"sum": {"fault": "build error: no"}, "ones": {"idle": idle}, "fast": {}}
    for one in plan.cells:
        probe = made(one.spec, where, **faults[one.cell.arm])
        Probes(where).write(replace(probe, step=(hash(one.cell.arm), 1.0)))
    gated = gate(plan, Probes(where).get)
    assert [one.cell.status for one in gated.cells] == ["rejected"] * 4 + ["pending"] * 2
    assert reasons(gated)["sum", 0] == reasons(gated)["sum", 1] == "build error: no"
    assert reasons(gated)["ones", 0] == (
        "parameter feature_network.p3_td_1.fuse.w gets no gradient, "
        "parameter feature_network.p4_td_1.fuse.w gets no gradient, "
        "parameter feature_network.p5_td_1.fuse.w gets no gradient, and 1 more"
    )
    assert [spec.id for spec in gated.pending()] == [one.spec.id for one in gated.cells[4:]]


def test_an_arm_whose_step_is_the_baselines_is_rejected(planned, where):
    plan = planned(ARMS)
    for one in plan.cells:
        step = (1.0, 3.0) if one.cell.arm == "fast" else (1.0, 2.0)
        Probes(where).write(replace(made(one.spec, where), step=step))
    found = reasons(gate(plan, Probes(where).get))
    assert found == {
        (arm, seed): IDLE_ARM if arm == "ones" else None
        for arm in ("sum", "ones", "fast")
        for seed in (0, 1)
    }


def test_differences_outside_the_graph_are_not_held_to_a_step(planned, where):
    rate, prior = "{recipe.optimizer.learning_rate: 0.01}", "{model.head.prior: 0.02}"
    plan = planned(f"arms:\n  a: {{}}\n  b: {rate}\n  c: {prior}\nbaseline: a\n")
    for one in plan.cells:
        Probes(where).write(made(one.spec, where))
    assert set(reasons(gate(plan, Probes(where).get)).values()) == {None}


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ("memory_mb: 4000", "memory 5,210 MB is over the limit of 4,000"),
        ("latency_ms: 2.5", "latency 3.25 ms is over the limit of 2.50"),
        ("memory_mb: 6000, latency_ms: 4", None),
    ],
)
def test_limits_on_what_is_measured(planned, where, limits, reason):
    plan = planned(f"limits: {{{limits}}}\n")
    [one] = plan.cells
    assert gate(plan, Probes(where).get).cells[0].cell.reason is None  # nothing is known yet
    Probes(where).write(made(one.spec, where, memory_mb=5210.0, latency_ms=3.25))
    assert gate(plan, Probes(where).get).cells[0].cell.reason == reason
    assert over_measured({"memory_mb": 1.0}, None, None) is None


def test_an_unknown_limit_is_told_with_all_names(planned):
    [fault] = faults_of(planned, "limits: {memory: 3}\n")
    assert fault == "study.yaml:7  limits.memory: no limit 'memory'; did you mean 'memory_mb'?"
    [fault] = faults_of(planned, "limits: {zzzz: 3}\n")
    assert fault == (
        "study.yaml:7  limits.zzzz: no limit 'zzzz'; there are params, macs, acts, memory_mb, "
        "latency_ms, and params, macs, acts of a part: backbone, feature_network, class_head, "
        "box_head, segmentation_head"
    )


@pytest.mark.parametrize("limit", ["acts", "feature_network.acts"])
def test_activations_are_limited(planned, limit):
    [one] = planned("").cells
    whole, part = one.cell.acts, one.cell.parts["feature_network"].acts
    least = (whole if limit == "acts" else part) - 1
    [over] = planned(f"limits: {{{limit}: {least}}}\n").cells
    assert over.cell.reason == f"{limit} {least + 1:,} is over the limit of {least:,}"


class Runs:
    """Stands for the probing: keeps what it is told to."""

    def __init__(self, where, **fields):
        self.where, self.fields, self.asked = where, fields, []

    def __call__(self, specs, latency):
        self.asked.append((len(specs), latency))
        for spec in specs:
            Probes(self.where).write(made(spec, self.where, **self.fields))


def test_one_probe_a_network_whatever_the_seeds_and_once(planned, where):
    plan, run = planned(ARMS), Runs(where)
    assert probe_missing(plan, where, run) == 3
    assert probe_missing(planned(ARMS.replace("seeds: 2", "seeds: 5")), where, run) == 0
    assert run.asked == [(3, False)]
    other = replace(where, device="cuda")
    assert probe_missing(plan, other, Runs(other)) == 3
    loss = planned(ARMS + "recipe: {loss: {focal_gamma: 0.0}}\n")
    assert probe_missing(loss, where, run) == 3, "another loss gives other gradients"


def test_what_was_found_wanting_is_asked_again(planned, where):
    plan, run = planned(ARMS), Runs(where, fault="build error: of yesterday")
    assert probe_missing(plan, where, run) == probe_missing(plan, where, run) == 3


def test_a_latency_is_measured_where_the_study_limits_it(planned, where):
    plain, limited = planned(""), planned("limits: {latency_ms: 5}\n")
    first, second = Runs(where), Runs(where, latency_ms=1.0)
    assert probe_missing(plain, where, first) == 1
    assert probe_missing(limited, where, second) == 1
    assert probe_missing(limited, where, second) == 0
    assert (first.asked, second.asked) == ([(1, False)], [(1, True)])


def test_of_a_few_trials_only_their_networks_and_the_baseline_are_probed(planned, where):
    plan, run = planned(ARMS), Runs(where)
    last = plan.cells[-1].spec
    assert probe_missing(plan, where, run, trials=[last]) == 2


def test_a_damaged_probe_is_none(planned, where):
    [one] = planned("").cells
    path = Probes(where).write(made(one.spec, where))
    assert Probes(where).get(one.spec).step == (1.0, 2.0)
    path.write_text(path.read_text()[:-20])
    assert Probes(where).get(one.spec) is None
