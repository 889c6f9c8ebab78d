"""Numbers as a report writes them."""

import pytest

from harness.report.wordings import chance, either


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
