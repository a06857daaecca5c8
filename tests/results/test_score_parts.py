"""Scores that are added later fill gaps, replace nothing, and belong to one reconstruction."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from bench.results import parts, query, score_parts
from bench.results.stored_leak import StoredLeak

CellMaker = Callable[..., StoredLeak]


@pytest.fixture
def cell(make_cell: CellMaker, rows: tuple) -> StoredLeak:
    """Victim 0 with a batch of two, whose second example has no MSE; victim 1 with one example."""
    victim, sample = rows
    cell = make_cell()
    cell.append([victim(0, batch_size=2)], [sample(0, 0, mse=0.1), sample(0, 1, mse=None)])
    cell.append([victim(1, batch_size=2)], [sample(1, 0, mse=0.3)])
    return cell


def part_of(cell: StoredLeak, victim: int) -> str:
    return dict(zip(*(query.victims(cell)[name].to_pylist() for name in ("victim", "part"))))[victim]


def add(cell: StoredLeak, victim: int, position: int, part: str | None = None, **scores: float | None) -> None:
    row = {"victim": victim, "position": position, "part": part or part_of(cell, victim)}
    score_parts.write(cell.parts, [{**row, **scores}])


def column(cell: StoredLeak, name: str) -> list[float | None]:
    return query.samples(cell)[name].to_pylist()


def test_gaps_are_filled_and_nothing_is_replaced(cell: StoredLeak) -> None:
    before = query.samples(cell)
    add(cell, 0, 0, mse=9.0, ssim=0.5)
    add(cell, 0, 1, mse=0.2, ssim=float("nan"))
    assert column(cell, "mse") == [0.1, 0.2, 0.3]
    assert column(cell, "ssim") == [0.5, None, None]
    others = [name for name in before.column_names if name != "mse"]
    assert query.samples(cell).select(others).equals(before.select(others))
    assert query.rows(cell).warnings == []


def test_of_two_added_scores_the_earlier_counts(cell: StoredLeak) -> None:
    add(cell, 0, 0, ssim=0.5)
    add(cell, 0, 0, ssim=0.6, psnr=20.0)
    assert column(cell, "ssim")[0] == 0.5 and column(cell, "psnr")[0] == 20.0


def test_a_victim_that_is_attacked_again_does_not_get_the_scores_of_its_earlier_reconstruction(
    cell: StoredLeak, rows: tuple
) -> None:
    victim, sample = rows
    add(cell, 1, 0, ssim=0.5)
    old = part_of(cell, 1)
    cell.append([victim(1, batch_size=2)], [sample(1, 0, mse=0.7)])
    assert "ssim" not in query.samples(cell).column_names
    add(cell, 1, 0, part=old, psnr=1.0)
    add(cell, 1, 0, ssim=0.6)
    assert column(cell, "ssim") == [None, None, 0.6] and "psnr" not in query.samples(cell).column_names


def test_progress_is_read_as_quickly_as_before(cell: StoredLeak) -> None:
    add(cell, 0, 0, ssim=0.5)
    assert parts.stored(cell.parts) == cell.done() == set(cell.times()) == {0, 1}


def test_what_was_never_computed_is_missing_and_what_is_undefined_is_not(cell: StoredLeak, rows: tuple) -> None:
    victim, sample = rows
    cell.append([victim(2, status="error")], [])
    cell.append([victim(3)], [sample(3, ssim=None)])

    def missing() -> dict[int, list[str]]:
        found = parts.read(cell.parts)
        known = (query.victims(cell), found.samples, found.scores.values())
        lacking = score_parts.missing(*known, ["mse", "ssim"], {"error"})
        assert all(part == part_of(cell, number) for part, number in lacking)
        return {number: names for (_, number), names in lacking.items()}

    assert missing() == {0: ["ssim"], 1: ["ssim"]}
    add(cell, 0, 0, ssim=None)
    assert missing() == {1: ["ssim"]}


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ({"label": pa.array([1.0])}, "label"),
        ({"mse": pa.array(["0"])}, "mse"),
        ({"part": pa.array([1])}, "part"),
    ],
)
def test_a_file_with_other_columns_is_left_out_and_named(cell: StoredLeak, names: dict, says: str) -> None:
    columns = {"victim": pa.array([0]), "position": pa.array([0]), "part": pa.array([part_of(cell, 0)])}
    table = pa.table({**columns, "stored": pa.array([1]), **names})
    parts.write_table(cell.parts / "scores-0.parquet", table)
    before = query.samples(cell)
    (warning,) = query.rows(cell).warnings
    assert "scores-0.parquet" in warning and says in warning and "label_guess" in before.column_names
    assert column(cell, "mse") == [0.1, None, 0.3]


def test_a_damaged_file_is_left_out_and_named(cell: StoredLeak) -> None:
    add(cell, 0, 0, ssim=0.5)
    (path,) = cell.parts.glob("scores-*")
    path.write_bytes(path.read_bytes()[:-30])
    (warning,) = query.rows(cell).warnings
    assert path.name in warning and "corrupt" in warning
    assert cell.done() == {0, 1} and parts.stored(cell.parts) == {0, 1}


def test_a_row_without_its_place_is_refused(cell: StoredLeak) -> None:
    with pytest.raises(ValueError, match="part, victim, position"):
        score_parts.write(cell.parts, [{"victim": 0, "position": 0, "ssim": 0.5}])
