"""The tables of label inference: every cell stands in its row and column, or says why it has no figure."""

import csv
import hashlib
import io
from pathlib import Path

import pytest
from label_rows import label_row

from bench.report import csv_file, labels, markdown, measured, page
from bench.results import store
from bench.results.store import Store
from bench.results.stored_labels import StoredLabels


def add(root: Path, rule: str, size: int, right: int | None, *, seen: int | None = None, deal: str = "random") -> None:
    """A cell of two victims with `right` of `size` labels each, whose rank shows `seen`; None: a cell that failed."""
    names = {"attack": rule, "data": "mnist", "model": "lenet5", "defense": "none", "threat": "basic"}
    data = {"victims": 2, "batch_size": size, "label_rule": deal, "labels": "own"}
    facts = {"labels": names, "config": {"attack": {"labels": {}}, "data": data, "model": {}, "seed": 3}}
    identity = hashlib.sha256(f"{rule} {size} {deal}".encode()).hexdigest()[:16]
    cell = Store(root).cell(StoredLabels, f"{rule}-mnist", identity, facts)
    if right is None:
        cell.fail("not_applicable", "label rule sign needs a batch of one example")
        return
    sizes = dict.fromkeys(("batch_size", "labels", "classes_true", "classes_claimed"), size)
    rows = [label_row(victim, right, repeats=victim, inferred_batch_size=seen or size, **sizes) for victim in (0, 1)]
    cell.append(rows)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    for size, right, seen in ((1, 1, 1), (4, 2, 4), (16, 4, 9), (32, 8, 32)):
        add(folder, "yin", size, right, seen=seen)
    add(folder, "sign", 1, 1)
    add(folder, "sign", 4, None)
    add(folder, "yin", 4, 1, deal="same")
    return folder


def found(root: Path) -> list[dict]:
    return measured.summaries(store.cells(root, StoredLabels)[0])


def test_rows_are_rules_columns_batch_sizes_and_a_setting_has_its_section(root: Path) -> None:
    printed = labels.page(found(root))
    assert [one.title.partition(" labels")[0] for one in printed.sections] == ["mnist, random", "mnist, same"]
    (table,) = printed.sections[0].tables
    assert [column.title for column in table.columns] == [
        "model", "rule", "B = 1", "B = 4", "B = 16", "B = 32", "B inferred"
    ]  # fmt: skip
    text = markdown.page(printed)
    (yin,) = (line for line in text.splitlines() if line.startswith("| lenet5 | yin | 1.000"))
    shown = [part.partition("<br>")[0].strip() for part in yin.split("|")[3:8]]
    assert shown == ["1.000", "0.500", "0.250", "0.250", "4"]


def test_a_cell_without_a_figure_says_why_and_reused_examples_are_named(root: Path) -> None:
    text = markdown.page(labels.page(found(root)))
    assert "sign on lenet5, B = 4: not\\_applicable: label rule sign needs a batch of one example" in text
    assert "Some victims of B = 1, 4, 16, 32 hold examples of earlier ones" in text
    (sign,) = (line for line in text.splitlines() if line.startswith("| lenet5 | sign"))
    assert sign.split("|")[4].strip() == "n/a"


def test_the_csv_has_a_line_per_cell_with_every_figure(root: Path) -> None:
    lines = list(csv.DictReader(io.StringIO(csv_file.text(labels.raw(found(root))))))
    assert len(lines) == 7
    (line,) = (one for one in lines if (one["rule"], one["batch_size"]) == ("yin", "16"))
    assert (line["label_overlap"], line["label_overlap_n"], line["batch_size_right"]) == ("0.25", "2", "0.0")
    assert (line["inferred_median"], line["inferred_largest"], line["seed"], line["reused"]) == ("9.0", "9", "3", "1")
    (failed,) = (one for one in lines if one["reason"])
    assert failed["label_overlap"] == "" and "needs a batch of one" in failed["reason"]


def test_a_folder_of_label_inference_alone_has_a_report_without_a_leaderboard(root: Path) -> None:
    made = page.write(root)
    names = [path.name for path in made.paths]
    assert names == ["labels.md", "labels.csv", "labels.tex", "index.html"] and not made.warnings
    assert made.text.startswith("Labels inferred on mnist, random labels") and len(made.summaries) == 7
    html = (root / "index.html").read_text(encoding="utf-8")
    assert "<h2>Labels inferred: mnist, random labels" in html and html.count("<td") == 18
    assert (root / "labels.tex").read_text().count(r"\begin{tabular}") == 2
