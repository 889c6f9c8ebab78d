"""The rules that round a width."""

import pytest

from harness.errors import SpecError
from harness.space.rounding import ROUNDINGS, round_width, rounding_words


@pytest.mark.parametrize(
    ("value", "rounding", "width"),
    [
        (86.4, "nearest", 86),
        (86.5, "nearest", 87),
        (86.4, "multiple_of_4", 88),
        (116.6, "multiple_of_8", 120),
        (116.6, "multiple_of_16", 112),
        (116.6, {"multiple": 32}, 128),
        (60, "multiple_of_8", 64),
        (3, "multiple_of_8", 8),
        (11.9, "multiple_of_8", 8),
        (11.9, "efficientnet", 16),
        (40.0, "efficientnet", 40),
    ],
)
def test_rounding(value: float, rounding: str | dict[str, int], width: int) -> None:
    assert round_width(value, rounding) == width


@pytest.mark.parametrize(
    ("rounding", "message"),
    [
        ("multiple_of_9", "no rounding 'multiple_of_9'; did you mean 'multiple_of_"),
        ({"multiple": 0}, "a rounding is a name, or {multiple: n} with a whole n above 0"),
        ({"multiple": 2.5}, "a rounding is a name, or {multiple: n} with a whole n above 0"),
        ({"divisor": 8}, "a rounding is a name, or {multiple: n} with a whole n above 0"),
    ],
)
def test_wrong_rounding(rounding: object, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        round_width(64, rounding)  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)


def test_every_rule_has_its_words() -> None:
    words = {name: rounding_words(name) for name in ROUNDINGS}
    assert words["nearest"] == "to the nearest whole number"
    assert words["multiple_of_16"] == "to the nearest multiple of 16"
    assert "over a tenth" in words["efficientnet"]
    assert rounding_words({"multiple": 12}) == "to the nearest multiple of 12"
