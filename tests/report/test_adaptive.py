"""A board names the defences that no attacker was granted, and its csv the attacks that were."""

from pathlib import Path

from bench.modalities.lookup import modality
from bench.report import adaptive
from bench.results import leaks
from bench.results.defense_result import DefenseBoard, DefenseResult
from bench.results.leaks import LeakageScore
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak


def leak(root: Path, number: int, attack: str, known: bool) -> LeakageScore:
    names = {"attack": attack, "data": "mnist", "model": "lenet", "defense": "sign", "threat": "basic"}
    config = {"seed": 0, "data": {"victims": 1}, "model": {}, "defense": {}, "attack": {}}
    facts = {"labels": names, "config": config, "threat": {"letter": "B", "grants": {"defense_known": known}}}
    cell = Store(root).cell(StoredLeak, attack, f"{number:016x}", facts)
    sample = {"victim": 0, "position": 0, "sample": 0, "label": 0, "label_guess": 0, "mse": 0.1}
    cell.append([{"victim": 0, "status": "budget", "batch_size": 1}], [sample])
    found = leaks.leak(cell, {})
    assert found is not None
    return found


def test_only_defences_that_nobody_was_granted_are_named(tmp_path: Path) -> None:
    plain, granted = leak(tmp_path, 0, "dlg", known=False), leak(tmp_path, 1, "strongest", known=True)
    none = DefenseResult("none", {}, "none", "", [plain])
    known = DefenseResult("sign", {}, "sign", "", [plain, granted])
    spared = DefenseResult("dgc", {}, "dgc", "", [plain])
    board = DefenseBoard("mnist", "lenet", ["basic"], 1, modality("images"), [none, known, spared], [], None, False)
    (note,) = adaptive.notes(board)
    assert note.startswith("Not attacked adaptively: dgc.") and "sign" not in note
    assert adaptive.raw(known) == ["strongest"] and adaptive.raw(spared) == [None]
    board.lines.remove(spared)
    assert adaptive.notes(board) == []
