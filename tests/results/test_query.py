"""Readers see each victim once, its latest append whole, and survive every kind of file that does not belong there."""

import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from bench.errors import UserError
from bench.results import latest, parts, query
from bench.results.stored_leak import StoredLeak

CellMaker = Callable[..., StoredLeak]


@pytest.fixture
def cell(make_cell: CellMaker, rows: tuple) -> StoredLeak:
    """A cell with two appends: victims 0 and 1, then 2."""
    victim, sample = rows
    cell = make_cell()
    cell.append([victim(1), victim(0)], [sample(1, mse=0.1), sample(0, mse=0.0)])
    cell.append([victim(2)], [sample(2, mse=0.2)])
    return cell


def test_rows_come_back_as_they_went_in(cell: StoredLeak, rows: tuple) -> None:
    victim, sample = rows
    stored = query.rows(cell)
    found = [{key: row[key] for key in victim(0)} for row in stored.victims.to_pylist()]
    assert found == [victim(0), victim(1), victim(2)]
    found = [{key: row[key] for key in sample(0)} for row in stored.samples.to_pylist()]
    assert found == [sample(0, mse=0.0), sample(1, mse=0.1), sample(2, mse=0.2)]
    assert stored.warnings == []


def test_the_latest_append_of_a_victim_wins_whole(cell: StoredLeak, rows: tuple) -> None:
    """A victim done again with fewer samples must not keep a sample of its first time."""
    victim, sample = rows
    cell.append([victim(7, batch_size=2)], [sample(7, 0, mse=0.7), sample(7, 1, mse=0.7)])
    cell.append([victim(7, batch_size=2, status="nonfinite")], [sample(7, 0, mse=None)])
    stored = query.rows(cell)
    assert stored.victims["victim"].to_pylist() == [0, 1, 2, 7]
    assert stored.victims["status"].to_pylist()[3] == "nonfinite"
    assert [row["mse"] for row in stored.samples.to_pylist() if row["victim"] == 7] == [None]


def test_metrics_may_differ_between_parts(cell: StoredLeak, rows: tuple) -> None:
    victim, sample = rows
    cell.append([victim(3)], [sample(3, lpips_vgg=0.5)])
    assert query.samples(cell)["lpips_vgg"].to_pylist() == [None, None, None, 0.5]


def test_undefined_numbers_are_null(cell: StoredLeak, rows: tuple) -> None:
    victim, sample = rows
    cell.append([victim(3)], [sample(3, mse=float("nan"), psnr=np.float32(2.5))])
    row = query.samples(cell).to_pylist()[3]
    assert (row["mse"], row["psnr"]) == (None, 2.5)


def test_limit_keeps_ids_below(cell: StoredLeak) -> None:
    stored = query.rows(cell).limit(2)
    assert stored.victims["victim"].to_pylist() == [0, 1]
    assert stored.samples["victim"].to_pylist() == [0, 1]
    assert query.rows(cell).limit(None).victims.num_rows == 3


def foreign(folder: Path) -> tuple[Path, str]:
    path = folder / "victims-foreign.parquet"
    pq.write_table(pa.table({"victim": [5], "status": ["converged"]}), path)
    return path, "not written by leakbench"


def old(folder: Path) -> tuple[Path, str]:
    path = folder / "samples-old.parquet"
    table = pq.read_table(next(folder.glob("samples-*.parquet")))
    pq.write_table(table.replace_schema_metadata({"leakbench": "0"}), path)
    return path, "it has schema 0, this version reads schema 1"


def other_columns(folder: Path) -> tuple[Path, str]:
    path = folder / "victims-columns.parquet"
    table = pq.read_table(next(folder.glob("victims-*.parquet")))
    pq.write_table(table.drop_columns(["status"]), path)
    return path, r"its columns are not leakbench's \(status\)"


def text(folder: Path) -> tuple[Path, str]:
    path = folder / "victims-text.parquet"
    path.write_text("victim,status\n5,converged\n")
    return path, "it is corrupt"


def empty(folder: Path) -> tuple[Path, str]:
    path = folder / "victims-empty.parquet"
    path.touch()
    return path, "it is corrupt"


def another_name(folder: Path) -> tuple[Path, str]:
    path = folder / "notes.parquet"
    pq.write_table(pq.read_table(next(folder.glob("victims-*.parquet"))), path)
    return path, "not written by leakbench"


