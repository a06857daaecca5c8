"""Two cells are compared on the same victims only, and each difference has the numbers that one gets by hand."""

import io
from pathlib import Path

import pyarrow as pa
import pytest
from paper_cells import add_cell
from rich.console import Console

from bench.errors import UserError
from bench.report.comparison import compare, sentences, table
from bench.results import parts
from bench.results.paired import sign_flip
from bench.results.part_format import write_table

FIRST, SECOND = [1e-4, 1e-3, 1e-2, 1e-1], [1e-2, 1e-3, 1e-1, 1e-1, 1e-5]


def test_the_differences_of_each_metric(tmp_path: Path) -> None:
    found = compare(add_cell(tmp_path, "dlg", FIRST), add_cell(tmp_path, "idlg", SECOND))
    known = {measure.key: difference for measure, difference in found.metrics}
    psnr, mse = known["psnr"], known["mse"]
    assert found.common == 4 and psnr is not None and mse is not None
    assert (psnr.first, psnr.second, psnr.difference) == pytest.approx((25, 17.5, 7.5))
    assert psnr.p == sign_flip([20, 0, 10, 0])
    assert (mse.difference, mse.ratio) == (pytest.approx(10**-0.75), True)
    assert known["success_1e-2"].difference == pytest.approx(0.25)  # type: ignore[union-attr]
    assert found.apart == [{"attack": "dlg"}, {"attack": "idlg"}]
    assert "label_overlap" not in known  # batches of one


def test_a_victim_without_a_value_is_told(tmp_path: Path) -> None:
    found = compare(add_cell(tmp_path, "dlg", [None, *FIRST[1:]]), add_cell(tmp_path, "idlg", SECOND))
    psnr = {measure.key: one for measure, one in found.metrics}["psnr"]
    assert psnr is not None and (psnr.n, psnr.unpaired) == (3, 1)
    assert any("over survivors" in sentence for sentence in sentences(found))


def test_cells_of_the_same_names_say_what_differs(tmp_path: Path) -> None:
    found = compare(add_cell(tmp_path, "dlg", FIRST, lr=0.5), add_cell(tmp_path, "dlg", SECOND))
    assert found.apart == [{"lr": "0.5"}, {"lr": "1.0"}]
    assert found.document()["cells"][0]["differs"] == {"lr": "0.5"}


def test_the_terminal_shows_every_metric(tmp_path: Path) -> None:
    found = compare(add_cell(tmp_path, "dlg", FIRST), add_cell(tmp_path, "idlg", SECOND))
    console = Console(width=110, record=True, file=io.StringIO())
    console.print(table(found))
    text = console.export_text()
    assert "A: attack dlg" in text and "both: data samples-mnist" in text
    assert "success rate, MSE 1e-3" in text and "×0.178" in text


def test_cells_that_cannot_be_paired_are_refused(tmp_path: Path) -> None:
    one = add_cell(tmp_path, "dlg", FIRST)
    with pytest.raises(UserError, match="is named twice"):
        compare(one, one)
    with pytest.raises(UserError, match=r"not paired: data\.seed is 0 in one and 1 in the other"):
        compare(one, add_cell(tmp_path, "dlg", FIRST, seed=1))
    with pytest.raises(UserError, match="no finished victim in common"):
        compare(one, add_cell(tmp_path, "idlg", []))


@pytest.mark.parametrize(("chunk", "equal", "known"), [(None, False, False), (1, True, False), (1, False, True)])
def test_the_time_of_victims_that_ran_at_once_has_no_interval_and_no_p(
    tmp_path: Path, chunk: int | None, equal: bool, known: bool
) -> None:
    """Their times are shares of one time: they agreed to the last bit, and gave an interval of no width and a p."""
    cells = []
    for attack, errors in (("dlg", FIRST), ("idlg", SECOND)):
        cell = add_cell(tmp_path, attack, errors)
        cell.facts["config"]["engine"] = {"chunk": chunk}
        if not equal:
            path = next(cell.parts.glob("victims-*.parquet"))
            table_ = parts.read(cell.parts).victims[path.stem.partition("-")[2]]
            at, times = table_.column_names.index("seconds"), pa.array([0.5 + i / 7 for i in range(len(table_))])
            write_table(path, table_.set_column(at, table_.schema.field("seconds"), times))
        cells.append(cell)
    found = compare(*cells)
    time = {measure.key: one for measure, one in found.metrics}["seconds_per_victim"]
    assert time is not None and time.difference == pytest.approx(0)
    assert [value is not None for value in (time.low, time.high, time.p)] == [known] * 3
    assert any("time has neither an interval nor a p" in one for one in sentences(found)) is not known
    console = Console(width=110, record=True, file=io.StringIO())
    console.print(table(found))
    (line,) = [line for line in console.export_text().splitlines() if line.startswith("│ time")]
    assert ("to" in line) is known
