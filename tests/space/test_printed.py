import pytest

from harness.errors import SpecError
from harness.space.printed import Printed


@pytest.mark.parametrize(
    ("text", "value"),
    [("3.9M", 3.9e6), ("2.54B", 2.54e9), ("0.71x", 0.71), ("44.39", 44.39), ("1,234", 1234)],
)
def test_a_figure_is_read_with_its_unit(text, value):
    assert Printed.read(text).value == pytest.approx(value)


def test_a_number_is_written_in_the_form_of_a_figure():
    assert Printed.read("24B").like(24_303_201_665) == "24B"
    assert Printed.read("0.88x").like(0.875_2) == "0.88x"
    assert Printed.read("3,880,067").like(3_880_067) == "3,880,067"


def test_it_agrees_where_it_rounds_to_the_same():
    assert Printed.read("24B").agrees(24_303_201_665)
    assert not Printed.read("24B").agrees(24_568_753_664)
    assert not Printed.read("0.71x").agrees(0.704)


@pytest.mark.parametrize("text", ["", "many", "3.9 MM", "1e9", True, "nan"])
def test_what_is_no_figure_is_refused(text):
    with pytest.raises(SpecError, match="no printed figure"):
        Printed.read(text)