def no_parquet(folder: Path) -> tuple[Path, str]:
    path = folder / "notes.txt"
    path.write_text("remember")
    return path, "not a file of leakbench"


def foreign_images(folder: Path) -> tuple[Path, str]:
    from safetensors.numpy import save_file

    path = folder / "images-foreign.safetensors"
    save_file({"ids": np.arange(3)}, path)
    return path, "not written by leakbench"


@pytest.mark.parametrize(
    "add",
    [foreign, old, other_columns, text, empty, another_name, no_parquet, foreign_images],
    ids=lambda f: f.__name__,
)
def test_a_file_that_does_not_belong_is_named_and_skipped(
    cell: StoredLeak, add: Callable[[Path], tuple[Path, str]]
) -> None:
    path, why = add(cell.parts)
    stored = query.rows(cell)
    assert stored.victims["victim"].to_pylist() == [0, 1, 2]
    assert cell.done() == {0, 1, 2}
    assert len(stored.warnings) == 1
    assert str(path) in stored.warnings[0]
    assert re.search(why, stored.warnings[0])
    assert query.images(cell) == []


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
@pytest.mark.parametrize("kind", ["victims", "samples"])
def test_a_damaged_part_is_skipped_and_its_victim_done_again(cell: StoredLeak, kind: str, damage: str) -> None:
    """A flipped bit in a number is a number too: the footer says nothing, the page's checksum finds it."""
    part = query.victims(cell)["part"].to_pylist()[2]
    path = cell.parts / f"{kind}-{part}.parquet"
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    else:
        at = content.find(struct.pack("<d", 0.2 if kind == "samples" else 1e-6))
        assert at >= 0
        content[at] ^= 1
    path.write_bytes(content)
    stored = query.rows(cell)
    assert stored.victims["victim"].to_pylist() == [0, 1]
    assert stored.samples["victim"].to_pylist() == [0, 1]
    assert cell.done() == {0, 1}
    assert any(str(path) in line and "corrupt" in line for line in stored.warnings)


def test_images_come_back_for_the_append_that_counts(cell: StoredLeak, rows: tuple) -> None:
    victim, sample = rows
    old_image, new_image = np.full((1, 1, 3, 4, 4), 0.25), np.full((1, 1, 3, 4, 4), 0.75)
    trace = {"moments": np.array([[0, 7]]), "images": np.full((1, 2, 1, 3, 4, 4), 2.0)}
    for truth in (old_image, new_image):
        images = {"ids": np.array([2]), "truth": truth, "guess": truth - 1, **trace}
        cell.append([victim(2)], [sample(2)], images)
    (found,) = query.images(cell)
    assert found.victim == 2
    assert (found.truth == np.float16(0.75)).all()
    assert (found.guess == 0).all()
    assert found.images.shape == (2, 1, 3, 4, 4)
    assert (found.images == 1).all()
    assert found.moments.tolist() == [0, 7]
    assert found.curve.tolist() == []


def test_images_of_the_first_victims_only(cell: StoredLeak, rows: tuple) -> None:
    victim, sample = rows
    image = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1, 1)
    ids = np.array([13, 11, 12, 10])
    cell.append([victim(i) for i in ids], [sample(i) for i in ids], {"ids": ids, "truth": image, "guess": image})
    assert [(v.victim, v.truth.item()) for v in query.images(cell, 2)] == [(10, 3), (11, 1)]


def test_an_empty_cell_has_no_rows(make_cell: CellMaker) -> None:
    stored = query.rows(make_cell())
    assert (stored.victims.num_rows, stored.samples.num_rows, stored.warnings) == (0, 0, [])


def test_strange_things_in_the_results_folder_are_named(cell: StoredLeak, tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "old.parquet")
    (tmp_path / "cells" / "mine").mkdir()
    broken = tmp_path / "cells" / "broken"
    broken.mkdir()
    (broken / "cell.json").write_text("{")
    (tmp_path / "cells" / ".idlg.tmp").mkdir()
    listing = query.cells(tmp_path)
    assert [found.folder for found in listing.cells] == [cell.folder]
    assert len(listing.warnings) == 3
    for path, why in ((broken, "not JSON"), (tmp_path / "cells" / "mine", "no cell.json"), (tmp_path, "old.parquet")):
        assert any(str(path) in line and why in line for line in listing.warnings)


def test_a_missing_results_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no results folder at .*nowhere; name one"):
        query.cells(tmp_path / "nowhere")


