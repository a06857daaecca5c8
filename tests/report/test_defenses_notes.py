"""The notes below a table of defences say what its figures are, each sentence once."""

from pathlib import Path

from bench.report.defenses_notes import notes
from bench.results.intervals import MARKS
from bench.results.join import boards
from bench.results.query import cells

NAMES = {"attack": "dlg", "data": "mnist", "model": "lenet", "threat": "basic"}


def made(root: Path, add_cell, **facts) -> list[str]:
    for number, defense in enumerate(("none", "gaussian")):
        labels = {**NAMES, "defense": defense}
        config = {"seed": 0, "data": {"batch_size": 1}, "defense": {"std": number}}
        add_cell(root, f"{number:016x}", "dlg", "mnist", "mnist_", 2, trace=True, labels=labels, config=config)
    (board,) = boards(cells(root).cells, [])
    return notes(board, ["‡"])


def test_a_reader_is_told_what_a_leak_and_a_rank_is_and_what_a_mark_means(tmp_path: Path, add_cell) -> None:
    found = made(tmp_path, add_cell)
    assert found[0].startswith("Leak: ") and len(set(found)) == len(found)
    assert any(line.startswith("Rank 1 leaks least.") for line in found)
    assert f"‡ {MARKS['‡']}." in found


def test_nothing_is_said_of_what_the_table_does_not_have(tmp_path: Path, add_cell) -> None:
    text = " ".join(made(tmp_path, add_cell))
    assert "Accuracy is of a model" not in text and "ε of a shared step" not in text and "Unbiased limit" not in text
