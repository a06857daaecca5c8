"""Documents on disk: strict JSON whatever stands in them, and a sentence for every file that is none."""

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.results import document as documents
from bench.results.document import wrong

LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))


def no_json(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def named(value: Any) -> Any:
    """As another reader has it: numbers that JSON lacks by their names."""
    if isinstance(value, dict):
        return {key: named(item) for key, item in value.items()}
    if isinstance(value, list):
        return [named(item) for item in value]
    names = {math.inf: "inf", -math.inf: "-inf"}
    return "nan" if value != value else names.get(value, value) if isinstance(value, float) else value


@pytest.mark.slow
@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=3))
@settings(max_examples=25)
def test_a_document_is_strict_json_and_comes_back(value: dict[str, Any]) -> None:
    """Other programs stop at NaN; what is read is what `plain` promises, so that two documents can be compared."""
    text = documents.dump(value)
    assert json.loads(text, parse_constant=no_json) == named(value)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cell.json"
        path.write_text(text)
        assert documents.read(path) == documents.plain(value) == named(value)


def test_tuples_become_lists_and_names_become_text() -> None:
    assert documents.plain({1: (1, (2.5, float("-inf")))}) == {"1": [1, [2.5, "-inf"]]}


def nested(depth: int) -> str:
    """A mapping in which containers are nested so deeply."""
    return '{"a": ' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


BAD = {
    "[1]": "was not written by leakbench",
    nested(51): "was not written by leakbench",
    "[" * 100_000: "is nested too deeply",
    "{": "is not JSON",
    "": "is not JSON",
    '{"a": 1} x': "is not JSON",
}


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:12])
def test_a_file_that_holds_no_document_is_a_sentence(text: str, tmp_path: Path) -> None:
    path = tmp_path / "cell.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=f"^its cell.json {BAD[text]}"):
        documents.read(path)
    path.write_text(nested(50))
    assert list(documents.read(path)) == ["a"]


def test_no_pipe_is_waited_for_and_no_large_file_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(documents.LARGEST + 1)
    (tmp_path / "bytes").write_bytes(b"\xff")
    for name, words in (("pipe", "not a file of at most 16 MiB"), ("large", "16 MiB"), ("bytes", "is not text")):
        with pytest.raises(ValueError, match=f"^its {name} is .*{words.removeprefix('is ')}"):
            documents.read(tmp_path / name)
    with pytest.raises(ValueError, match=r"cannot be read|is not a file"):
        documents.read(tmp_path)
    with pytest.raises(FileNotFoundError):
        documents.read(tmp_path / "nothing")


def test_a_record_has_our_schema_and_its_labels(tmp_path: Path) -> None:
    path = tmp_path / "cell.json"

    def fault(text: str) -> str:
        path.write_text(text)
        with pytest.raises(ValueError, match=r"^it") as caught:
            documents.record(path, 2, ("attack", "data"))
        return str(caught.value)

    assert fault('{"schema": 1}') == "it has schema 1, this version reads schema 2"
    assert fault("{}") == "its cell.json was not written by leakbench (labels lack attack, data)"
    assert fault('{"facts": {"labels": {"attack": "x", "data": 1}}}').endswith("(labels lack data)")
    path.write_text('{"schema": 2, "facts": {"labels": {"attack": "x", "data": "y"}}}')
    found, facts = documents.record(path, 2, ("attack", "data"))
    assert found["facts"] == facts == {"labels": {"attack": "x", "data": "y"}}
    path.unlink()
    with pytest.raises(ValueError, match=r"^it has no cell.json$"):
        documents.record(path, 2, ())


SHAPE: dict[Any, Any] = {"n": int, "x": float, "on": bool, "words": [str], "any": object, "by": {...: {"n": int}}}
GOOD = [{}, {"other": object()}, {"n": 2**63 - 1, "x": 2, "on": False}, {"words": ["a", None], "any": [1], "by": {}}]
WRONG = {
    "n is not a count: -1": {"n": -1},
    "n is not a count: True": {"n": True},
    "n is not a count: 9223372036854775808": {"n": 2**63},
    "x is not a number: True": {"x": True},
    "x is not a number: 'nan'": {"x": "nan"},
    "on is not true or false: 1": {"on": 1},
    "words is not a list: 'ab'": {"words": "ab"},
    "words is not text: 3": {"words": ["a", 3]},
    "by.k.n is not a count: 0.5": {"by": {"k": {"n": 0.5}}},
    "by.k is not a mapping: list": {"by": {"k": [1]}},
    f"words is not text: {10**39}…": {"words": [10**50]},
}


def test_a_value_of_the_shape_has_no_fault_and_null_has_every_shape() -> None:
    assert [wrong(value, SHAPE) for value in GOOD] == [None] * len(GOOD)
    assert wrong(dict.fromkeys(SHAPE), SHAPE) is wrong(None, SHAPE) is None


@pytest.mark.parametrize("fault", WRONG)
def test_a_fault_is_told_with_its_place(fault: str) -> None:
    assert wrong(WRONG[fault], SHAPE) == fault


def test_a_list_in_place_of_a_document_is_told() -> None:
    assert wrong([1], SHAPE) == "it is not a mapping: list"
