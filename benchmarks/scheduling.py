"""What the harness and Ray add to a study: 100 trials that each take exactly 30 s.

    python benchmarks/scheduling.py [--trials 100] [--seconds 30] [--engine ray]

A trial here holds its claim, tells an epoch every few seconds, sleeps in between and leaves a
record as large as a real one; a worker imports torch and timm first, as for a real one. What the
whole command takes, from its start to its report, is set against trials x seconds / slots: Ray's
start, planning, the stored plan, hand-over, records and the report are all in the difference.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]

STUDY = """\
question: What does scheduling cost?
model:
  image_size: 64
  backbone: {{name: lcnet_035}}
  feature_network: {{topology: bifpn, width: 16, repeats: 1, projection: always}}
  head: {{depth: 1}}
vary:
  model.feature_network.width: {widths}
seeds: {seeds}
data: {{train_images: 8, val_images: 4}}
recipe: {{batch_size: 8, schedule: {{epochs: 12}}}}
"""

TRIAL = """
import os
import time
from dataclasses import replace


def work(spec, where, on_epoch):
    import timm, torch  # noqa: E401, F401  # as a real trial does

    from harness.claims import held
    from harness.environment import describe
    from harness.ledger import Ledger
    from harness.records import EpochLog, Latency, Metrics, TrialRecord
    from harness.space.costing import closed_form

    seconds, epochs = float(os.environ["TRIAL_SECONDS"]), spec.recipe.schedule.epochs
    began, rows = time.monotonic(), []
    environment = describe(torch.device("cpu"), 1, where.engine)
    with held(Ledger(where.results).folder(spec.id)) as (claim, _):
        for epoch in range(1, epochs + 1):
            time.sleep(max(0.0, began + seconds * epoch / epochs - time.monotonic()))
            weights = {f"p{i}_td@1": [0.5, 0.5] for i in range(3, 8)}
            rows.append(EpochLog(epoch, epoch, 1.0, 0.5, 0.5, 0.1, 1.0, 9.0, 0.1, weights))
            facts = {"epoch": epoch, "epochs": epochs, "loss": 1.0}
            claim.tell(facts)
            on_epoch(facts)
        ap = 0.3 + spec.seeds.init / 1000
        record = TrialRecord(
            spec.id, "done", spec.model_dump(mode="json"), environment, seconds,
            Metrics(ap, 0.5, 0.3, None, 0.3, 0.4, {"a": ap}), closed_form(spec.model),
            Latency(1.0, 2.0, 100, 1, "cpu", "none"), curve=tuple(rows),
        )
        return Ledger(where.results).write(record)
"""


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--trials", type=int, default=100)
    asked.add_argument("--seconds", type=float, default=30.0)
    asked.add_argument("--engine", default="ray")
    said = asked.parse_args()
    from harness.engines.base import processors

    slots = processors() if said.engine == "ray" else 1
    with tempfile.TemporaryDirectory(prefix="scheduling-") as name:
        folder = Path(name)
        seeds = min(10, said.trials)
        widths = [8 + 4 * i for i in range(-(-said.trials // seeds))]
        (folder / "study.yaml").write_text(STUDY.format(widths=widths, seeds=seeds))
        (folder / "sleeping_trial.py").write_text(TRIAL)
        path = os.pathsep.join([str(folder), str(ROOT)])
        environment = {**os.environ, "PYTHONPATH": path, "TRIAL_SECONDS": str(said.seconds)}
        words = [sys.executable, "-m", "harness.cli", "run", "study.yaml", "--engine", said.engine]
        words += ["--trial", "sleeping_trial:work"]
        began = time.monotonic()
        subprocess.run(words, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        took = time.monotonic() - began
        study = json.loads((folder / "results/studies/study/default.json").read_text())
    trials = sum(cell["status"] == "done" for cell in study["cells"])
    ideal = math.ceil(trials / slots) * said.seconds
    print(
        f"{trials} trials of {said.seconds:g} s, {slots} at once, {said.engine}: {took:.1f} s; "
        f"{ideal:.0f} s in trials; {took - ideal:.1f} s more, {100 * (took / ideal - 1):.1f}%"
    )


if __name__ == "__main__":
    main()
