"""Kills drivers, workers and nodes of a study at random moments, and holds what is left to an
undisturbed run.

    python tests/chaos/chaos.py --incidents 20 --seed 0

A real Ray cluster (a head and two workers, separate raylets) runs a study of real, tiny trials.
After each kill of the driver the same command is started again. When a study is complete, its
records are compared and the next round begins, until all incidents have happened.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.claims import Onlooker, read_claim
from harness.ledger import Ledger

ROOT = Path(__file__).parents[2]

STUDY = """\
question: Does anything get lost?
model:
  image_size: 64
  backbone:
    name: lcnet_035
{source}  feature_network: {{topology: bifpn, width: 16, repeats: 1, projection: always}}
  head: {{depth: 1}}
vary:
  model.feature_network.width: {widths}
  model.feature_network.topology: [bifpn, fpn]
seeds: {seeds}
recipe: {{batch_size: 8, schedule: {{epochs: {epochs}, warmup_epochs: 0.1}}}}
data: {{train_images: 64, val_images: 16}}
"""
SOURCE = """\
    frozen: all
    source:
      model: {feature_network: {topology: lateral, width: 8, repeats: 1}, head: {depth: 1}}
      recipe: {batch_size: 8, schedule: {epochs: 2, warmup_epochs: 0.1}}
"""
SEARCH = """\
search:
  kind: tpe
  trials: {trials}
  space:
    model.feature_network.width: {{low: 8, high: 40, step: 4}}
    recipe.optimizer.learning_rate: {{low: 1.0e-3, high: 1.0e-1, log: true}}
"""
STORE = 80 * 2**20


@dataclass
class Told:
    """What happened, for the last line."""

    incidents: Counter[str] = field(default_factory=Counter)
    commands: int = 0
    rounds: int = 0
    trials: int = 0


class Cluster:
    """A head and workers as separate raylets, of which one can be killed and another started."""

    def __init__(self, workers: int) -> None:
        from ray.cluster_utils import Cluster as Raylets

        head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}
        self.raylets = Raylets(initialize_head=True, head_node_args=head)
        for _ in range(workers):
            self.add()

    def add(self) -> None:
        self.raylets.add_node(num_cpus=1, object_store_memory=STORE)

    def kill(self, dice: random.Random) -> None:
        node = dice.choice(sorted(self.raylets.worker_nodes, key=lambda node: node.node_id))
        self.raylets.remove_node(node, allow_graceful=False)
        self.add()


class Disturbed:
    """One study under disturbance."""

    def __init__(self, folder: Path, study: Path, cluster: Cluster, told: Told) -> None:
        self.folder, self.study, self.cluster, self.told = folder, study, cluster, told
        self.results = folder / "results"
        self.ledger = Ledger(self.results)
        self.done: dict[str, tuple[int, int]] = {}
        """Inode and time of records seen done: they must stay as they are."""
        self.torn: set[str] = set()

    def start(self) -> subprocess.Popen[bytes]:
        self.told.commands += 1
        words = [sys.executable, "-m", "harness.cli", "run", str(self.study), "--device", "cpu"]
        words += ["--address", self.cluster.raylets.address, "--results", str(self.results)]
        words += ["--reports", str(self.folder / "reports")]
        return subprocess.Popen(
            words,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=(self.folder / "out.txt").open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def look(self) -> None:
        """No finished record is ever gone, changed or written again."""
        for path in self.ledger.root.glob("*/record.json"):
            name = path.parent.name
            record = self.ledger.get(name)
            if record is None or record.status != "done":
                continue
            stat = path.stat()
            now = (stat.st_ino, stat.st_mtime_ns)
            assert self.done.setdefault(name, now) == now or name in self.torn, f"{name} changed"
            self.done[name] = now
        for name in self.done:
            held = self.ledger.get(name)
            assert held is not None or name in self.torn, f"{name} is lost"

    def running(self) -> list[int]:
        """Processes that train a trial now, by their claims."""
        onlooker = Onlooker()
        beats = [read_claim(path.parent) for path in self.ledger.root.glob("*/claim.json")]
        return sorted(beat.pid for beat in beats if beat is not None and onlooker.lives(beat))

    def tear(self, dice: random.Random) -> bool:
        """Take the last bytes of a finished record, as a crash of the machine may."""
        if not self.done:
            return False
        name = dice.choice(sorted(self.done))
        path = self.ledger.folder(name) / "record.json"
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size - 40)
        self.torn.add(name)
        return True

    def run(self, incidents: Iterator[str], dice: random.Random, patience: float) -> None:
        """Start the command until the study is complete, an incident every few seconds."""
        driver = self.start()
        next_at = time.monotonic() + dice.uniform(1, patience)
        due = next(incidents, None)
        while True:
            self.look()
            if driver.poll() is not None:
                if driver.returncode == 0:
                    break
                driver = self.start()
            if due is not None and time.monotonic() >= next_at and self.befall(due, driver, dice):
                self.told.incidents[due] += 1
                next_at = time.monotonic() + dice.uniform(1, patience)
                due = next(incidents, None)
            time.sleep(0.1)
        self.look()

    def befall(self, what: str, driver: subprocess.Popen[bytes], dice: random.Random) -> bool:
        """Whether it could happen now."""
        if what == "driver":
            os.killpg(driver.pid, signal.SIGKILL)
            driver.wait()
            return True
        if what == "tear":
            if not self.tear(dice):
                return False
            os.killpg(driver.pid, signal.SIGKILL)  # what is torn is seen by the next command
            driver.wait()
            return True
        if what == "full disk":
            return self.fill(driver)
        working = self.running()
        if not working:
            return False
        if what == "worker":
            os.kill(dice.choice(working), signal.SIGKILL)
        else:
            self.cluster.kill(dice)
        return True

    def fill(self, driver: subprocess.Popen[bytes]) -> bool:
        """The same command in this process's place, where no file may grow beyond 20 kB."""
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()
        words = ["harness", "run", str(self.study), "--engine", "inline", "--limit", "2"]
        words += ["--results", str(self.results), "--reports", str(self.folder / "reports")]
        code = (
            "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
            f"sys.argv = {words!r}\nfrom harness.cli import main\nmain()"
        )
        out = (self.folder / "full.txt").open("ab")
        env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        done = subprocess.run([sys.executable, "-c", code], env=env, stdout=out, stderr=out)
        assert done.returncode != 0, "a full disk went by without a word"
        return True


