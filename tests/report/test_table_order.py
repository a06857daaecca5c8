"""Rows are ordered by what they are to be sorted by: figures by their direction, words as named, numbers by size."""

from pathlib import Path

import pytest
from paper_cells import add_cell

from bench.report.table_options import options
from bench.report.table_order import best, better, measures_of, ranked
from bench.report.table_rows import TableRow, table_rows
from bench.results import query


@pytest.fixture
def rows(tmp_path: Path) -> list[TableRow]:
    add_cell(tmp_path, "dlg", [1e-4] * 16, batch=2)
    add_cell(tmp_path, "idlg", [1e-2] * 160, batch=10)
    add_cell(tmp_path, "mine", [], batch=4).fail("error", "no memory")
    return table_rows(query.cells(tmp_path).cells, options("default", {}))


def names(rows: list[TableRow]) -> list[str]:
    return [row.word("attack") for row in rows]


def test_by_a_figure_the_best_first_and_rows_without_one_last(rows: list[TableRow]) -> None:
    ordered, ranks = ranked(rows, "psnr", options("default", {}))
    assert names(ordered) == ["dlg", "idlg", "mine"]
    assert list(ranks.values()) == [1, 1]  # no victim in common: other batches
    ordered, _ = ranked(rows, "psnr", options("default", {"best": "defense"}))
    assert names(ordered) == ["idlg", "dlg", "mine"]


def test_by_words_there_are_no_ranks_and_numbers_go_by_size(rows: list[TableRow]) -> None:
    ordered, ranks = ranked(rows, "B", options("default", {}))
    assert ([row.word("B") for row in ordered], ranks) == (["2", "4", "10"], {})
    ordered, _ = ranked(rows, "attack", options("default", {"rows": {"attack": ["mine", "idlg", "dlg"]}}))
    assert names(ordered) == ["mine", "idlg", "dlg"]
    ordered, _ = ranked(rows, "attack", options("default", {"order": "worst"}))
    assert names(ordered) == ["mine", "idlg", "dlg"]


def test_costs_are_better_if_lower_whoever_is_best(rows: list[TableRow]) -> None:
    known = measures_of(rows)
    for who in ("attack", "defense"):
        chosen = options("default", {"best": who})
        assert better(known["evaluations_per_victim"], chosen) == "down"
        assert better(known["psnr"], chosen) == {"attack": "up", "defense": "down"}[who]


def test_a_cell_that_stopped_early_is_never_best(tmp_path: Path) -> None:
    cell = add_cell(tmp_path, "dlg", [1e-4] * 8)
    add_cell(tmp_path, "idlg", [1e-2] * 8)
    chosen = options("default", {})

    def winner() -> str | None:
        rows = table_rows(query.cells(tmp_path).cells, chosen)
        at = best(rows, measures_of(rows)["psnr"], chosen)
        return next((row.word("attack") for row in rows if id(row) == at), None)

    assert winner() == "dlg"
    cell.fail("error", "no memory")
    assert winner() is None


def test_a_control_has_a_place_and_no_rank_and_is_never_best(tmp_path: Path) -> None:
    """Neither above an attack, where it would take a rank from it, nor as what leaks least beside a defence."""
    add_cell(tmp_path, "mean", [1e-3] * 8, control=True)
    add_cell(tmp_path, "dlg", [1e-1] * 8)
    add_cell(tmp_path, "idlg", [1e-2] * 8)
    for who, winner in (("attack", None), ("defense", "dlg")):
        chosen = options("default", {"best": who})
        rows = table_rows(query.cells(tmp_path).cells, chosen)
        ordered, ranks = ranked(rows, "psnr", chosen)
        expected = [("mean", None), ("idlg", 1), ("dlg", 2)]
        if who == "defense":
            expected = [("dlg", 1), ("idlg", 2), ("mean", None)]
        assert [(row.word("attack"), ranks.get(id(row))) for row in ordered] == expected
        at = best(rows, measures_of(rows)["psnr"], chosen)
        assert next((row.word("attack") for row in rows if id(row) == at), None) == winner


def test_a_control_without_common_victims_takes_no_rank(tmp_path: Path) -> None:
    """No test can separate it from the first row, and it shared rank 1 with a success rate of zero."""
    add_cell(tmp_path, "dlg", [1e-4] * 8, seed=1)
    add_cell(tmp_path, "mean", [1e-1] * 8, control=True)
    rows = table_rows(query.cells(tmp_path).cells, options("default", {}))
    ordered, ranks = ranked(rows, "psnr", options("default", {}))
    assert [(row.word("attack"), ranks.get(id(row))) for row in ordered] == [("dlg", 1), ("mean", None)]
