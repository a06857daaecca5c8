"""The tables of line-ups: every cell has its row with its figures or the reason."""

import csv
import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from line_up_rows import line_up_row

from bench.report import csv_file, identification, markdown, measured
from bench.results import store
from bench.results.store import Store
from bench.results.stored_identification import StoredIdentification


def add(root: Path, defense: str, rows: list[dict[str, Any]], **known: Any) -> StoredIdentification:
    names = {"data": "mnist", "model": "lenet", "defense": defense}
    config = {"data": {"victims": 2, "batch_size": 1, "label_rule": "random"}, "model": {}, "seed": 3}
    identity = hashlib.sha256(defense.encode()).hexdigest()[:16]
    facts = {"labels": names, "config": config, "defense": known}
    cell = Store(root).cell(StoredIdentification, defense, identity, facts)
    cell.append(rows)
    return cell


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("results")
    bound = {"candidates": 100, "bound": 0.0918}
    add(folder, "dp_sgd", [line_up_row(0, 0.0), line_up_row(1, 0.125)], identification=bound)
    add(folder, "none", [line_up_row(0, 1.0, draws=1), line_up_row(1, 1.0, draws=1)])
    add(folder, "clients", []).fail("not_applicable", "it is too small")
    return measured.summaries(store.cells(folder, StoredIdentification)[0])


def test_a_cell_has_a_row_with_its_figures_or_the_reason(found: list[dict[str, Any]]) -> None:
    printed = markdown.page(identification.page(found))
    table = [line.split("|") for line in printed.splitlines() if line.startswith("| lenet")]
    rows = {row[2].strip(): [part.partition("<br>")[0].strip() for part in row[3:10]] for row in table}
    assert rows["dp\\_sgd"] == ["1", "2", "0.062", "100", "0.0100", "0.0918", "16"]
    assert rows["none"] == ["1", "2", "1.000", "100", "0.0100", "-", "1"]
    assert rows["clients"] == ["1", "0", "n/a", "-", "-", "-", "-"]
    assert "clients on lenet: not\\_applicable: it is too small" in printed


def test_the_csv_has_a_line_per_cell(found: list[dict[str, Any]]) -> None:
    text = csv_file.text(identification.raw(found))
    lines = {line["defense"]: line for line in csv.DictReader(io.StringIO(text))}
    assert len(lines) == 3 and lines["clients"]["reason"].endswith("too small") and lines["none"]["picked"] == "1.0"
    assert (lines["dp_sgd"]["picked"], lines["dp_sgd"]["bound"], lines["dp_sgd"]["seed"]) == ("0.0625", "0.0918", "3")
