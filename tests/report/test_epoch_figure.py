"""Leakage by epoch: epochs come from the names of checkpoints, and what is not known is refused."""

from pathlib import Path

import pytest
from paper_cells import add_cell

from bench.errors import UserError
from bench.report.epoch_figure import epochs
from bench.report.table_options import options
from bench.report.table_rows import TableRow, table_rows
from bench.results import query


def rows(root: Path) -> list[TableRow]:
    return table_rows(query.cells(root).cells, options("default", {}))


def test_a_line_goes_from_the_untrained_model_through_the_epochs_in_order(tmp_path: Path) -> None:
    for checkpoint, error in (("runs/epoch=10-step=200.ckpt", 1e-1), (None, 1e-4), ("epoch_2.pt", 1e-2)):
        add_cell(tmp_path, "dlg", [error] * 4, checkpoint=checkpoint)
        add_cell(tmp_path, "idlg", [error / 10] * 4, checkpoint=checkpoint)
    (axes,) = epochs(rows(tmp_path), 3.3, 8, "psnr").axes
    lines = [line for line in axes.lines if line.get_marker() not in ("", "None", None)]
    assert [list(line.get_xdata()) for line in lines] == [[0, 2, 10]] * 2
    assert [list(line.get_ydata()) for line in lines] == [[40, 20, 10], [50, 30, 20]]
    assert [text.get_text() for text in axes.get_legend().texts] == ["dlg", "idlg"]


def test_two_networks_each_have_a_line_through_their_checkpoints(tmp_path: Path) -> None:
    """The displayed name of a network lists its checkpoint, which the axis shows, and what tells the networks apart."""
    known = {"attack": "dlg", "data": "samples-mnist", "defense": "none", "threat": "basic"}
    for changes in ("", ", mode=train"):
        for epoch in (0, 3):
            model = f"convnet16 (per_victim=false, checkpoint=epoch_{epoch}.safetensors{changes})"
            labels = {**known, "model": model}
            add_cell(tmp_path, "dlg", [1e-2] * 4, checkpoint=f"epoch_{epoch}.safetensors", labels=labels)
    (axes,) = epochs(rows(tmp_path), 3.3, 8, "psnr").axes
    assert [text.get_text() for text in axes.get_legend().texts] == ["convnet16", "convnet16 (mode=train)"]


def test_an_interval_stands_at_its_epoch(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [0.02, 0.03, 0.05, 0.1] * 2, checkpoint=None)
    add_cell(tmp_path, "dlg", [1e-2] * 4, checkpoint="epoch1.pt")
    (axes,) = epochs(rows(tmp_path), 3.3, 8, "psnr").axes
    bars = [line for line in axes.lines if len(set(line.get_xdata())) == 1]
    (low, high) = bars[0].get_ydata()
    assert bars[0].get_xdata()[0] == 0 and low < axes.lines[0].get_ydata()[0] < high


@pytest.mark.parametrize(
    ("checkpoints", "metric", "says"),
    [
        ((None, "final.pt"), "psnr", "model.checkpoint=final.pt: its name has no epoch"),
        ((None,), "psnr", "no attack ran on two epochs"),
        ((None, "epoch_1.pt"), "psnrr", "--metric psnrr: the results have "),
        (("a/epoch_1.pt", "b/epoch_1.pt"), "psnr", "dlg has two rows of epoch 1"),
    ],
)
def test_what_is_not_known_is_refused(
    checkpoints: tuple[str | None, ...], metric: str, says: str, tmp_path: Path
) -> None:
    for checkpoint in checkpoints:
        add_cell(tmp_path, "dlg", [1e-3] * 2, checkpoint=checkpoint)
    with pytest.raises(UserError, match=says):
        epochs(rows(tmp_path), 3.3, 8, metric)
