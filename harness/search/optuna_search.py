"""Searching by Optuna's samplers. The only file of the project that imports Optuna.

Optuna proposes and nothing else: its study is a journal of points and what became of them. Each
point is drawn by a sampler of its own, seeded by the search's seed and the number of points before
it, so a search that was killed goes on as if it had not been.
"""

import math
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from harness.search.base import SEARCHERS, AbstractSearcher, Asked, Proposal, Setting, Told
from harness.search.journal import MARK, Journal
from harness.search.space import Domain, Options, RandomPick, Whole, all_points, key_of, parameter
from harness.space.bind import Choice

if TYPE_CHECKING:
    import optuna

REPEATS = 8
"""Known points in a row before a sampler is helped to a new one."""
MOST_POINTS = 1000
"""A space with no more is gone through to its end."""
STRAY = 200
"""Random points tried in a larger space before it counts as gone through."""


def _tpe(setting: Setting, seed: int) -> "optuna.samplers.BaseSampler":
    import optuna

    return optuna.samplers.TPESampler(
        seed=seed,
        n_startup_trials=min(10, max(4, setting.trials // 4)),
        multivariate=True,
        group=True,
        constant_liar=True,
        warn_independent_sampling=False,
    )


def _nsga(name: str, setting: Setting, seed: int) -> "optuna.samplers.BaseSampler":
    import optuna

    size = setting.population or min(50, max(4, setting.trials // 4))
    sampler: optuna.samplers.BaseSampler = getattr(optuna.samplers, name)(
        population_size=size, seed=seed
    )
    return sampler


def _random(setting: Setting, seed: int) -> "optuna.samplers.BaseSampler":
    import optuna

    return optuna.samplers.RandomSampler(seed=seed)


SAMPLERS: dict[str, Callable[[Setting, int], "optuna.samplers.BaseSampler"]] = {
    "random": _random,
    "tpe": _tpe,
    "nsga2": partial(_nsga, "NSGAIISampler"),
    "nsga3": partial(_nsga, "NSGAIIISampler"),
}


class OptunaSearch(AbstractSearcher):
    """Points by one of Optuna's samplers, each once."""

    def __init__(self, kind: str, setting: Setting) -> None:
        self._sampler, self._setting = SAMPLERS[kind], setting
        self._journal = Journal(setting.journal, setting.is_reader)
        self._study = _study(kind, self._journal, setting)
        self._asked: dict[int, Asked] = {}
        self._trials: dict[int, int] = {}
        """Optuna's number of each proposal."""
        self._again: deque[Proposal] = deque()
        self._recall()
        self._seen = {key_of(asked.proposal.choice.values) for asked in self._asked.values()}
        self._points = all_points(setting.space, MOST_POINTS)

    def ask(self) -> Proposal | None:
        if self._again:
            return self._again.popleft()
        if self._points is not None and len(self._seen) >= len(self._points):
            return None
        drawn = self._new_point()
        if drawn is None:
            return None
        trial, values = drawn
        proposal = self._proposal(len(self._asked), values)
        kept = {"number": proposal.number, "values": values}
        trial.set_user_attr("proposal", kept)
        self._commit()
        self._seen.add(key_of(values))
        self._trials[proposal.number] = trial.number
        self._asked[proposal.number] = Asked(proposal, None)
        return proposal

    def tell(self, proposal: Proposal, told: Told) -> None:
        if told.values is not None and not all(map(math.isfinite, told.values)):
            told = replace(told, state="failed", values=None)
        number = self._trials[proposal.number]
        if self._asked[proposal.number].told is not None:
            number = self._twin(number)
        trial = self._handle(number)
        trial.set_user_attr("told", told.as_json())
        for place, violation in enumerate(told.violations):
            trial.set_constraint(f"limit {place}", violation)
        self._study.tell(number, *_verdict(trial, told, self._worst()))
        self._asked[proposal.number] = Asked(proposal, told)
        self._commit()

    def history(self) -> tuple[Asked, ...]:
        return tuple(self._asked[number] for number in sorted(self._asked))

    def close(self) -> None:
        self._journal.close()

    def _new_point(self) -> "tuple[optuna.Trial, dict[str, Any]] | None":
        """A point that was not proposed before. Known ones are told as failed, for Optuna alone."""
        from optuna.trial import TrialState

        tries = REPEATS + (STRAY if self._points is None else 1)
        for turn in range(tries):
            number = len(self._study.get_trials(deepcopy=False))
            kind = self._sampler if turn < REPEATS else _random
            with _quiet():
                self._study.sampler = kind(self._setting, _seed(self._setting.seed, number))
                if turn >= REPEATS and self._points is not None:
                    self._study.enqueue_trial(self._unseen(self._points, number))
                trial = self._study.ask()
                values = self._setting.space.draw(partial(_suggest, trial))
            if key_of(values) not in self._seen:
                return trial, values
            self._study.tell(trial, state=TrialState.FAIL)
        self._commit()
        return None

    def _unseen(self, points: Mapping[str, Mapping[str, Any]], number: int) -> dict[str, Any]:
        left = [picks for key, picks in points.items() if key not in self._seen]
        place = RandomPick(self._setting.seed, number)("unseen", Options(len(left)))
        return dict(left[place])

    def _twin(self, number: int) -> int:
        """A trial of Optuna's at the same point: what it was told once it does not take back."""
        from optuna.trial import TrialState, create_trial

        old = self._study.get_trials(deepcopy=False)[number]
        twin = create_trial(
            state=TrialState.RUNNING,
            params=old.params,
            distributions=old.distributions,
            user_attrs={"proposal": old.user_attrs["proposal"]},
            system_attrs={
                key: value
                for key, value in old.system_attrs.items()
                if not key.startswith("constraints")
            },
        )
        self._study.add_trial(twin)
        return len(self._study.get_trials(deepcopy=False)) - 1

    def _handle(self, number: int) -> "optuna.Trial":
        """A running trial of this process or an earlier one."""
        import optuna

        self._study.sampler = optuna.samplers.RandomSampler(seed=0)
        frozen = self._study.get_trials(deepcopy=False)[number]
        return optuna.Trial(self._study, frozen._trial_id)

    def _worst(self) -> list[float]:
        """The worst of each objective so far: what stands for those of a point over a limit."""
        done = [one.told.values for one in self._asked.values() if one.told and one.told.values]
        columns = zip(self._setting.highest, zip(*done, strict=True), strict=False)
        return [min(column) if up else max(column) for up, column in columns] or [
            0.0 for _ in self._setting.highest
        ]

    def _commit(self) -> None:
        self._study.set_user_attr(MARK, len(self._journal.logs))
        self._journal.commit()

    def _recall(self) -> None:
        """What earlier runs asked and told."""
        for trial in self._study.get_trials(deepcopy=False):
            kept = trial.user_attrs.get("proposal")
            if kept is None:
                continue
            proposal = self._proposal(kept["number"], kept["values"])
            told = trial.user_attrs.get("told")
            self._asked[proposal.number] = Asked(proposal, None if told is None else Told.of(told))
            self._trials[proposal.number] = trial.number
        self._again += [one.proposal for one in self.history() if one.told is None]

    def _proposal(self, number: int, values: Mapping[str, Any]) -> Proposal:
        return Proposal(number, Choice(f"proposal {number}", {}, values), self._setting.seeds)


for _kind in SAMPLERS:
    SEARCHERS.register(_kind)(partial(OptunaSearch, _kind))


def _study(kind: str, journal: Journal, setting: Setting) -> "optuna.Study":
    """The search's own study in its journal; a search of another key has another."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with _quiet():
        return optuna.create_study(
            study_name=f"{kind} {setting.key}",
            storage=optuna.storages.JournalStorage(journal),  # type: ignore[arg-type]
            sampler=optuna.samplers.RandomSampler(seed=0),
            directions=["maximize" if up else "minimize" for up in setting.highest],
            load_if_exists=True,
        )


def _verdict(
    trial: "optuna.Trial", told: Told, worst: list[float]
) -> "tuple[list[float] | None, optuna.trial.TrialState]":
    """What Optuna is told: values and state.

    A point over a limit is complete and infeasible, so that samplers learn to keep the limits. A
    stopped one is pruned at its epoch: samplers rank it below what was trained to its end.
    """
    from optuna.trial import TrialState

    is_infeasible = any(violation > 0 for violation in told.violations)
    if told.state == "rejected" and is_infeasible:
        return worst, TrialState.COMPLETE
    if told.state == "done" and told.values is not None:
        return list(told.values), TrialState.COMPLETE
    if told.state == "stopped" and told.values is not None and len(told.values) == 1:
        trial.report(told.values[0], told.epoch or 0)
        return None, TrialState.PRUNED
    return None, TrialState.FAIL


def _suggest(trial: "optuna.Trial", name: str, domain: Domain) -> Any:
    if isinstance(domain, Options):
        return trial.suggest_categorical(parameter(name, domain), range(domain.count))
    if isinstance(domain, Whole):
        return trial.suggest_int(name, domain.low, domain.high, step=domain.step, log=domain.log)
    return trial.suggest_float(name, domain.low, domain.high, step=domain.step, log=domain.log)


def _seed(seed: int, number: int) -> int:
    """Of the sampler of one point: 32 bits, unlike those of its neighbours."""
    return int.from_bytes(sha256(f"{seed}/{number}".encode()).digest()[:4])


class _quiet(warnings.catch_warnings):
    """Without Optuna's words on what is experimental in it."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
