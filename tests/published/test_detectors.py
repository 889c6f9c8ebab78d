"""The published detectors: as printed, once, and only where the source has a figure."""

from pathlib import Path

import pytest

from harness.errors import SpecError
from harness.published.detectors import detectors
from harness.space.family import member


def test_the_family_has_its_cost_from_its_own_table() -> None:
    known = {one.name: one for one in detectors()}
    family = [name for name in known if name.startswith("EfficientDet-")]
    assert family == [f"EfficientDet-D{n}" for n in ("0", "1", "2", "3", "4", "5", "6", "7", "7x")]
    for name in family:
        one, held = (
            known[name],
            member("efficientdet_" + name.removeprefix("EfficientDet-").lower()),
        )
        assert f"{one.params} {one.flops}" == held.paper
        assert one.image_size == held.image_size
    d7x = known["EfficientDet-D7x"]
    assert [str(ap) for ap in (d7x.ap_test_dev, d7x.ap_val)] == ["55.1", "54.4"]


def test_rows_say_split_convention_and_how_they_were_checked() -> None:
    known = {one.name: one for one in detectors()}
    assert len(known) == len(detectors()) == 23
    assert known["EfficientDet-D0"].convention == "tf_profiler_2020_05"
    assert known["YOLOv3"].convention.startswith("multiply-adds (the table's caption")
    assert all(one.source and one.verified for one in known.values())
    yolo, amoeba = known["YOLOv3"], known["AmoebaNet + NAS-FPN + AA (1536)"]
    assert (str(yolo.ap[0]), yolo.ap[1], yolo.params) == ("33.0", "test-dev", None)
    assert (str(amoeba.ap[0]), amoeba.ap[1]) == ("50.7", "val")
    assert amoeba.flops is not None
    assert amoeba.flops.value == 3045e9
    assert known["EfficientDet-D0"].ap[1] == "val"


def test_dearer_members_of_one_family_have_higher_ap() -> None:
    """A slip of a digit in the file would most likely break this order."""
    for start in ("EfficientDet-", "RetinaNet-R50", "RetinaNet-R101", "R50 + NAS", "Amoeba"):
        rows = [one for one in detectors() if one.name.startswith(start)]
        assert rows == sorted(rows, key=lambda one: one.flops.value if one.flops else 0)
        aps = [one.ap[0].value for one in rows]
        assert aps == sorted(set(aps))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{name: X, source: v8, ap_val: 1.0}", "X: no source 'v8'; there are v7"),
        ("{name: X, source: v7}", "X: no AP"),
        ("{name: X, source: v7, ap_val: 1, member: efficientdet_d9}", "no model 'efficientdet_d9'"),
    ],
)
def test_a_row_that_cannot_be_read_says_so(row: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "detectors.yaml"
    file.write_text(f"sources: {{v7: {{name: s, convention: c}}}}\ndetectors: [{row}]\n")
    with pytest.raises(SpecError) as error:
        detectors(file)
    assert message in str(error.value)
