"""What is said below a board: the sentences that a reader needs to compare the figures, each of them once."""

from pathlib import Path
from typing import Any

import pytest
from metric_facts import metric_columns

from bench.report.notes import notes
from bench.report.rows import Row, read
from bench.results import query, verification
from bench.results.intervals import MARKS
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak

# The sentences below every board.
ALWAYS = 3


def row_of(root: Path, attack: str = "dlg", victims: list[dict[str, Any]] | None = None, **facts: Any) -> Row:
    labels = {"attack": attack, "data": facts.pop("on", "mnist"), "model": "m", "defense": "none", "threat": "basic"}
    number = len(list(root.glob("cells/*")))
    cell = Store(root).cell(StoredLeak, attack, f"{number:016x}", {"labels": labels, **facts})
    rows = [{"victim": v, "status": "budget", "batch_size": 1, **more} for v, more in enumerate(victims or [])]
    cell.append(rows, [])
    return read(cell, query.rows(cell))


def said(*rows: Row, used: tuple[str, ...] = ()) -> list[str]:
    """The sentences but for those that stand below every board, and for those on what is missing."""
    found = notes(list(rows), list(rows), used)
    assert found[0].startswith("Every figure is over samples") and "Means: Student's t" in found[1]
    remarks = tuple(f"{key}: {reason} (" for row in rows for key, reason in row.summary["reasons"].items())
    remarks += ("Closed division: ", "Division not known: its record does not name the option of attack (")
    return [line for line in found[ALWAYS:] if not line.startswith(remarks)]


def test_a_board_with_nothing_to_say_has_the_usual_sentences_only(tmp_path: Path) -> None:
    assert said(row_of(tmp_path)) == []
    assert "MSE: geometric mean" in notes([row_of(tmp_path)], [], ())[1]
    spoken = row_of(tmp_path, data={"modality": "sentences"})
    assert "MSE" not in notes([spoken], [], ())[1]


def test_only_marks_that_are_used_are_explained(tmp_path: Path) -> None:
    assert said(row_of(tmp_path), used=("‡",)) == [f"‡ {MARKS['‡']}."]


def test_what_a_threat_model_grants_is_said_once(tmp_path: Path) -> None:
    """Grants without a meaning for images are left out, and those of a control's own threat model too."""
    grants = {"model": True, "batch_size": True, "labels": False, "lengths": True, "updates": 2}
    rows = [row_of(tmp_path, name, threat={"letter": "B", "grants": grants}) for name in ("dlg", "idlg")]
    control = row_of(tmp_path, "mean", threat={"letter": "A", "grants": {"model": False}})
    found = notes([*rows, control], rows, ())
    assert [line for line in found if line.startswith("Threat")] == [
        "Threat model B grants model, batch size (updates: 2); it does not grant labels."
    ]
    assert said(control) == ["Threat model A grants nothing; it does not grant model."]


@pytest.mark.parametrize("same", [True, False])
def test_settings_of_a_metric_name_their_data_only_if_they_differ(tmp_path: Path, same: bool) -> None:
    def metric(size: int) -> dict[str, Any]:
        known = {"identity": "secret", "column": {}, "net": "vgg", "range": [0, 1], "linear": True, "none": None}
        return {"lpips": {**known, "size": size}, "mse": {"column": {"title": "MSE"}}}

    rows = [row_of(tmp_path, on=on, metrics=metric(size)) for on, size in (("lfw", 64), ("svhn", 64 if same else 32))]
    words = "net vgg, range [0, 1], linear yes, size"
    together = [f"lpips: {words} 64."]
    apart = [f"lpips on lfw: {words} 64.", f"lpips on svhn: {words} 32."]
    assert said(*rows) == (together if same else apart)


def test_ends_repeats_remarks_and_dirty_commits_are_told(tmp_path: Path) -> None:
    victims = [{"repeats": 1, "commit": "abc+dirty"}, {"status": "diverged"}]
    row = row_of(tmp_path, victims=victims, data={"remark": "3 images have no label"})
    other = row_of(tmp_path, "idlg", [{}], on="svhn")
    assert said(row, other) == [
        "mnist: 3 images have no label.",
        "Victims by how the work on them ended: 2 budget, 1 diverged.",
        "Images repeated (more victims than the data set fills with new images): dlg on mnist (1 of 2).",
        "A commit marked dirty had changes that were not committed.",
    ]


def test_a_cell_that_failed_early_does_not_hide_what_a_data_set_leaves_out(tmp_path: Path) -> None:
    rows = [row_of(tmp_path, data={"remark": "3 images have no label"}), row_of(tmp_path, "idlg")]
    assert said(*rows).count("mnist: 3 images have no label.") == 1


def test_a_reason_is_said_once_with_the_cells_it_holds_for(tmp_path: Path) -> None:
    """A cell that has no figure at all has its reason in the table."""
    facts = {"metrics": metric_columns(), "reasons": {"lpips_vgg": "no net"}}
    rows = [row_of(tmp_path, name, [{}], **facts) for name in ("dlg", "idlg", "dlg")]
    refused = row_of(tmp_path, "cosine", **facts).cell
    refused.fail("not_applicable", "needs labels")
    found = notes([*rows, read(refused, query.rows(refused))], rows, ())
    assert [line for line in found if line.startswith("lpips_vgg")] == [
        "lpips_vgg: no net (dlg on mnist, idlg on mnist)."
    ]
    assert not any("needs labels" in line for line in found)


def test_rows_of_others_and_rows_outside_the_closed_division_are_named(tmp_path: Path) -> None:
    ours, theirs = row_of(tmp_path, "dlg", [{}]), row_of(tmp_path, "idlg", [{}])
    origin = {"at": "2026-01-01T00:00:00+00:00", "file": "entry.zip", "sha256": "0"}
    verification.write(theirs.cell.folder, verification.arrived(verification.read(theirs.cell.folder), origin))
    found = notes([ours, theirs], [], ())
    assert "Rows claimed: idlg on mnist." in found
    assert found[-2:] == [
        "Closed division: an attack as leakbench ships it. Open division: anything else.",
        "Division not known: its record does not name the option of attack (dlg on mnist, idlg on mnist).",
    ]


def test_rows_of_two_versions_of_leakbench_are_named(tmp_path: Path) -> None:
    rows = [
        row_of(tmp_path, name, [{"versions": f'{{"leakbench": "0.{at}.0"}}'}])
        for name, at in (("dlg", 1), ("idlg", 2), ("noise", 1))
    ]
    assert said(*rows)[-1] == (
        "Rows were computed with several versions of leakbench, so compare them with care: "
        "0.2.0 in idlg on mnist; 0.1.0 in the others."
    )
