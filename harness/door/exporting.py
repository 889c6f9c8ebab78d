"""What `export` does: finds a finished trial by (part of) its id, and has its network written."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import TrialError
from harness.graph.derive import ABOUT
from harness.ledger import Ledger, find_trial
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.space.zoo import load_topology, topology_names

if TYPE_CHECKING:
    from harness.exchange.export import Exported


def export_trial(
    word: str, results: Path, out: Path | None = None, plugins: tuple[str, ...] = ()
) -> "Exported":
    """Write the network of a finished trial to `out`, or to `exports/<id>`.

    word: the trial's id, or how it begins. Raises `SpecError` for a trial that is not there or not
    finished, `TrialError` where its weights are gone.
    """
    record = find_trial(word, Ledger(results))
    spec = TrialSpec.model_validate_json(_json(record.spec))
    where = Workplace(results.resolve())
    kept = where.checkpoint(spec.id)
    if not kept.is_file():
        raise TrialError(
            f"the weights of trial {spec.id} are gone: no {kept}; to train it again, remove "
            f"{Ledger(results).folder(spec.id)} and run its study"
        )
    from harness.exchange.export import export
    from harness.trial import load_trained

    about = _about(spec)
    folder = out or Path("exports") / spec.id
    return export(load_trained(spec, where), spec, folder, about=about, plugins=plugins)


def _json(tree: Mapping[str, object]) -> str:
    import json

    return json.dumps(tree)


def _about(spec: TrialSpec) -> dict[str, str]:
    """What a shipped topology says of its source, and what became of it."""
    name = spec.model.feature_network.graph["name"]
    tree = load_topology(name).tree if name in topology_names() else {}
    said = {key: str(tree[key]).strip() for key in ABOUT if key in tree and key != "name"}
    made = (
        f"Written by `harness export` from trial {spec.id}: the graph as it was trained, with the "
        "settings of its study; repeats, stages and defaults are written out."
    )
    return {
        "source": f"trial {spec.id} of feature-network-harness",
        "published": "Nothing that is known here.",
        **said,
        "inferred": f"{made} {said.get('inferred', '')}".strip(),
    }
