"""The tables of limits: every cell has its row, and a folder with limits alone has a report."""

import csv
import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from limit_rows import hidden_row, limit_row

from bench.cli.main import main
from bench.report import csv_file, limits, markdown, measured
from bench.results import store
from bench.results.store import Store
from bench.results.stored_limits import StoredLimits


def add(root: Path, defense: str, rows: list[dict[str, Any]], data: str = "mnist") -> StoredLimits:
    names = {"data": data, "model": "lenet", "defense": defense}
    config = {"data": {"victims": 2, "batch_size": 1, "label_rule": "random"}, "model": {}, "seed": 3}
    identity = hashlib.sha256(f"{defense} {data}".encode()).hexdigest()[:16]
    cell = Store(root).cell(StoredLimits, f"{defense}-{data}", identity, {"labels": names, "config": config})
    cell.append(rows)
    return cell


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    add(folder, "gaussian", [limit_row(0, 1e-2), limit_row(1, 1e-4)])
    add(folder, "pruning", [limit_row(0, None), hidden_row(1, std=None)])
    add(folder, "int8", []).fail("not_applicable", "defense Int8 rounds")
    add(folder, "none", [limit_row(0, None)], data="cifar10")
    return folder


def found(root: Path) -> list[dict[str, Any]]:
    return measured.summaries(store.cells(root, StoredLimits)[0])


def test_a_data_set_has_a_section_and_a_cell_a_row_with_its_figures_or_the_reason(root: Path) -> None:
    printed = limits.page(found(root))
    assert [section.title for section in printed.sections] == ["cifar10", "mnist"]
    table = [line.split("|") for line in markdown.page(printed).splitlines() if line.startswith("| lenet")]
    rows = {row[2].strip(): row for row in table}
    shown = {name: [part.partition("<br>")[0].strip() for part in row[3:12]] for name, row in rows.items()}
    assert shown["gaussian"] == ["1", "2", "1.00", "16", "16", "5.00", "0.100", "30.0", "33.0"]
    assert shown["pruning"] == ["1", "2", "0.50", "14", "16", "5.00", "-", "-", "-"]
    assert shown["int8"] == ["1", "0", "n/a", "n/a", "-", "-", "-", "-", "-"]
    assert "int8 on lenet: not\\_applicable: defense Int8 rounds" in markdown.page(printed)


def test_the_csv_has_a_line_per_cell(root: Path) -> None:
    lines = {line["defense"]: line for line in csv.DictReader(io.StringIO(csv_file.text(limits.raw(found(root)))))}
    assert len(lines) == 4 and lines["int8"]["reason"].endswith("Int8 rounds") and lines["gaussian"]["seed"] == "3"
    assert float(lines["gaussian"]["limit_psnr"]) == pytest.approx(30.0) and lines["pruning"]["limit_psnr"] == ""
    assert float(lines["gaussian"]["bayesian_psnr"]) == pytest.approx(33.0, abs=0.02)
    assert (lines["pruning"]["determined"], lines["pruning"]["jacobian_rank_low"]) == ("0.5", "12")


def test_a_folder_with_limits_alone_has_a_report(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(root)]) == 0
    assert "pruning" in capfd.readouterr().out
    names = {path.name for path in root.iterdir()}
    assert {"limits.md", "limits.csv", "limits.tex", "index.html"} <= names and "leaderboard.md" not in names