def told(number: int) -> dict[str, object]:
    return {"text": f"a {number}", "text_guess": None, "text_trace": '[[0, "b"], [7, "a"]]'}


def test_sentences_may_stand_in_some_parts_only(cell: StoredLeak, rows: tuple) -> None:
    """Those of the first victims are kept; parts written before, or of later victims, have no such columns."""
    victim, sample = rows
    cell.append([victim(3), victim(4)], [{**sample(3), **told(3)}, sample(4)])
    stored = query.rows(cell)
    assert stored.warnings == [] and stored.samples.num_rows == 5
    assert query.sentences(cell, stored) == [query.Sentence(3, 0, "a 3", None, [(0, "b"), (7, "a")])]
    cell.append([victim(3)], [sample(3)])  # the latest append counts whole
    assert query.sentences(cell) == []


@pytest.mark.parametrize("damage", ["a number", "one of three"])
def test_words_of_another_kind_are_refused(cell: StoredLeak, rows: tuple, damage: str) -> None:
    path = next(cell.parts.glob("samples-*.parquet"))
    table, schema = pq.read_table(path), pq.read_schema(path)
    words = [pa.array([1.0] * len(table)) if damage == "a number" else pa.array(["x"] * len(table))]
    table = table.append_column("text", words[0]).replace_schema_metadata(schema.metadata)
    pq.write_table(table, path)
    assert any("its columns are not leakbench's (text" in line for line in query.rows(cell).warnings)


def test_curves_are_kept_without_pictures(cell: StoredLeak, rows: tuple) -> None:
    victim, sample = rows
    curve = {"curve_at": np.array([[0, 9, -1]]), "curve": np.array([[1.0, 0.5, 0.0]], np.float32)}
    cell.append([victim(3)], [sample(3)], {"ids": np.array([3]), **curve})
    assert query.images(cell) == []
    (found,) = query.curves(cell)
    assert (found.victim, found.at.tolist(), found.values.tolist()) == (3, [0, 9, -1], [1.0, 0.5, 0.0])
    with pytest.raises(ValueError, match="image tensors lack guess, truth"):
        cell.append([victim(4)], [sample(4)], {"ids": np.array([4]), "images": np.zeros((1, 1, 1, 1, 4, 4)), **curve})


def test_rows_that_all_count_are_those_that_the_query_chooses(cell: StoredLeak, rows: tuple) -> None:
    """Two ways to the same tables: the quick one, and the query that also knows which of two appends counts."""
    victim, sample = rows
    cell.append([victim(9, batch_size=2), victim(4)], [sample(9, 1, lpips_vgg=0.5), sample(9, 0), sample(4)])
    tables = [list(getattr(parts.read(cell.parts), kind).values()) for kind in ("victims", "samples")]
    joined = [pa.concat_tables(found, promote_options="default").combine_chunks() for found in tables]
    quick = latest.in_order(*joined)
    assert quick is not None
    assert [one.to_pylist() for one in quick] == [one.to_pylist() for one in latest.latest(*joined)]
    assert quick[0]["victim"].to_pylist() == [0, 1, 2, 4, 9]
    alone, others = [table.filter(pc.field("victim") == 9) for table in joined], joined[0].slice(1)
    assert latest.in_order(pa.concat_tables([joined[0], alone[0]]), joined[1]) is None  # a victim twice
    assert latest.in_order(others, joined[1]) is None  # a sample without its victim
    stray = alone[1].set_column(alone[1].schema.get_field_index("part"), "part", pa.array(["x"] * len(alone[1])))
    assert latest.in_order(alone[0], stray) is None  # of another append than its victim


def test_results_of_an_earlier_version_are_named_and_skipped(cell: StoredLeak, tmp_path: Path) -> None:
    """Folders without a kind, and the folder in which trainings lay."""
    old = tmp_path / "cells" / "idlg-mnist-0123456789abcdef"
    old.mkdir()
    (old / "cell.json").write_text('{"schema": 1, "identity": "0123456789abcdef"}')
    (tmp_path / "prices").mkdir()
    listing = query.cells(tmp_path)
    assert [found.folder for found in listing.cells] == [cell.folder]
    assert listing.warnings == [
        f"skipped {old}: this version of leakbench did not write it: run the same command again",
        f"skipped {tmp_path / 'prices'}: this version of leakbench keeps trainings in cells/: train again",
    ]
