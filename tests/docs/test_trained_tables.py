"""The table of trained networks has the figures of docs/labels_trained.csv, with epochs in place of weights' files."""

import csv
import shutil
from pathlib import Path

import pytest
import trained_tables
from label_tables import read
from made_tables import END
from trained_tables import BEGIN, MEASURED, PAGE, tables


def test_the_page_has_the_figures_of_its_file() -> None:
    made = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    assert made.strip() == tables(read(MEASURED)).strip() != ""


def test_the_epoch_stands_in_place_of_the_file_of_the_weights() -> None:
    label = "lenet5 (per_victim=false, checkpoint=epoch_5.safetensors)"
    known = {"data": "mnist", "label_rule": "random", "labels": "own", "defense": "none", "rule": "yin"}
    found = tables([{**known, "model": label, "batch_size": size, "label_overlap": "0.5"} for size in "14"])
    assert "| lenet5, epoch 5 | `yin` | 0.50 | 0.50 |" in found.splitlines()


def test_a_results_file_is_copied_and_its_table_stands_between_the_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trained_tables, "MEASURED", tmp_path / "kept.csv")
    monkeypatch.setattr(trained_tables, "PAGE", tmp_path / "page.md")
    (tmp_path / "page.md").write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    shutil.copy(MEASURED, tmp_path / "labels.csv")
    trained_tables.main([str(tmp_path / "labels.csv")])
    with (tmp_path / "kept.csv").open(newline="") as kept, MEASURED.open(newline="") as shipped:
        assert list(csv.DictReader(kept)) == list(csv.DictReader(shipped))
    text = (tmp_path / "page.md").read_text()
    assert text == f"before\n{BEGIN}\n\n{tables(read(MEASURED))}\n\n{END}\nafter\n"
