"""Figures for a paper: their lines are the numbers, their size is what was asked, and gray print tells lines apart."""

import io
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from paper_cells import add_cell
from PIL import Image

from bench.errors import UserError
from bench.report import paper_figures as figures
from bench.report.table_options import options
from bench.report.table_rows import TableRow, table_rows
from bench.results import query


def rows(root: Path) -> list[TableRow]:
    return table_rows(query.cells(root).cells, options("default", {}))


def test_success_over_thresholds_counts_a_failed_victim_as_none(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [1e-5, 1e-3, 1e-3, 1e-1], failed=[0])
    (axes,) = figures.success(rows(tmp_path), 3.3, 8, (1e-6, 1)).axes
    (line,) = axes.lines
    x, y = line.get_data()
    shares = [y[np.searchsorted(x, threshold)] for threshold in (1e-4, 1e-2, 0.9)]
    assert shares == [0, 0.5, 0.75]


def test_what_a_paper_reports_is_drawn_as_marks_in_the_colour_of_its_row(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [1e-5, 1e-3])
    add_cell(tmp_path, "mine", [])  # it has no line, and takes no other line's marks
    add_cell(tmp_path, "idlg", [1e-5, 1e-3])
    found = sorted(rows(tmp_path), key=lambda row: ["dlg", "mine", "idlg"].index(row.word("attack")))
    (axes,) = figures.success(
        found, 3.3, 8, (1e-6, 1e-1), [[], [(1e-3, 0.1)], [(1e-4, 0.5), (1e-2, 0.75), (1.0, 1)]]
    ).axes
    _, line, marks = axes.lines
    assert (list(marks.get_xdata()), list(marks.get_ydata())) == ([1e-4, 1e-2], [0.5, 0.75])
    assert marks.get_color() == line.get_color() and marks.get_linestyle() == "None"
    assert marks.get_label() == "idlg, the paper"


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 12])
def test_the_names_of_many_lines_hide_none_of_them(tmp_path: Path, count: int) -> None:
    """They stand below the plot, within the figure; no two lines look alike."""
    for seed in range(count):
        add_cell(tmp_path, f"attack_of_group_{seed}", [1e-5, 1e-3])
    figure = figures.success(rows(tmp_path), 3.3, 8, (1e-6, 1))
    figures.rendered(figure, "png")
    (axes,) = figure.axes
    legend = axes.get_legend() or figure.legends[0]
    assert len(legend.texts) == count
    assert len({(line.get_color(), str(line.get_linestyle()), str(line._dash_pattern)) for line in axes.lines}) == count
    drawn, plot = legend.get_window_extent(), axes.get_window_extent()
    assert drawn.x0 >= 0 and drawn.x1 <= figure.bbox.x1 and drawn.y0 >= 0
    assert (drawn.y1 <= plot.y0) == (count > 5)


def test_batches_have_medians_and_quartiles_by_size(tmp_path: Path) -> None:
    for batch in (4, 1, 2):
        add_cell(tmp_path, "dlg", [1e-3] * 4 * batch, batch=batch)
    (axes,) = figures.batches(rows(tmp_path), 3.3, 8).axes
    line = axes.lines[0]
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([1, 2, 4], [50, 50, 50])
    assert axes.get_legend().texts[0].get_text() == "dlg"


def test_a_grid_has_the_chosen_victims_and_says_how_they_ended(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [1e-3] * 3, images=True)
    add_cell(tmp_path, "idlg", [1e-3] * 3, images=True, failed=[2])
    figure = figures.grid(rows(tmp_path), 5, 8, [2, 0])
    shown = np.array(figure.axes).reshape(2, 3)
    assert [axes.get_title() for axes in shown[0]] == ["truth", "dlg", "idlg"]
    assert [axes.get_xlabel() for axes in shown[0]] == ["victim 2", "MSE 0.00100", "diverged"]
    truth, guess = (axes.images[0].get_array() for axes in shown[1][:2])
    assert np.allclose(truth + guess, 1, atol=2e-3)  # the helper's reconstruction is the negative


@pytest.mark.slow
def test_sizes_and_fonts_are_those_that_were_asked_for(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [1e-3] * 2)
    figure = figures.success(rows(tmp_path), 2.5, 6, (1e-6, 1))
    assert Image.open(io.BytesIO(figures.rendered(figure, "png"))).width == 750
    pdf = figures.rendered(figure, "pdf")
    assert pdf.startswith(b"%PDF") and re.search(rb"/MediaBox \[ 0 0 180 ", pdf)
    assert pdf == figures.rendered(figure, "pdf")  # no time in it
    assert figure.axes[0].xaxis.label.get_size() == 6


def test_lines_differ_in_gray_or_in_dashes() -> None:
    gray = [np.dot(to_rgb(colour), (0.299, 0.587, 0.114)) for colour in figures.COLOURS]
    for one in range(len(gray)):
        for other in range(one):
            assert figures.DASHES[one] != figures.DASHES[other] and figures.MARKS[one] != figures.MARKS[other]
    assert all(abs(a - b) > 0.1 for a, b in itertools.pairwise(gray))


def test_rows_are_named_by_what_differs(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [1e-3], lr=0.5)
    add_cell(tmp_path, "dlg", [1e-3])
    found = rows(tmp_path)
    assert [figures.name(row, found) for row in found] == ["dlg, lr 0.5", "dlg, lr 1.0"]


def test_what_cannot_be_drawn_is_told_in_a_line(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [1e-3] * 2, images=True)
    found = rows(tmp_path)
    with pytest.raises(UserError, match="no attack ran with two batch sizes"):
        figures.batches(found, 3.3, 8)
    with pytest.raises(UserError, match="victim 9 has no images in every row; these have: 0, 1"):
        figures.grid(found, 3.3, 8, [9])
    with pytest.raises(UserError, match="the lower one first"):
        figures.success(found, 3.3, 8, (1, 1e-3))