def rows(results: Path) -> dict[str, Any]:
    """What must not depend on what happened: by trial id."""
    found = {}
    for record in Ledger(results).records():
        losses = [(row.epoch, row.step, row.loss, row.fusion_weights) for row in record.curve]
        found[record.id] = (record.status, record.cost, record.metrics, losses)
    return found


def times_done(results: Path) -> Counter[str]:
    """How often each trial was trained to its end, from its log."""
    found: Counter[str] = Counter()
    for path in (results / "ledger").glob("*/log.txt"):
        found[path.parent.name] = len(re.findall(r"harness\.trial: done after", path.read_text()))
    return found


def write_study(
    folder: Path, widths: list[int], seeds: int, epochs: int, source: str = SOURCE
) -> Path:
    """source: of the backbone; without one, each trial trains its own."""
    path = folder / "chaos.yaml"
    path.write_text(STUDY.format(widths=widths, seeds=seeds, epochs=epochs, source=source))
    return path


def write_search(folder: Path, trials: int, epochs: int) -> Path:
    """The same trials as proposals of a search."""
    text = STUDY.format(widths=[8], seeds=1, epochs=epochs, source=SOURCE)
    axes = text[text.index("vary:") : text.index("seeds:")]
    path = folder / "chaos.yaml"
    path.write_text(text.replace(axes, SEARCH.format(trials=trials)))
    return path


def undisturbed(folder: Path, study: Path) -> dict[str, Any]:
    """The same study in one process, left alone."""
    words = [sys.executable, "-m", "harness.cli", "run", str(study), "--engine", "inline"]
    words += ["--device", "cpu", "--results", str(folder / "calm"), "--reports", str(folder / "r")]
    subprocess.run(
        words, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True
    )
    return rows(folder / "calm")


@contextmanager
def raylets(workers: int = 2) -> Iterator[Cluster]:
    cluster = Cluster(workers)
    try:
        yield cluster
    finally:
        cluster.raylets.shutdown()


def compare(disturbed: Disturbed, expected: dict[str, Any]) -> None:
    """No trial lost, none trained twice, no cell missing, and no digit other than undisturbed."""
    got = rows(disturbed.results)
    assert got.keys() == expected.keys(), "trials are missing, or there are others"
    for name in expected:
        assert got[name] == expected[name], f"{name} is not what an undisturbed run gives"
    cells = json.loads((disturbed.results / "studies/chaos/default.json").read_text())["cells"]
    assert {cell["status"] for cell in cells} == {"done"}, Counter(c["status"] for c in cells)
    trained = times_done(disturbed.results)
    twice = {name for name, times in trained.items() if times > 1} - disturbed.torn
    assert not twice, f"trained twice: {sorted(twice)}"


