"""Numbers as a report writes them."""

from types import SimpleNamespace

import pytest

from harness.report.wordings import (
    chance,
    digits_apart,
    either,
    gap_digits,
    giga,
    number,
    range_of,
)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.9999, "> .99"),
        (1.0, "> .99"),
        (0.99, "0.99"),
        (0.5, "0.50"),
        (0.001, "< .01"),
        (None, "–"),
    ],
)
def test_a_probability_is_never_certain(value, said):
    assert chance(value) == said


def test_names_of_which_one_is_to_be_chosen():
    assert [either(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == [
        "a", "a or b", "a, b or c",
    ]  # fmt: skip


def test_costs_that_differ_are_told_apart():
    macs = [37_672_000, 38_111_000, 38_112_000, 38_112_000, None]
    digits = digits_apart([value / 1e9 for value in macs if value])
    assert [giga(value, digits) for value in macs] == [
        "0.037672", "0.038111", "0.038112", "0.038112", "–",
    ]  # fmt: skip
    assert digits_apart([1.0, 2.0]) == digits_apart([]) == 3
    assert digits_apart([1.0, 1.0 + 1e-12]) == 3
    assert digits_apart([1.0, 1.0 + 1e-12, 1.00001]) == 5


def test_the_ends_of_a_range_have_one_number_of_digits():
    assert range_of(0.03767, 0.04) == "0.0377 to 0.0400"
    assert range_of(12.0, 345.6) == "12.0 to 345.6"
    assert range_of(1234.0, 1235.0) == "1234 to 1235"
    assert range_of(0.03767, 0.037672) == "0.037670 to 0.037672"


def test_zero_has_no_sign():
    assert number(-0.0001, 3, sign=True) == number(0.0, 3, sign=True) == "0.000"
    assert number(-0.01, 3, sign=True) == "−0.010"
    assert number(-0.00004) == "0.000"
    assert number(10.0, 0, sign=True) == "+10"


def test_a_narrow_interval_has_the_digits_to_be_seen():
    row = SimpleNamespace(difference=0.0001, low=-0.0002, high=0.0004)
    assert gap_digits(row) == 4
    assert gap_digits(SimpleNamespace(low=0.0003, high=0.01)) == 4
    assert gap_digits(SimpleNamespace(low=0.01, high=0.02)) == 3
    assert gap_digits(SimpleNamespace(low=0.0, high=0.0)) == 3
    assert gap_digits(SimpleNamespace(low=None, high=None)) == 3
