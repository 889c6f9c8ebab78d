"""How long the table and the page of 5,000 generated records take, without torch or Ray.

    python benchmarks/report_5000.py [--records 5000] [--page]

A record is copied from `results/shipped` with other ids, seeds and APs, so it is as large
as a real one. Prints seconds of the clock and of the processor; the last line is of the page drawn
again, unchanged.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SEEDS = 5


def generate(root: Path, count: int) -> None:
    """A study of count / 5 arms with five seeds each."""
    source = Path(__file__).parents[1] / "results" / "shipped" / "ledger"
    model = json.loads(next(iter(sorted(source.glob("*/record.json")))).read_text())
    draw, cells = random.Random(0), []
    for i in range(count):
        arm, seed, trial = i // SEEDS, i % SEEDS, f"{i:016x}"
        macs = 10**9 + 10**6 * arm
        model["id"] = trial
        model["spec"]["seeds"] = dict.fromkeys(("init", "order", "augmentation"), seed)
        model["metrics"]["ap"] = 0.4 + arm / count + draw.gauss(0, 0.005)
        model["cost"]["macs"] = macs
        folder = root / "ledger" / trial
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(json.dumps(model))
        cells.append(
            {"arm": f"arm {arm}", "choice": {}, "seed": seed, "id": trial, "status": "done",
             "macs": macs, "params": macs // 700}
        )  # fmt: skip
    study = {"study": "many", "profile": "laptop", "question": "Many?", "cells": cells}
    (root / "studies" / "many").mkdir(parents=True)
    (root / "studies" / "many" / "laptop.json").write_text(
        json.dumps(study | {"baseline": "arm 0", "version": 1})
    )


def timed(name: str, work: Callable[[], Any]) -> Any:
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name}: {wall:.2f} s, of the processor {cpu:.2f} s", flush=True)
    return made


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--records", type=int, default=5000)
    asked.add_argument("--page", action="store_true", help="draw the page too")
    chosen = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        timed("generated", lambda: generate(root / "results", chosen.records))
        from harness.report import table, write_report

        rows = timed("table", lambda: table(root / "results", "many", "laptop"))
        print(f"{len(rows)} rows, {len(rows.columns)} columns")
        loaded = sorted({"torch", "ray"} & set(sys.modules))
        print(f"loaded of torch and ray: {', '.join(loaded) or 'neither'}")
        if chosen.page:
            for word in ("page", "page again"):
                timed(
                    word,
                    lambda: write_report(root / "results", "many", "laptop", root / "reports"),
                )


if __name__ == "__main__":
    main()
