"""What a trial is made of, before it is trained: its data and its network, checked; the data kept
for reports."""

import errno

from harness.data import Dataset, open_data
from harness.detector import Detector, build
from harness.errors import DataFault, SpecError
from harness.space.trial import TrialSpec
from harness.space.workplace import Workplace
from harness.training.failures import building
from harness.training.handover import backbone_file
from harness.truths import keep_truth

FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM)
"""What is no fault of the data that are being read or made."""


def open_dataset(spec: TrialSpec, where: Workplace) -> Dataset:
    """The data of a spec; a `DataFault` where they are not what the spec was made for."""
    try:
        dataset = open_data(spec.data, spec.model.image_size, where.cache)
    except (SpecError, ValueError) as error:
        raise DataFault(str(error)) from error
    except OSError as error:
        if error.errno in FULL_DISK:
            raise
        raise DataFault(f"the data cannot be read: {error}") from error
    if dataset.facts.fingerprint != spec.facts.fingerprint:
        raise DataFault(
            f"the data have changed since this trial was planned: fingerprint "
            f"{dataset.facts.fingerprint}, not {spec.facts.fingerprint}"
        )
    return dataset


def keep_truth_of(dataset: Dataset, where: Workplace) -> bool:
    """Keep beside the records what a report must know of the validation images: never fails."""
    fingerprint, val = dataset.facts.fingerprint, dataset.val
    truth, bands = dataset.val_ground_truth(), dataset.bands
    return keep_truth(
        where.results, fingerprint, truth, bands, val.ids, lambda place: val.load(place).image
    )


def build_detector(spec: TrialSpec, where: Workplace) -> Detector:
    """The network of a spec; a `BuildError` where it cannot be built."""
    source = spec.model.backbone.source
    weights = backbone_file(source, where) if source else None
    with building():
        return build(spec.model, spec.seeds.init, weights=weights)
