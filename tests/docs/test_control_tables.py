"""The table of attacks beside their controls has the figures of its CSV file, and this those of a results folder."""

from pathlib import Path

import control_tables
import pytest
from control_tables import BEGIN, COLUMNS, MEASURED, PAGE, control_rows, control_table, joined, not_above
from made_tables import END, read
from paper_cells import add_cell

from bench.config import options

USUAL = {
    "attack": "dlg",
    "model": "lenet",
    "defense": "none",
    "threat": "basic",
    "batch_size": "1",
    "victims": "16",
    "failures": "0",
    "metric": "psnr",
    "figure": "45.32",
    "control": "12.84",
    "difference": "32.48",
    "low": "30.5",
    "high": "34.44",
    "p": "0.00003",
}


def row(**known: str) -> dict[str, str]:
    return {**dict.fromkeys(COLUMNS, ""), **USUAL, **known}


def test_the_page_has_the_figures_of_its_file() -> None:
    made = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    assert made.strip() == control_table(read(MEASURED)).strip() != ""


def test_the_page_names_each_attack_that_did_not_beat_its_control() -> None:
    said = PAGE.read_text().partition(BEGIN)[2].partition(END)[2].partition("\n## ")[0]
    lines = [line for line in said.splitlines() if line.startswith("- ")]
    assert [line.split("`")[1] for line in lines] == not_above(read(MEASURED))


def test_a_row_says_what_was_attacked_and_how_far_it_is_above_the_control() -> None:
    text = row(attack="lamp", model="bert_tiny", threat="surrogate", metric="rouge_l", figure="0.986", control="0.004")
    text |= {"difference": "0.982", "low": "-0.001", "high": "1.01", "p": "0.12", "failures": "2"}
    _, _, first, last = control_table([row(defense="pruning", batch_size="4"), text]).splitlines()
    assert (
        first == "| `dlg` | `lenet`, `pruning` | 4 | 0 of 16 | 45.3 dB | 12.8 dB | +32.5 (+30.5 to +34.4) | < 0.001 |"
    )
    words = "| `lamp` | `bert_tiny`, `threat=surrogate` | 1 | 2 of 16 | 0.99 | 0.00 | +0.98 (-0.00 to +1.01) | 0.12 |"
    assert last == words and not_above([row(), text, row(attack="sme", difference="-2.0")]) == ["lamp", "sme"]


def test_the_rows_are_those_of_a_results_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_cell(tmp_path, "dlg", [1e-4, 1e-3, 1e-4, None], failed=[3])
    with pytest.raises(ValueError, match="no cell of mean has the same victims"):
        control_rows(tmp_path)
    add_cell(tmp_path, "mean", [1e-1] * 5, control=True)
    (found,) = control_rows(tmp_path)
    assert (found["attack"], found["victims"], found["failures"], found["n"]) == ("dlg", 4, 1, 3)
    assert found["figure"] == pytest.approx(110 / 3) and found["difference"] == pytest.approx(110 / 3 - 10)
    asked = {**add_cell(tmp_path / "x", "idlg", [1e-4] * 2).facts["config"]}
    add_cell(tmp_path, "idlg", [1e-4] * 2, config={**asked, "data": {**asked["data"], "victims": 4}})
    assert control_rows(tmp_path) == [found]  # a cell that has not ended has no row
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    monkeypatch.setattr(control_tables, "MEASURED", tmp_path / "controls.csv")
    monkeypatch.setattr(control_tables, "PAGE", page)
    monkeypatch.setattr(control_tables, "current", lambda: {found["identity"]})
    control_tables.main([str(tmp_path)])
    assert "| `dlg` |" in page.read_text() and len(read(tmp_path / "controls.csv")) == 1


def test_a_results_folder_replaces_the_rows_of_its_cells_and_rows_that_the_suite_has_lost_are_dropped() -> None:
    old = [row(identity=identity, figure="20.0") for identity in ("again", "kept", "lost")]
    new = [
        {**row(identity=identity), "figure": number}
        for identity, number in {"again": 30.0, "new": 10.0, "x": 5.0}.items()
    ]
    found = joined(new, old, {"again", "kept", "new"})
    assert [(one["identity"], float(one["figure"])) for one in found] == [("again", 30), ("kept", 20), ("new", 10)]


def test_the_suite_has_every_attack_that_needs_no_download_and_is_no_published_preset() -> None:
    suite = "".join(options.entries("suite")[name].path.read_text() for name in ("attacks", "tables", "series"))
    wanted = {
        name for name in options.entries("attack") if not name.startswith("_") and not name.endswith("_published")
    }
    there = {word.removeprefix("attack=") for word in suite.split() if word.startswith("attack=")}
    assert wanted - {"lamp_gpt2"} == there - {"spear_published", "tsinverse_published"}
