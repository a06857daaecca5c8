"""The column of identification: the measured rate, what the theorem gives under DP-SGD, or why there is none."""

from dataclasses import replace

from bench.modalities.lookup import modality
from bench.report import identification_column
from bench.report.table import Missing, Value
from bench.results import leaks
from bench.results.defense_result import DefenseBoard, DefenseResult
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak


def line(root, number: int, defense: str, **facts) -> DefenseResult:
    names = {"attack": "dlg", "data": "mnist", "model": "lenet", "defense": defense, "threat": "basic"}
    config = {"seed": 0, "data": {"victims": 1}, "model": {}, "defense": {}, "attack": {}}
    known = {"labels": names, "config": config, "defense": facts}
    cell = Store(root).cell(StoredLeak, defense, f"{number:016x}", known)
    sample = {"victim": 0, "position": 0, "sample": 0, "label": 0, "label_guess": 0, "mse": 0.1}
    cell.append([{"victim": 0, "status": "budget", "batch_size": 1}], [sample])
    leak = leaks.leak(cell, {})
    assert leak is not None
    return DefenseResult(defense, {}, defense, "", [leak])


def board(*lines: DefenseResult) -> DefenseBoard:
    return DefenseBoard("mnist", "lenet", ["basic"], 1, modality("images"), list(lines), [], None, floored=False)


def line_up(**found) -> dict:
    known = {"candidates": 100, "draws": 16, "picked": {"mean": 0.05, "low": 0.0, "high": 0.1, "n": 8}, "reasons": {}}
    return {**known, **found}


def test_only_a_line_with_a_guarantee_has_a_bound(tmp_path) -> None:
    bound = {"candidates": 100, "bound": 0.0923}
    private, plain = line(tmp_path, 0, "dp_sgd", identification=bound), line(tmp_path, 1, "none", identification=None)
    assert identification_column.cell(private) == "≤ 0.0923" and identification_column.cell(plain) == "-"
    assert identification_column.raw(plain) == [None] * len(identification_column.RAW)
    assert identification_column.raw(private) == [100, None, None, None, None, 0.0923]
    both, without = board(private, plain), board(plain)
    assert identification_column.columns(both) and not identification_column.columns(without)
    assert len(identification_column.cells(plain, both)) == 1 and identification_column.cells(plain, without) == []
    (note,) = identification_column.notes(both)
    assert "picks the example out of 100 more often" in note and identification_column.notes(without) == []


def test_the_measured_rate_stands_before_the_bound_and_a_reason_in_place_of_a_missing_one(tmp_path) -> None:
    bound = {"candidates": 100, "bound": 0.0923}
    private = replace(line(tmp_path, 0, "dp_sgd", identification=bound), identification=line_up())
    plain = replace(line(tmp_path, 1, "none", identification=None), identification=line_up())
    failed = line_up(picked=None, candidates=None, reasons={"cell": "not_applicable: it is too small"})
    small = replace(line(tmp_path, 2, "sign", identification=None), identification=failed)
    shown = identification_column.cell(private)
    assert isinstance(shown, Value) and (shown.mean, shown.places, shown.note) == (0.05, 3, " (≤ 0.0923)")
    assert isinstance(other := identification_column.cell(plain), Value) and other.note == ""
    assert identification_column.cell(small) == Missing("not_applicable: it is too small")
    assert identification_column.raw(private) == [100, 16, 0.05, 0.0, 0.1, 0.0923]
    text = " ".join(identification_column.notes(board(private, plain, small)))
    assert "out of 100 equally likely ones" in text and "picks it at 0.01" in text and "it is too small" in text
