"""The tables of docs/reproduction.md have the figures of docs/paper_figures.csv, and these the papers' own of today."""

import csv
from pathlib import Path

import paper_tables
import pytest
from made_tables import END
from paper_tables import BEGIN, MEASURED, PAGE, read, tables

from bench.config import paper_section


def line(**changed: str) -> dict[str, str]:
    """A line of papers.csv."""
    plain = {"suite": "mine", "source": "A paper", "item": "DLG", "metric": "label_accuracy", "known": "READ"}
    plain |= {"where": "Table 1", "paper": "0.899", "data": "mnist", "model": "lenet", "B": "1"}
    plain |= {"weights": "fresh", "defense": "none"}
    measured = {
        "published_attack": "dlg_published",
        "published_victims": "8",
        "published_wanted": "8",
        "published": "0.75",
    }
    measured |= {"published_low": "0.4", "published_high": "0.93", "best_attack": "", "best_victims": "", "best": ""}
    return plain | measured | {"best_wanted": "", "best_low": "", "best_high": "", "threat": "basic"} | changed


def rows(text: str) -> list[list[str]]:
    return [[entry.strip() for entry in one.strip("| ").split("|")] for one in text.splitlines() if "|" in one]


def test_the_page_has_the_figures_of_its_file() -> None:
    made = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    assert made.strip() == tables(read(MEASURED)).strip() != ""


def test_the_figures_of_the_papers_are_those_of_the_suites() -> None:
    """A figure that was corrected in the suite's file, or that somebody has looked up, is corrected here too."""
    for one in read(MEASURED):
        found = paper_section.of_suite(one["suite"])
        assert found is not None
        known = {(item.what, item.metric): item for item in found.items}
        item = known[one["item"], one["metric"]]
        assert (f"{float(one['paper']):g}" if one["paper"] else "not quoted") == item.shown
        assert (one["known"], one["where"]) == (item.known, item.where)


def test_a_figure_is_a_row_with_its_interval_and_its_attack() -> None:
    head, _, first, second = rows(tables([line(), line(item="iDLG", paper="", known="FROM MEMORY", B="4")]))
    assert head[-2:] == ["published settings here", "best here"]
    assert first[:4] == ["DLG", "share of labels right", "0.899", "READ, Table 1"]
    assert first[4:] == ["mnist, lenet", "0.75 (0.40 to 0.93), `dlg_published`, 8 victims", "-"]
    assert second[2:5] == ["not quoted", "Table 1", "mnist, lenet, B = 4"]
    assert rows(tables([line(weights="stored")]))[2][4] == "mnist, lenet, stored weights"


def test_a_cell_that_is_not_finished_has_no_figure_on_the_page() -> None:
    assert rows(tables([line(published_victims="5")]))[2][5:] == ["unfinished", "-"]
    assert tables([]) == "No suite has been run to its end for this page yet."


def test_thresholds_are_the_columns_of_one_table() -> None:
    at = [line(metric="success_1e-2", paper="0.76"), line(metric="success_5e-3", paper="0.7", published="0.5")]
    text = tables(at)
    head, _, paper, published = rows(text)
    assert head == ["figure", "measured on", "whose", "1e-2", "5e-3"] and "at or below a threshold" in text
    assert paper[2:] == ["paper (READ, Table 1)", "0.76", "0.7"]
    assert published[2:] == ["`dlg_published`, 8 victims", "0.75 (0.40 to 0.93)", "0.50 (0.40 to 0.93)"]


def test_what_was_not_run_says_so_and_small_figures_keep_their_digits() -> None:
    empty = line(metric="mse", data="", published="", published_attack="", published_low="", published_high="")
    found = rows(tables([empty, line(metric="mse", published="3.2e-7", published_low="1e-8", published_high="1e-6")]))
    assert found[2][4:] == ["not run", "-", "-"]
    assert found[3][5].startswith("3.2e-07 (1.0e-08 to 1.0e-06)")


def test_a_results_folder_takes_the_place_of_the_same_suites_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(name: str, lines: list[dict[str, str]]) -> Path:
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]))
            writer.writeheader()
            writer.writerows(lines)
        return tmp_path / name

    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n")
    monkeypatch.setattr(paper_tables, "PAGE", page)
    monkeypatch.setattr(paper_tables, "MEASURED", written("kept.csv", [line(suite="other"), line(published="0.1")]))
    paper_tables.main([str(written("papers.csv", [{**line(), "much_more": "1"}]))])
    kept = read(tmp_path / "kept.csv")
    assert [(one["suite"], one["published"]) for one in kept] == [("other", "0.75"), ("mine", "0.75")]
    assert "much_more" not in kept[0]
    assert page.read_text() == f"before\n\n{BEGIN}\n\n{tables(kept)}\n\n{END}\n\nafter\n"
