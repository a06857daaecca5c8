"""The column of what is proven stands on boards with DP-SGD alone, with the bound that the theorem gives."""

from bench.modalities.lookup import modality
from bench.report import proven
from bench.report.table import Value
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


def test_only_a_line_with_a_guarantee_has_a_bound(tmp_path) -> None:
    bound = {"candidates": 100, "bound": 0.0923}
    private, plain = line(tmp_path, 0, "dp_sgd", identification=bound), line(tmp_path, 1, "none", identification=None)
    shown = proven.cell(private)
    assert isinstance(shown, Value) and (shown.mean, shown.note) == (0.0923, " (1 in 100)")
    assert proven.cell(plain) == "-" and proven.raw(plain) == [None, None] and proven.raw(private) == [100, 0.0923]
    assert proven.columns(board(private, plain)) and not proven.columns(board(plain))
    (note,) = proven.notes(board(private, plain))
    assert "out of 100 equally likely ones" in note and proven.notes(board(plain)) == []