def hold_search(disturbed: Disturbed, trials: int) -> None:
    """No proposal without an end, no trial of none, none trained twice."""
    cells = json.loads((disturbed.results / "studies/chaos/default.json").read_text())["cells"]
    numbers = [int(cell["arm"].removeprefix("proposal ")) for cell in cells]
    assert sorted(numbers) == list(range(len(cells))), "proposals are missing or there twice"
    assert {cell["status"] for cell in cells} <= {"done", "alias"}, cells
    ids = {cell["id"] for cell in cells if cell["status"] == "done"}
    assert len(ids) == trials
    records = {record.id for record in Ledger(disturbed.results).records()}
    backbones = {one for one in records if one not in ids}
    assert len(backbones) == 1, f"trials of no proposal: {backbones}"
    twice = {name for name, times in times_done(disturbed.results).items() if times > 1}
    assert not twice, f"trained twice: {sorted(twice)}"


def search_chaos(
    incidents: list[str], dice: random.Random, folder: Path, trials: int, epochs: int,
    patience: float, say: Callable[[str], None] = print,
) -> Told:  # fmt: skip
    """An adaptive search, killed until every incident has happened."""
    told, left = Told(), list(incidents)
    study = write_search(folder, trials, epochs)
    with raylets() as cluster:
        while left:
            own = folder / f"search{told.rounds}"
            own.mkdir()
            disturbed = Disturbed(own, study, cluster, told)
            before = sum(told.incidents.values())
            disturbed.run(iter(left), dice, patience)
            hold_search(disturbed, trials)
            left = left[sum(told.incidents.values()) - before :]
            told.rounds += 1
            told.trials += trials
            say(f"search {told.rounds}: {dict(told.incidents)}, {len(left)} to come; none lost")
    return told


def chaos(
    incidents: list[str], dice: random.Random, folder: Path, study: Path, patience: float,
    say: Callable[[str], None] = print,
) -> Told:  # fmt: skip
    """Rounds of the study until every incident has happened."""
    told, left = Told(), list(incidents)
    expected = undisturbed(folder, study)
    say(f"undisturbed: {len(expected)} trials")
    with raylets() as cluster:
        while left:
            own = folder / f"round{told.rounds}"
            own.mkdir()
            disturbed = Disturbed(own, study, cluster, told)
            before = sum(told.incidents.values())
            disturbed.run(iter(left), dice, patience)
            compare(disturbed, expected)
            happened = sum(told.incidents.values()) - before
            left = left[happened:]
            told.rounds += 1
            told.trials += len(expected)
            say(f"round {told.rounds}: {dict(told.incidents)}, {len(left)} to come; all equal")
    return told


def draw(number: int, dice: random.Random) -> list[str]:
    """Incidents in random order: one torn record, one full disk, the rest kills."""
    kinds = ["tear", "full disk", *("driver", "worker", "node")]
    kinds += [dice.choice(["driver", "worker", "node"]) for _ in range(number - len(kinds))]
    dice.shuffle(kinds)
    return kinds


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--incidents", type=int, default=22)
    asked.add_argument("--seed", type=int, default=0)
    said = asked.parse_args()
    dice = random.Random(said.seed)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        study = write_study(Path(folder), [8, 12, 16, 20], seeds=3, epochs=12)
        started = time.monotonic()
        told = chaos(draw(said.incidents, dice), dice, Path(folder), study, patience=7)
        print(
            f"grid, seed {said.seed}: {dict(told.incidents)} in {told.rounds} rounds of "
            f"{told.trials} trials, {told.commands} commands, "
            f"{time.monotonic() - started:.0f} s: none lost, none twice, all equal",
            flush=True,
        )
        started = time.monotonic()
        kinds = [dice.choice(["driver", "worker", "node"]) for _ in range(said.incidents // 2)]
        told = search_chaos(kinds, dice, Path(folder), trials=12, epochs=12, patience=7)
        print(
            f"search, seed {said.seed}: {dict(told.incidents)} in {told.rounds} rounds of "
            f"{told.trials} trials, {told.commands} commands, "
            f"{time.monotonic() - started:.0f} s: none lost, none twice"
        )


if __name__ == "__main__":
    main()
