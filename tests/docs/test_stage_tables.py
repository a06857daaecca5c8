"""The table of training stages has the figures of its CSV file, and this those of a results folder."""

import csv
from pathlib import Path

import pytest
import stage_tables
from made_tables import END, read, write
from stage_tables import BEGIN, COLUMNS, MEASURED, PAGE, by_data, stage_rows, stage_table

from bench.cli.main import main
from bench.results.store import cells
from bench.results.stored_training import StoredTraining
from bench.training import checkpoints

SUITE = """# a network before and after an epoch
overrides: [data=samples, data.set=mnist, data.victims=1, logger=none, metric=psnr, model=lenet5, trainer=cpu]
trainings:
  net: training=held_out training.train=12 training.test=6 training.batch_size=4 training.epochs=1 training.runs=1
       training.checkpoints=[0,1]
grid: [[model.per_victim=false model.checkpoint=training:net:1], [attack=mean, measure=labels labels=ilrg]]
"""


USUAL = {
    "network": "lenet",
    "mode": "eval",
    "accuracy": "0.1",
    "gradient_norm": "1.25",
    "batch_size": "1",
    "epoch": "0",
}


def row(attack: str, **known: str) -> dict[str, str]:
    return {**dict.fromkeys(COLUMNS, ""), **USUAL, "attack": attack, "batch_size": "1", **known}


def test_the_page_has_the_figures_of_its_file() -> None:
    tables = by_data(read(MEASURED))
    assert "mnist" in tables
    for name, rows in tables.items():
        made = PAGE.read_text().partition(BEGIN.format(name))[2].partition(END)[0]
        assert made.strip() == stage_table(rows).strip() != ""


def test_a_row_is_a_network_at_an_epoch_and_a_column_an_attack() -> None:
    rows = [
        row("dlg", psnr="40.04", psnr_low="30", psnr_high="50.06", **{"success_1e-2": "0.75"}),
        row("ilrg", batch_size="16", label_overlap="0.875"),
        row("limit", determined="1.0", condition="2036.9", rank="784.0", entries="784"),
        row("dlg", epoch="5", accuracy="0.95", gradient_norm="0.012"),
        row("limit", epoch="5", determined="0.25", rank="700.5", entries="784"),
        row("limit", epoch="9", determined="1.0", condition="15e9", rank="784", entries="784"),
    ]
    head, _, first, last, late = stage_table(rows).splitlines()
    assert head == "| network | mode | epoch | accuracy | gradient norm | `dlg`, B = 1 | `ilrg`, B = 16 | Jacobian |"
    figures = "40.0 dB (30.0 to 50.1); 0.75 | 0.88 of labels | 1.00 determined, condition 2,037"
    assert first == f"| lenet | eval | 0 | 0.100 | 1.2 | {figures} |"
    assert last == "| lenet | eval | 5 | 0.950 | 0.012 | failed | - | 0.25 determined, rank 700 of 784 |"
    assert late.endswith("| - | - | 1.00 determined, condition 1.5e+10 |")


@pytest.mark.slow
def test_the_file_is_made_of_a_results_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own" / "suite").mkdir(parents=True)
    (tmp_path / "own" / "suite" / "mine.yaml").write_text(SUITE)
    monkeypatch.chdir(tmp_path)
    assert main(["suite", "mine", "--config-dir", "own", "results=out", "executor.workers=1"]) == 0
    (training,), _ = cells(Path("out"), StoredTraining)
    said = checkpoints.read(training.checkpoint(0, 1))
    rules, mean = stage_rows(Path("out"))
    for found in (mean, rules):
        assert (found["network"], found["mode"], found["epoch"]) == ("lenet5", "eval", 1)
        assert (found["accuracy"], found["gradient_norm"]) == (said["accuracy"], said["gradient_norm"])
    assert mean["attack"] == "mean" and mean["psnr"] > 0 and mean["label_overlap"] is None
    assert rules["attack"] == "ilrg" and rules["psnr"] is None and 0 <= rules["label_overlap"] <= 1
    page, marks = tmp_path / "page.md", [BEGIN.format("samples-mnist"), BEGIN.format("other")]
    page.write_text(f"before\n\n{marks[0]}\nold\n{END}\n\nbetween\n{marks[1]}{END}")
    kept_row = row("dlg", data="other", psnr="7.0")
    write(tmp_path / "stage.csv", COLUMNS, [row("dlg", data="samples-mnist", psnr="1.0"), kept_row])
    monkeypatch.setattr(stage_tables, "MEASURED", tmp_path / "stage.csv")
    monkeypatch.setattr(stage_tables, "PAGE", page)
    stage_tables.main(["out"])
    kept = list(csv.DictReader((tmp_path / "stage.csv").open(newline="")))
    assert kept[0] == kept_row and [one["data"] for one in kept[1:]] == ["samples-mnist"] * 2
    ours, others = stage_table(kept[1:]), stage_table(kept[:1])
    text = f"before\n\n{marks[0]}\n\n{ours}\n\n{END}\n\nbetween\n{marks[1]}\n\n{others}\n\n{END}"
    assert page.read_text() == text and "`mean`, B = 1" in ours
