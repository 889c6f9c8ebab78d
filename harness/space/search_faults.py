"""What is wrong with the `search` section of a study, all of it at once."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from harness.errors import Fault, did_you_mean
from harness.space import axes
from harness.space.limits import LATENCY
from harness.space.search_spec import (
    COSTS,
    KINDS,
    MEASURED,
    OBJECTIVES,
    Dimension,
    SearchSpec,
)
from harness.space.study import StudySpec

TOPOLOGY = "model.feature_network.topology"
EPOCHS = "recipe.schedule.epochs"
TAKEN = re.compile(r"proposal \d+|random \d+|found")
"""Arms that a search makes."""
TOLERANCE = 1e-9


def search_faults(spec: StudySpec) -> list[Fault]:
    """Faults by their path in the study; empty where it does not search."""
    search = spec.search
    if search is None:
        return []
    return [
        *_named(search),
        *_space(spec, search),
        *_scheduler(spec, search),
        *_compare(spec, search),
        *_beside(spec, search),
    ]


def _named(search: SearchSpec) -> Iterator[Fault]:
    if search.kind not in KINDS:
        kinds = did_you_mean(search.kind, KINDS)
        if search.kind in ("grid", "ablation"):
            kinds = ": points that are spelt out are `vary` and `arms`"
        yield Fault("search.kind", f"no way of searching {search.kind!r}{kinds}")
    elif search.population is not None and not KINDS[search.kind].has_population:
        yield Fault("search.population", f"{search.kind} has none")
    for place, name in enumerate(search.objectives):
        if name not in OBJECTIVES:
            near = did_you_mean(name, OBJECTIVES)
            yield Fault(f"search.objectives.{place}", f"no objective {name!r}{near}")
        elif name in search.objectives[:place]:
            yield Fault(f"search.objectives.{place}", f"{name} stands there twice")
    known = [name for name in search.objectives if name in OBJECTIVES]
    if len(known) == len(search.objectives) and not {*MEASURED, LATENCY} & set(known):
        yield Fault("search.objectives", "costs alone need no training; add 'ap'")


def _space(spec: StudySpec, search: SearchSpec) -> Iterator[Fault]:
    if not search.space and search.topology is None:
        yield Fault("search.space", "is empty: say what may vary, or a `topology` space")
    if search.topology is not None and TOPOLOGY in search.space:
        yield Fault(f"search.space.{TOPOLOGY}", "is what `search.topology` draws")
    for path, dimension in search.space.items():
        where = f"search.space.{path}"
        wrong = axes.unknown_path(StudySpec, path)
        if wrong:
            yield Fault(where, wrong)
        if path in spec.vary:
            yield Fault(where, "is an axis of `vary` too")
        for reason in _dimension(dimension):
            yield Fault(where, reason)
        yield from _conditions(search.space, path)


def _dimension(one: Dimension) -> Iterator[str]:
    numbers = {"low": one.low, "high": one.high, "step": one.step}
    if one.choices is not None:
        said = [name for name, value in numbers.items() if value is not None]
        if said or one.log:
            yield f"has choices, so no {(said or ['log'])[0]}"
        if len({text_of(value) for value in one.choices}) < len(one.choices):
            yield "a choice stands there twice"
        return
    if one.low is None or one.high is None:
        yield "should say low and high, or choices"
        return
    if one.low >= one.high:
        yield f"low {one.low} is not below high {one.high}"
    elif one.step is not None:
        yield from _step(one.high - one.low, one.step)
    if one.log and one.step is not None:
        yield "has a step, so no log"
    if one.log and one.low <= 0:
        yield "log needs a low above 0"


def _step(span: float, step: float) -> Iterator[str]:
    if step <= 0:
        yield f"step {step} is not above 0"
    elif abs(span / step - round(span / step)) > TOLERANCE or span < step:
        yield f"step {step} does not divide high - low = {span:g}"


def _conditions(space: Mapping[str, Dimension], path: str) -> Iterator[Fault]:
    where = f"search.space.{path}.when"
    others = [other for other in space if other != path]
    for other, values in space[path].when.items():
        if other not in others:
            near = did_you_mean(other, others)
            yield Fault(f"{where}.{other}", f"no other path {other!r} in the space{near}")
            continue
        for value in values:
            if not may_be(space[other], value):
                choices = [str(choice) for choice in space[other].choices or ()]
                near = did_you_mean(value, choices)
                yield Fault(f"{where}.{other}", f"{other} is never {value!r}{near}")
    if _waits_for_itself(space, path):
        yield Fault(where, "waits for itself: conditions go in a circle")


def may_be(dimension: Dimension, value: Any) -> bool:
    """Whether a dimension can have a value."""
    if dimension.choices is not None:
        return text_of(value) in map(text_of, dimension.choices)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if dimension.low is None or dimension.high is None:
        return True
    return dimension.low <= value <= dimension.high


def _waits_for_itself(space: Mapping[str, Dimension], path: str) -> bool:
    reached: set[str] = set()
    left = [path]
    while left:
        for other in space[left.pop()].when:
            if other == path:
                return True
            if other in space and other not in reached:
                reached.add(other)
                left.append(other)
    return False


def text_of(value: Any) -> str:
    """A plain value as text: true is not 1."""
    return json.dumps(value, sort_keys=True)


def _scheduler(spec: StudySpec, search: SearchSpec) -> Iterator[Fault]:
    scheduler, where = search.scheduler, "search.scheduler"
    if scheduler is None:
        return
    if (scheduler.asha is None) == (scheduler.hyperband is None):
        yield Fault(where, "should be one of asha and hyperband")
    if len(spec.seed_list) > 1:
        yield Fault(where, "stops single trainings, and each proposal here has several seeds")
    if len(search.objectives) > 1:
        reason = "stopped trials would stand on the front of several objectives as if finished"
        yield Fault(where, reason)
    elif search.objectives[0] != "ap":
        yield Fault(where, f"sees ap alone, and the objective is {search.objectives[0]}")
    if EPOCHS in search.space:
        yield Fault(where, f"its rungs are of one schedule, and {EPOCHS} is searched")
    epochs, asha = spec.recipe.schedule.epochs, scheduler.asha
    if asha is not None and asha.grace >= epochs:
        yield Fault(f"{where}.asha.grace", f"all {epochs} epochs: nothing is ever stopped")


def _compare(spec: StudySpec, search: SearchSpec) -> Iterator[Fault]:
    compare = search.compare
    if compare is None:
        return
    if compare.cost not in COSTS:
        near = did_you_mean(compare.cost, COSTS)
        yield Fault("search.compare.cost", f"no cost {compare.cost!r}{near}")
    own = {*spec.seed_list, *(seed for arm in spec.arms for seed in spec.seeds_of(arm))}
    used = sorted(own & set(compare.seeds))
    if used:
        reason = f"seed {used[0]} is the search's own: the winner was chosen by it"
        yield Fault("search.compare.seeds", reason)
    if len(set(compare.seeds)) < len(compare.seeds):
        yield Fault("search.compare.seeds", "a seed stands there twice")


def _beside(spec: StudySpec, search: SearchSpec) -> Iterator[Fault]:
    taken: Collection[str] = [arm for arm in spec.arms if TAKEN.fullmatch(arm)]
    for arm in taken:
        yield Fault(f"arms.{arm}", "is what a search calls its own; give it another name")
