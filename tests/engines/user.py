"""A user of the command line on a Ray cluster: runs `harness` from a folder of their own."""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.claims import Onlooker, read_claim
from harness.ledger import Ledger
from harness.records import TrialRecord
from harness.report import table
from harness.studies import StudyResults, read_study

ROOT = Path(__file__).parents[2]
PATIENCE_S = 240
"""After which a command is hung, on a machine that others use as well."""

STUDY = """\
question: Does it hold on a cluster?
model:
  image_size: 64
  backbone: {name: lcnet_035}
  feature_network: {topology: bifpn, width: 8, repeats: 1, projection: always}
  head: {depth: 1}
recipe:
  batch_size: 8
  optimizer: {name: adamw, learning_rate: 2e-3, reference_batch: 8}
  schedule: {epochs: 2, warmup_epochs: 0.1}
data: {name: shapes, train_images: 16, val_images: 8}
"""


@dataclass(frozen=True)
class Said:
    """What a command left."""

    code: int
    out: str
    err: str


@dataclass
class Seen:
    """Who trained, by the claims of trials while a command ran."""

    most: int = 0
    """Trials at once."""
    epoch: int = 0
    """The furthest of them."""
    raylets: set[int] = field(default_factory=set)
    """Processes of Ray's that the trainings were children of: one a node."""

    def look(self, results: Path) -> None:
        onlooker = Onlooker()
        beats = [read_claim(path.parent) for path in (results / "ledger").glob("*/claim.json")]
        there = [beat for beat in beats if beat is not None and onlooker.lives(beat)]
        self.most = max(self.most, len(there))
        self.epoch = max([self.epoch, *(beat.epoch for beat in there)])
        parents = [parent_of(beat.pid) for beat in there]
        self.raylets |= {parent for parent in parents if parent is not None}


def parent_of(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(stat[stat.rindex(")") + 2 :].split()[1])


@dataclass
class User:
    """One study's worth of work: files, results and reports in one folder."""

    home: Path
    address: str
    paths: tuple[Path, ...] = (ROOT,)
    """Where Python looks for modules."""

    @property
    def results(self) -> Path:
        return self.home / "results"

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.results)

    def writes(self, name: str, text: str) -> Path:
        path = self.home / f"{name}.yaml"
        path.write_text(text)
        return path

    def starts(self, *words: Any) -> subprocess.Popen[str]:
        """`harness ...`, from a folder that has nothing of the project."""
        away = self.home / "away"
        away.mkdir(exist_ok=True)
        path = os.pathsep.join(map(str, self.paths))
        command = [sys.executable, "-m", "harness.cli", *map(str, words)]
        command += ["--results", str(self.results)]
        return subprocess.Popen(
            command,
            cwd=away,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def runs(self, study: Path, *words: Any) -> subprocess.Popen[str]:
        """`harness run`, on the cluster."""
        reports = ["--reports", self.home / "reports"]
        return self.starts("run", study, "--address", self.address, *reports, *words)

    def run(self, study: Path, *words: Any, exits: int = 0, seen: Seen | None = None) -> Said:
        """To its end; meanwhile `seen` looks on."""
        started = self.runs(study, *words)
        while seen is not None and started.poll() is None:
            seen.look(self.results)
            time.sleep(0.05)
        return ended(started, exits)

    def says(self, *words: Any, exits: int = 0) -> str:
        """What any other command prints."""
        said = ended(self.starts(*words), exits)
        return said.out if exits == 0 else said.err

    def told(self, *words: Any) -> Any:
        """The document of a command that has `--json`."""
        return json.loads(self.says(*words, "--json"))

    def study(self, name: str) -> StudyResults:
        return read_study(self.results, name, "default")

    def states(self, name: str) -> Counter[str]:
        """Cells by status."""
        return Counter(cell.status for cell in self.study(name).cells)

    def record(self, trial: str) -> TrialRecord:
        found = self.ledger.get(trial)
        assert found is not None, f"no record of {trial}"
        return found

    def trained(self) -> Counter[str]:
        """How often each trial was trained to its end, by its log."""
        logs = (self.results / "ledger").glob("*/log.txt")
        return Counter(
            {
                path.parent.name: len(re.findall(r"harness\.trial: done after", path.read_text()))
                for path in logs
            }
        )

    def page(self, name: str) -> str:
        return (self.home / "reports" / name / "default" / "index.html").read_text()

    def table(self, name: str) -> Any:
        return table(self.results, name)


def ended(started: subprocess.Popen[str], exits: int = 0) -> Said:
    """Its end; a failed assertion with all it said where it ended otherwise than it should."""
    try:
        out, err = started.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        started.kill()
        raise
    assert started.returncode == exits, f"exit code {started.returncode}\n{out}\n{err}"
    assert "Traceback" not in err, err
    return Said(started.returncode, out, err)
