"""A paper's figures stand beside those of the right cells, or the table says why there is none."""

import csv
import fnmatch
import io
from pathlib import Path

import pytest
from paper_cells import add_cell

from bench.config import options, paper_section
from bench.report import csv_file, latex, leaderboard, markdown, page, reproduction, terminal
from bench.report.table import Page
from bench.report.table_options import options as options_of_tables
from bench.report.table_rows import table_rows
from bench.results import plans, query
from bench.results.intervals import wilson
from bench.results.stored_leak import StoredLeak
from bench.running import suite

ITEMS = [
    {"what": "recovered", "metric": "success_5e-3", "figure": 0.5, "known": "DIGITISED", "where": "Figure 1"},
    {"what": "labels", "metric": "label_accuracy", "figure": 0.899, "known": "READ", "where": "Table 1"},
    {"what": "error", "metric": "mse", "figure": 0.0038, "known": "FROM MEMORY", "where": "Table 2"},
    {"what": "work", "metric": "iterations", "figure": None, "known": "NOT QUOTED", "where": "the text"},
]
CONTENT = {
    "source": "A paper",
    "cells": {"data": "*mnist", "defense": "none", "B": 1},
    "items": [{**one, "published": "idlg", "best": "dlg"} for one in ITEMS],
    "notes": ["Other images than the paper's."],
}
PAPER = {"mine": paper_section.section(CONTENT, "here")}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """idlg with two seeds; dlg with one, of which a victim failed; and cells that are none of the paper's."""
    folder = tmp_path_factory.mktemp("results")
    add_cell(folder, "idlg", [1e-3, 4e-3, 6e-3, 0.5])
    add_cell(folder, "idlg", [1e-3, 4e-3, 4e-3, 0.5], seed=1)
    add_cell(folder, "dlg", [1e-3, 1e-3, 1e-3, 1e-3], failed=[3])
    add_cell(folder, "dlg", [1.0, 1.0], batch=2)
    add_cell(folder, "dlg", [1.0, 1.0], data="samples-cifar10")
    add_cell(folder, "dlg (lr=0.5)", [1.0, 1.0])
    return folder


def printed(root: Path) -> Page:
    return reproduction.page(PAPER, leaderboard.leaderboard(query.cells(root)).rows)


def lines(root: Path) -> dict[str, list[str]]:
    rows = (line.strip("| ").split(" | ") for line in markdown.page(printed(root)).splitlines() if line[:1] == "|")
    return {row[0]: row[1:] for row in rows}


def test_each_figure_stands_beside_the_cells_that_it_is_about(root: Path) -> None:
    found = lines(root)
    assert list(found) == ["figure", ":--", "recovered", "labels", "error", "work"]
    assert found["figure"][-2:] == ["published settings here", "best here"]
    title, paper, known, setting, published, best = found["recovered"]
    assert (title, paper, known) == ("success rate, MSE 5e-3", "0.5", "DIGITISED, Figure 1")
    assert setting == "samples-mnist, lenet"
    assert published.startswith("0.62<br>") and published.endswith("(idlg, 8 victims)")  # 5 of 8, over two seeds
    low, high = wilson(3, 4)
    assert best == f"0.75<br><sub>{low:.2f} – {high:.2f}</sub> (dlg, 4 victims)"  # a failed victim is no success


def test_a_figure_from_memory_is_shown_nowhere(root: Path) -> None:
    found = lines(root)
    assert found["error"][1:3] == ["not quoted", "NOT QUOTED, Table 2"]
    assert found["work"][1:3] == ["not quoted", "NOT QUOTED, the text"]
    rows = leaderboard.leaderboard(query.cells(root)).rows
    table = csv_file.text(reproduction.raw(PAPER, rows))
    for text in (markdown.page(printed(root)), latex.page(printed(root)), terminal.text(printed(root)), table):
        assert "0.0038" not in text and "0.899" in text


def test_iterations_are_the_median_of_the_victims_that_did_not_fail(root: Path) -> None:
    assert lines(root)["work"][-1] == "50†<br><sub>50 – 50</sub> (dlg, 4 victims)"
    notes = printed(root).sections[0].notes
    assert any(note.startswith("†") for note in notes) and "Other images than the paper's." in notes


def test_what_was_not_run_is_named_and_an_attack_that_the_suite_lacks_too(root: Path) -> None:
    pairs = [("idlg_published", "dlg"), ("rgap", None)]
    items = [{**ITEMS[1], "published": published, "best": best} for published, best in pairs]
    paper = {"mine": paper_section.section({**CONTENT, "items": items}, "here")}
    rows = leaderboard.leaderboard(query.cells(root)).rows
    first, second = (line.cells for line in reproduction.page(paper, rows).sections[0].tables[0].lines)
    assert first[5].reason == "not run" and first[6].mean == 0.5
    assert second[4] == "" and (second[5].reason, second[6].reason) == ("not run", "none in this suite")


def test_a_setting_is_a_line_and_a_cell_without_a_figure_says_why(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [1e-3, 1e-3])
    add_cell(tmp_path, "dlg", [1e-3, 1e-3], data="mnist")
    refused = add_cell(tmp_path, "idlg", [], data="mnist")
    refused.fail("not_applicable", "idlg needs a linear last layer")
    rows = leaderboard.leaderboard(query.cells(tmp_path)).rows
    own = [line.cells for line in reproduction.page(PAPER, rows).sections[0].tables[0].lines]
    assert [cells[4] for cells in own[:2]] == ["mnist, lenet", "samples-mnist, lenet"]
    assert own[0][5].reason == "not_applicable: idlg needs a linear last layer" and own[1][5].reason == "not run"


