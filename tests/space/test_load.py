"""YAML as people mean it, with lines; everything misleading refused, word for word."""

import pytest

from harness.errors import Fault, SpecError
from harness.space.load import read_text, read_yaml, yaml_text


@pytest.fixture
def faults(tmp_path):
    """The faults of a text read as a file, without the folder."""

    def read(text):
        file = tmp_path / "study.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(SpecError) as caught:
            read_yaml(file)
        return [str(one).replace(f"{tmp_path}/", "") for one in caught.value.faults]

    return read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E5", 1e5),
        ("-1.5e+3", -1500.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("3", 3),
        ("-3", -3),
        ("010", 10),
        ("07", 7),
        ("1_000", 1000),
        ("0x10", 16),
        ("1:30", "1:30"),
        ("2020-01-02", "2020-01-02"),
        ("1.2.3", "1.2.3"),
        ("p3..p7", "p3..p7"),
        ("2x", "2x"),
        (".", "."),
        ("e5", "e5"),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("none", "none"),
        ("'3'", "3"),
        ('"true"', "true"),
        (".inf", float("inf")),
        ("[1, 2.0, a]", [1, 2.0, "a"]),
        ("{on: no, a: {b: }}", {"on": "no", "a": {"b": None}}),
    ],
)
def test_values(text, value):
    read = read_text(text)
    assert read == value
    assert type(read) is type(value)


def test_lines_of_every_value_and_of_the_longest_known_path(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("# top\nrows:\n  td:\n    from: [in,\n      td.coarser]\n  a.b: 1\n")
    source = read_yaml(file)
    assert source.tree == {"rows": {"td": {"from": ["in", "td.coarser"]}, "a.b": 1}}
    assert source.lines["rows", "td", "from", 1] == 5
    assert source.line("rows.td.from") == 4
    assert source.line("rows.td.from.1") == 5
    assert source.line("rows.td.fuse.weighted") == 3
    assert source.line("rows.a.b") == 6
    assert source.line("nowhere") == source.line("") == 2
    error = source.error([Fault("rows.td.fuse", "is wrong"), Fault("x", "y", "other.yaml", 7)])
    assert [str(one) for one in error.faults] == [
        f"{file}:3  rows.td.fuse: is wrong",
        "other.yaml:7  x: y",
    ]


def test_all_duplicate_keys_with_both_lines(faults):
    text = "a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\na: 2\n"
    assert faults(text) == [
        "study.yaml:5  b.c: key 'c' is there twice, on lines 3 and 5",
        "study.yaml:6  a: key 'a' is there twice, on lines 1 and 6",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2\nb: 3\n", "study.yaml:2  not YAML: expected ',' or ']', but got ':'"),
        (
            "a: 1\n\tb: 2\n",
            "study.yaml:2  not YAML: found character '\\t' that cannot start any token",
        ),
        ("a: *x\n", "study.yaml:1  not YAML: found undefined alias 'x'"),
        ("a: 1\n---\nb: 2\n", "study.yaml:2  not YAML: but found another document"),
        ("", "study.yaml:1  expected fields, got nothing"),
        ("- 1\n", "study.yaml:1  expected fields, got a list"),
        ("a: &x [*x]\n", "study.yaml:1  a.0: an anchor holds itself"),
        (
            "a: !!python/object/apply:os.system [ls]\n",
            "study.yaml:1  a: tag 'python/object/apply:os.system' is not read",
        ),
        ("a: !mine 3\n", "study.yaml:1  a: tag '!mine' is not read"),
        ("a: !!int x\n", "study.yaml:1  a: 'x' is not a int"),
        (
            "a: &x {b: 1}\nc:\n  <<: *x\n",
            "study.yaml:3  c: merge keys (<<) are not read; write the fields out",
        ),
        ("? [a, b]\n: 1\n", "study.yaml:1  a key is one word"),
        (b"a: \xff\n", "study.yaml  is not UTF-8 text"),
        ("a: " + "[" * 5000, "study.yaml  is nested too deeply"),
    ],
)
def test_what_cannot_be_trusted(faults, text, message):
    assert faults(text) == [message]


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SpecError) as caught:
        read_yaml(tmp_path / "no.yaml")
    assert str(caught.value) == f"{tmp_path}/no.yaml  cannot be read: No such file or directory"
    (tmp_path / "note.yaml").write_text("{}")
    with pytest.raises(SpecError) as caught:
        read_yaml(tmp_path / "noe.yaml")
    assert str(caught.value).endswith(f"directory; did you mean {tmp_path}/note.yaml?")


def test_a_few_aliases_are_read_and_bombs_are_not(faults):
    assert read_text("{a: &x [1, 2], b: *x}") == {"a": [1, 2], "b": [1, 2]}
    many = "a: &x 1\nb: [" + ", ".join(["*x"] * 40) + "]\n"
    assert faults(many) == ["study.yaml:2  not YAML: more than 32 aliases"]
    lines = ["a0: &a0 [" + ", ".join(["1"] * 20) + "]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 7)}]" for i in range(1, 5)]
    assert faults("\n".join(lines)) == [
        "study.yaml:1  not YAML: holds more than 50,000 values, aliases written out"
    ]


@pytest.mark.parametrize("word", ["on", "1e-4", "010", "true", "~", "", "a: b", "2020-01-01", "né"])
def test_what_is_written_is_read_back(word):
    same = [word]
    tree = {word: word, "twice": [same, same], "numbers": [1, 1e-5, 1.0, True, None]}
    text = yaml_text(tree)
    assert read_text(text) == tree
    assert "&" not in text
    assert [type(one) for one in read_text(text)["numbers"]] == [
        int,
        float,
        float,
        bool,
        type(None),
    ]
