"""One paragraph with every setting that can change AP, in words to be put into a paper."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from harness.plurals import many
from harness.report.gather import ReportData
from harness.studies import StudyResults


def signature(data: ReportData) -> str:
    """Settings that all finished trials share are said; of the others, what the table has.

    Where trials differ in a setting, the page's cautions say so; here all its values stand.
    """
    study, cells, settings = data.study, data.cells, data.ran.settings
    if not settings:
        return ""
    lines = [
        f"Study {study.study}, profile {study.profile}",
        _data(cells, settings),
        _model(cells, settings, data.ran.frozen),
        _recipe(cells, settings),
        _seeds(study),
        _place(cells),
        f"Intervals: {data.method}. Test: {data.test}",
    ]
    return ". ".join(line.rstrip(".") for line in lines if line) + "."


def setting(data: ReportData) -> str:
    """What all of it was measured on, in one short sentence; empty before there is a result."""
    cells, settings = data.cells, data.ran.settings
    if not settings:
        return ""
    images = _images(settings)
    said = [f"{settings.get('data.name', 'data')}{f' ({images})' if images else ''}"]
    said += [f"{_values(cells, 'image_size')} px", _epochs(cells)]
    said += [_values(cells, "backbone")] + ["trained once and frozen"] * data.ran.frozen
    return (
        f"Measured on {', '.join(said)}. "
        "Another dataset, size or schedule may order arms otherwise."
    )


def _data(cells: pd.DataFrame, settings: Mapping[str, str]) -> str:
    said = [f"AP is COCO's, averaged over IoU .50 to .95, on {settings.get('data.name', 'data')}"]
    said += [f"fingerprint {_values(cells, 'data_fingerprint')}"]
    said += [images] if (images := _images(settings)) else []
    return ", ".join(said)


def _images(settings: Mapping[str, str]) -> str:
    counts = [
        f"{settings[path]} {words} {_plural('image', settings[path])}"
        for path, words in (("data.train_images", "training"), ("data.val_images", "test"))
        if settings.get(path, "None") != "None"
    ]
    return " and ".join(counts)


def _model(cells: pd.DataFrame, settings: Mapping[str, str], frozen: bool) -> str:
    said = [f"Backbone {_values(cells, 'backbone')}"]
    if frozen:
        said.append("trained once and frozen")
    elif (kept := _values(cells, "backbone_frozen")) != "none":
        said.append(f"frozen: {kept}")
    if settings.get("model.backbone.pretrained") == "True":
        said.append("pretrained")
    said.append(f"images of {_values(cells, 'image_size')} px")
    head = [settings.get(f"model.head.{name}") for name in ("kind", "depth", "width")]
    if head[0]:
        more = f" (depth {head[1]}, width {head[2]})" if head[1] and head[2] else ""
        said.append(f"head {head[0]}{more}")
    return ", ".join(said)


def _recipe(cells: pd.DataFrame, settings: Mapping[str, str]) -> str:
    words = {
        "recipe.optimizer.name": "{}",
        "recipe.optimizer.learning_rate": "learning rate {}",
        "recipe.optimizer.weight_decay": "weight decay {}",
        "recipe.schedule.warmup_epochs": "{} warm-up epochs",
        "recipe.schedule.ema_decay": "EMA {}",
        "recipe.loss.focal_alpha": "focal alpha {}",
        "recipe.loss.focal_gamma": "gamma {}",
        "recipe.postprocess.nms": "NMS {}",
        "recipe.postprocess.iou_threshold": "its IoU {}",
    }
    said = [f"{_epochs(cells)} at batch {_values(cells, 'batch_size')}"]
    said += [form.format(settings[path]) for path, form in words.items() if path in settings]
    return ", ".join([*said, _values(cells, "precision")])


def _plural(what: str, number: str) -> str:
    return what if number == "1" else f"{what}s"


def _seeds(study: StudyResults) -> str:
    seeds = sorted({cell.seed for cell in study.cells})
    runs = seeds == list(range(seeds[0], seeds[-1] + 1)) if seeds else False
    shown = f"{seeds[0]} to {seeds[-1]}" if runs and len(seeds) > 2 else ", ".join(map(str, seeds))
    return f"{many(len(seeds), 'seed')} ({shown}), of initialisation, order and augmentation alike"


def _place(cells: pd.DataFrame) -> str:
    named = [name for name in cells.columns if str(name).startswith("version.")]
    versions = ", ".join(f"{name[8:]} {_values(cells, name)}" for name in named)
    threads = _values(cells, "threads")
    device = f"Device {_values(cells, 'device')}" + (
        f", {threads} thread{'s' * (threads != '1')}" if threads else ""
    )
    epoch, commit = _values(cells, "code_epoch"), _values(cells, "git_commit")
    code = f"code epoch {epoch}" + (f", commit {commit}" if commit else "")
    return "; ".join(part for part in (device, versions, code) if part)


def _epochs(cells: pd.DataFrame) -> str:
    epochs = _values(cells, "epochs")
    return f"{epochs} {_plural('epoch', epochs)}"


def _values(cells: pd.DataFrame, column: Any) -> str:
    if column not in cells:
        return ""
    found: Sequence[Any] = list(dict.fromkeys(cells[column].dropna()))
    whole = [int(v) if isinstance(v, float) and v.is_integer() else v for v in found]
    return " or ".join(map(str, whole))