def test_cells_of_a_trained_network_and_of_fresh_ones_stand_beside_figures_of_their_own(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [1e-3, 1e-3])
    add_cell(tmp_path, "dlg", [1e-2, 1e-2], checkpoint="epoch_3.safetensors", contents={"checkpoint": "a" * 64})
    rows = leaderboard.leaderboard(query.cells(tmp_path)).rows
    items = [{**ITEMS[2], "best": "dlg", "published": None, "cells": {"weights": word}} for word in ("fresh", "stored")]
    paper = {"mine": paper_section.section({**CONTENT, "items": items}, "here")}
    own = [line.cells for line in reproduction.page(paper, rows).sections[0].tables[0].lines]
    assert [cells[4] for cells in own] == ["samples-mnist, lenet", "samples-mnist, lenet, stored weights"]
    assert [cells[6].mean for cells in own] == pytest.approx([1e-3, 1e-2])


def test_a_cell_that_is_not_finished_says_how_many_victims_are_missing(tmp_path: Path) -> None:
    cell = add_cell(tmp_path, "dlg", [1e-3, 1e-3])
    asked = {**cell.facts["config"], "data": {**cell.facts["config"]["data"], "victims": 5}}
    add_cell(tmp_path / "more", "dlg", [1e-3, 1e-3], config=asked)
    assert lines(tmp_path)["recovered"][-1].endswith("(dlg, 2 victims)")
    assert lines(tmp_path / "more")["recovered"][-1].endswith("(dlg, 2 of 5 victims)")


def test_of_two_cells_in_one_place_the_latest_stands(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [1.0, 1.0])
    add_cell(tmp_path, "dlg", [1e-3, 1e-3], lr=0.5)
    rows = leaderboard.leaderboard(query.cells(tmp_path)).rows
    (best,) = {line.cells[6].mean for line in reproduction.page(PAPER, rows).sections[0].tables[0].lines[:1]}
    assert best == 1.0


def test_a_curve_has_the_quoted_thresholds_of_the_rows_with_a_papers_settings(root: Path) -> None:
    rows = table_rows(query.cells(root).cells, options_of_tables("default", {"rows": {"data": ["samples-mnist"]}}))
    found = {(row.word("attack"), row.word("B")): one for row, one in zip(rows, reproduction.curves(PAPER, rows))}
    assert found == {("idlg", "1"): [(5e-3, 0.5)], ("dlg", "1"): [], ("dlg", "2"): [], ("dlg (lr=0.5)", "1"): []}


def test_the_csv_has_the_figures_for_a_program(root: Path) -> None:
    rows = leaderboard.leaderboard(query.cells(root)).rows
    table = list(csv.DictReader(io.StringIO(csv_file.text(reproduction.raw(PAPER, rows)))))
    assert [one["paper"] for one in table] == ["0.5", "0.899", "", ""]
    keys = ("published_attack", "published_victims", "published")
    assert [table[0][key] for key in keys] == ["idlg", "8", "0.625"]
    assert table[0]["data"] == "samples-mnist" and table[0]["best_n"] == "4"


def test_the_report_has_the_papers_of_the_suites_that_were_run_there(root: Path, tmp_path: Path) -> None:
    assert "papers.md" not in {path.name for path in page.write(root, tmp_path / "before").paths}
    (tmp_path / "suite").mkdir()
    section = "\n".join(f"    - {one}" for one in CONTENT["items"]).replace("None", "null")
    head = "# mine\ngrid: [[attack=idlg, attack=dlg]]\npaper:\n  source: A paper\n  cells: {data: '*mnist'}\n  items:\n"
    (tmp_path / "suite" / "mine.yaml").write_text(head + section)
    config = query.cells(root).cells[0].facts["config"]
    plans.write(root, "mine", [(StoredLeak, config)])
    made = page.write(root, tmp_path / "after", config_dir=tmp_path)
    files = {path.name: path for path in made.paths}
    assert {"papers.md", "papers.csv", "papers.tex"} <= set(files)
    assert "## Suite mine: A paper" in files["papers.md"].read_text() and "Suite mine: A paper" in made.text
    html = files["index.html"].read_text()
    assert "<h2>Beside the paper. Suite mine: A paper</h2>" in html and "0.899" in html and "READ" in html
    assert "Beside the paper" not in (tmp_path / "before" / "index.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in options.entries("suite") if paper_section.of_suite(name)])
def test_a_suite_has_one_cell_beside_each_figure_of_its_paper(name: str) -> None:
    """But for the data sets that are not among the samples; and no cell of the suite is beside no figure."""
    found = paper_section.of_suite(name)
    assert found is not None
    cells = [cell for cell in suite.plan(name, [], to_run=False) if not cell.first]
    planned = [(suite.titled(cell.config), cell.weights) for cell in cells]
    words = [
        {**one["names"], "B": str(one["data"]["batch_size"]), "weights": "stored" if weights else "fresh"}
        for one, weights in planned
    ]
    used = set()
    for item in found.items:
        for attack in filter(None, (item.published, item.best)):
            wanted = {"attack": attack, **{key: str(word) for key, word in item.cells.items()}}
            fitting = [all(fnmatch.fnmatchcase(one[key], word) for key, word in wanted.items()) for one in words]
            assert sum(fitting) == (wanted.get("data") not in ("*lfw*", "*svhn*")), item
            used |= {at for at, fits in enumerate(fitting) if fits}
    assert used == set(range(len(words)))
