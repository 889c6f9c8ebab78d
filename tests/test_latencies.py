"""Latencies measured elsewhere: read with every fault at its line, shown beside ours."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.errors import LedgerError, SpecError
from harness.latencies import Elsewhere, Latencies, read_csv, read_latencies, write_latencies
from harness.studies import Cell, StudyResults, read_study

HEAD = "trial,device,runtime,milliseconds"


def study(*ids):
    cells = tuple(Cell("a", {}, seed, one, "done") for seed, one in enumerate(ids))
    return StudyResults("s", "p", "Which?", cells)


@pytest.fixture
def read(tmp_path):
    def read(text, ids=("aaaa1", "aaab2", "cccc3"), names=None):
        (tmp_path / "t.csv").write_text(text)
        return read_csv(tmp_path / "t.csv", study(*ids), names or {"arm one": ["aaaa1", "aaab2"]})

    return read


def test_rows_are_read_by_id_prefix_and_arm(read):
    found = read(
        "\ufefftrial, device,runtime,milliseconds,batch,precision,note\n"
        "aaaa1,Jetson,TensorRT,1.5,8,float16,\n"
        "\n"
        'c,"Pixel, 8",TFLite,2e1,,,by Ana\n'
        "arm one,Jetson,TensorRT,3,,,\n"
    ).rows
    assert found == (
        Elsewhere(("aaaa1",), "Jetson", "TensorRT", 1.5, 8, "float16"),
        Elsewhere(("cccc3",), "Pixel, 8", "TFLite", 20.0, note="by Ana"),
        Elsewhere(("aaaa1", "aaab2"), "Jetson", "TensorRT", 3.0),
    )
    assert [row.setting for row in found] == [
        "Jetson, TensorRT, batch 8, float16",
        "Pixel, 8, TFLite",
        "Jetson, TensorRT",
    ]


def test_all_faults_come_at_once_with_their_lines(read, tmp_path):
    with pytest.raises(SpecError) as caught:
        read(
            f"{HEAD},batch\n"
            "aaa,J,T,1,\n"
            "arm on,J,T,1,\n"
            "aaaa1,,T,fast,0\n"
            "aaaa1,J,T\n"
            "cccc3,J,T,2,1\n"
            "cccc,J,T,3,1\n"
            "cccc3,J,T,nan,2\n"
        )
    file = tmp_path / "t.csv"
    assert str(caught.value).splitlines() == [
        f"{file}:2  trial: 'aaa' begins 2 trials: aaaa1, aaab2",
        f"{file}:3  trial: no trial or arm 'arm on' in this study; did you mean 'arm one'?",
        f"{file}:4  device: is empty",
        f"{file}:4  batch: should be a whole number over 0, not '0'",
        f"{file}:4  milliseconds: should be a number over 0, not 'fast'",
        f"{file}:5  has 3 values for 5 columns",
        f"{file}:7  J, T, batch 1: this trial is there twice",
        f"{file}:8  milliseconds: should be a number over 0, not 'nan'",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "column 'trial' is missing"),
        ("trial,device,runtime,millisecond\n", "no column 'millisecond'; did you mean 'millis"),
        (f"{HEAD},trial\n", "column 'trial' is there twice"),
        (HEAD + "\n", "holds no latency"),
        (HEAD + '\naaaa1,"J,T,1\n', "not CSV"),
    ],
)
def test_files_that_are_none(read, text, said):
    with pytest.raises(SpecError, match=said):
        read(text)


def test_a_later_row_of_one_setting_takes_the_earliers_place(tmp_path):
    old, other = Elsewhere(("a",), "J", "T", 1.0), Elsewhere(("a",), "J", "T", 1.0, batch=2)
    new = Elsewhere(("a",), "J", "T", 2.0)
    kept = Latencies("s", "p", (old, other)).having([new])
    assert kept.rows == (new, other)
    path = write_latencies(tmp_path, kept)
    assert path == tmp_path / "latencies" / "s" / "p.json"
    assert read_latencies(tmp_path, "s", "p") == kept
    assert read_latencies(tmp_path, "other", "p").rows == ()
    path.write_text(path.read_text().replace("2.0", '"fast"'))
    with pytest.raises(LedgerError, match=r"p\.json: rows\.0\.milliseconds"):
        read_latencies(tmp_path, "s", "p")


def test_they_are_in_the_table_and_on_the_page_and_nowhere_else(
    small_study, fake_trial, tmp_path, monkeypatch, facts
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.run.open_facts", lambda cache: facts)

    def harness(*args):
        done = CliRunner().invoke(main, [str(arg) for arg in args])
        assert done.exit_code == 0, done.output
        return done.stdout

    harness("run", small_study, "--trial", fake_trial, "--engine", "inline")
    before = (tmp_path / "reports/small/default/summary.csv").read_text()
    cells = read_study(tmp_path / "results", "small", "default").cells
    first = cells[0].id
    (tmp_path / "t.csv").write_text(
        f"{HEAD},note\n{first},Jetson,TensorRT,1.25,\n"
        '"factor 2, coefficient 1",Jetson,TensorRT,4,at 15 W\n'
    )
    document = json.loads(harness("latency", small_study, "--import", "t.csv", "--json"))
    assert document["read"] == 2
    assert document["settings"] == {"Jetson, TensorRT": 3}
    assert "2 latencies read" in harness("latency", "small", "--import", "t.csv")
    harness("report", "small")
    table = pd.read_csv(tmp_path / "reports/small/default/table.csv")
    column = table.set_index("id")["latency_elsewhere_ms.Jetson, TensorRT"]
    assert set(column.loc[[first]]) == {1.25}
    assert sorted(column.dropna().unique()) == [1.25, 4.0]
    page = (tmp_path / "reports/small/default/index.html").read_text()
    section = page[page.index('id="elsewhere-h"') :]
    assert "Jetson, TensorRT" in section[:900]
    assert "at 15 W" in section
    assert (tmp_path / "reports/small/default/summary.csv").read_text() == before
