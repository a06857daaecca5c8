"""The files of a part: numbers come back bit for bit, undefined ones as null, and foreign files are told apart."""

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from bench.results import part_format
from bench.results.stored_leak import StoredLeak

CellMaker = Callable[..., StoredLeak]
COLUMNS = [("n", pa.int64()), ("x", pa.float64()), ("word", pa.string())]
ROWS = st.fixed_dictionaries(
    {}, optional={"n": st.integers(-(2**63), 2**63 - 1), "x": st.floats(allow_nan=False), "word": st.text(max_size=5)}
)


@given(st.lists(ROWS, max_size=5))
@settings(max_examples=12)
def test_a_table_comes_back_bit_for_bit(rows: list[dict]) -> None:
    """A value that a row lacks is null; infinities and the sign of 0 are kept."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr("os.fsync", lambda handle: None)
        path = Path(folder) / "samples-x.parquet"
        part_format.write_table(path, part_format.table_of(rows, COLUMNS), ["n", "another"])
        table, problem = part_format.read_table(path)
    assert problem is None and table is not None
    assert repr(table.to_pylist()) == repr([{name: row.get(name) for name, _ in COLUMNS} for row in rows])


def test_an_undefined_score_is_null() -> None:
    """NaN would pass through a mean unnoticed; infinity is a value, which a summary leaves out and counts."""
    given = [None, math.nan, np.float32("nan"), 1, np.float32(0.5), math.inf]
    assert [part_format.number(value) for value in given] == [None, None, None, 1.0, 0.5, math.inf]
    assert type(part_format.number(np.float32(0.5))) is float


def test_a_file_says_whose_it_is(tmp_path: Path) -> None:
    assert part_format.version_problem("1") is None
    assert part_format.version_problem(None) == "it was not written by leakbench"
    path = tmp_path / "samples-x.parquet"
    pq.write_table(pa.table({"n": [1]}), path)
    assert part_format.read_table(path) == (None, "it was not written by leakbench")
    pq.write_table(pa.table({"n": [1]}).replace_schema_metadata({"leakbench": "0"}), path)
    assert part_format.read_table(path) == (None, "it has schema 0, this version reads schema 1")
    path.write_bytes(b"PAR1")
    table, problem = part_format.read_table(path)
    assert table is None and problem is not None and problem.startswith("it is corrupt (") and "\n" not in problem


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    """The number would be a number too, so only the checksum of its page can tell."""
    path = tmp_path / "samples-x.parquet"
    part_format.write_table(path, part_format.table_of([{"x": 0.1}, {"x": 0.2}], COLUMNS))
    content = bytearray(path.read_bytes())
    content[content.index(np.float64(0.2).tobytes())] ^= 1
    path.write_bytes(content)
    table, problem = part_format.read_table(path)
    assert table is None and problem is not None and problem.startswith("it is corrupt (")


def test_tensor_files_of_one_kind_with_all_their_tensors(tmp_path: Path) -> None:
    ours, ids = {"leakbench": "1"}, {"ids": np.arange(2)}
    save_file(ids, tmp_path / "images-a.safetensors", ours)
    save_file(ids, tmp_path / "other-a.safetensors", ours)
    save_file(ids, tmp_path / ".images-b.safetensors", ours)
    save_file(ids, tmp_path / "images-old.safetensors", {"leakbench": "0"})
    (tmp_path / "images-cut.safetensors").write_bytes(b"x")
    found, warnings = part_format.tensor_files(tmp_path, "images", ["ids"])
    assert found == {"a": tmp_path / "images-a.safetensors"}
    assert [word.partition(": ")[0] for word in warnings] == [
        f"skipped {tmp_path / f'images-{name}.safetensors'}" for name in ("cut", "old")
    ]
    assert "corrupt" in warnings[0] and "it has schema 0" in warnings[1]
    lacking, warnings = part_format.tensor_files(tmp_path, "other", ["ids", "truth"])
    assert lacking == {} and "not written by leakbench" in warnings[0]
    assert part_format.names(tmp_path / "nowhere") == []


def test_a_part_carries_no_more_than_is_asked_for(make_cell: CellMaker, rows: tuple) -> None:
    """Hundreds of cells are thousands of small files: what reading them takes is their number of pages and entries."""
    victim, sample = rows
    cell = make_cell()
    cell.append([victim(0)], [sample(0)])
    for path in cell.parts.glob("*.parquet"):
        footer = pq.read_metadata(path)
        columns = [footer.row_group(0).column(at) for at in range(footer.num_columns)]
        assert not any(column.has_dictionary_page for column in columns)
        told = {column.path_in_schema for column in columns if column.is_stats_set}
        assert told == {"victim", "status"} & set(footer.schema.names)
        assert footer.metadata == {b"leakbench": b"1"}


UNITS = [("unit", pa.int64()), ("status", pa.string())]


def test_rows_with_other_columns_are_refused_by_name() -> None:
    part_format.check_rows([{"unit": 1}, {"unit": 2, "status": "x"}], UNITS, ["unit"], "a test")
    with pytest.raises(ValueError, match=r"^a row of a test has unknown columns: colour, size$"):
        part_format.check_rows([{"unit": 1}, {"unit": 1, "size": 2, "colour": 3}], UNITS, ["unit"], "a test")
    with pytest.raises(ValueError, match=r"^a row of a test lacks unit, status$"):
        part_format.check_rows([{}], UNITS, ["unit", "status"], "a test")


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3))))
def test_the_latest_row_of_each_unit_counts(stored: list[tuple[int, int]]) -> None:
    rows = [{"unit": unit, "stored": time, "place": place} for place, (unit, time) in enumerate(stored)]
    found = part_format.latest_rows(rows, "unit")
    assert [row["unit"] for row in found] == sorted({unit for unit, _ in stored})
    for row in found:
        own = [each for each in rows if each["unit"] == row["unit"]]
        assert row == max(own, key=lambda each: (each["stored"], -each["place"]))  # the first of equal times
