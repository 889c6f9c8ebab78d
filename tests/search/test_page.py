"""What docs/topology-spaces.md says works as it stands."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from harness.search.topologies import random_pick, space_of
from harness.space.load import read_text
from harness.space.overlay import Placed
from harness.space.topology_space import TopologySpaceStudy
from harness.space.validate import validated

PAGE = (Path(__file__).parents[2] / "docs" / "topology-spaces.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_its_spaces_can_be_drawn_from(text):
    said = validated(TopologySpaceStudy, Placed(read_text(text), {}))
    assert space_of(said).draw(random_pick(0))["nodes"]


def test_what_it_calls_defaults_are_the_defaults():
    said = validated(TopologySpaceStudy, Placed(read_text(blocks("yaml")[0]), {})).merging_cells
    default = type(said)()
    assert said.inner == default.inner
    assert said.model_copy(update={"inner_levels": None}) == default


def test_its_program_runs():
    (program,) = blocks("python")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(program, {})
    lines = said.getvalue().splitlines()
    assert lines[0].endswith(" None")
    assert lines[1] == "# Drawn with seed 0."
