"""The tables of docs/label-inference.md have the figures of docs/labels.csv, each in its row and column."""

import csv
from pathlib import Path

import label_tables
import pytest
from label_tables import BEGIN, MEASURED, PAGE, read, tables
from made_tables import END


def cell(rule: str, size: int, share: float | None, **changed: str) -> dict[str, str]:
    """A line of labels.csv, as far as the tables read it; None: the cell has no figure."""
    setting = {"data": "mnist", "label_rule": "replacement", "labels": "own", "defense": "none", "model": "lenet5"}
    found = {"rule": rule, "batch_size": str(size), "label_overlap": "" if share is None else str(share)}
    return {**setting, **found, **changed}


def rows(text: str) -> list[list[str]]:
    return [[entry.strip() for entry in line.strip("| ").split("|")] for line in text.splitlines() if "|" in line]


def test_the_page_has_the_figures_of_its_file() -> None:
    made = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    assert made.strip() == tables(read(MEASURED)).strip() != ""


def test_a_row_is_a_rule_on_a_network_and_a_column_a_batch_size() -> None:
    cells = [cell("ilrg", 16, 0.5), cell("ilrg", 1, 1.0), cell("yin", 1, None), cell("ilrg", 16, 0.876)]
    head, _, ilrg, yin = rows(tables(cells))
    assert head == ["network", "rule", "B = 1", "B = 16"]
    assert ilrg == ["lenet5", "`ilrg`", "1.00", "0.88"]  # of two seeds the latest counts
    assert yin == ["lenet5", "`yin`", "failed", "-"]


def test_a_setting_with_one_batch_size_is_a_row_of_the_last_table() -> None:
    cells = [
        cell("ilrg", 1, 1.0),
        cell("ilrg", 8, 0.9),
        cell("ilrg", 8, 0.5, defense="dp_sgd"),
        cell("yin", 8, 0.25, label_rule="same", labels="random"),
        cell("ilrg", 8, 0.75, model="lenet5 (activation=silu)"),
    ]
    changes = rows(tables(cells))[-5:]
    assert changes == [
        ["network", "labels", "defence", "`ilrg`", "`yin`"],
        ["---", "---", "---", "--:", "--:"],
        ["lenet5 (activation=silu)", "the images' own labels", "none", "0.75", "-"],
        ["lenet5", "the images' own labels", "dp_sgd", "0.50", "-"],
        ["lenet5", "one label", "none", "-", "0.25"],
    ]


@pytest.mark.parametrize(("dealt", "labels", "words"), [("unique", "random", "different"), ("same", "random", "one")])
def test_how_labels_are_dealt_is_said_in_words(dealt: str, labels: str, words: str) -> None:
    cells = [cell("yin", size, 0.5, label_rule=dealt, labels=labels) for size in (1, 2)]
    assert tables(cells).startswith(f"mnist, {words} label")


def test_a_results_folder_is_copied_and_its_tables_stand_between_the_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [{**one, "much_more": "1"} for one in (cell("yin", 1, 1.0), cell("yin", 4, 0.75))]
    with (tmp_path / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(cells[0]))
        writer.writeheader()
        writer.writerows(cells)
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n")
    monkeypatch.setattr(label_tables, "PAGE", page)
    monkeypatch.setattr(label_tables, "MEASURED", tmp_path / "labels.csv")
    label_tables.main([str(tmp_path / "results.csv")])
    kept = read(tmp_path / "labels.csv")
    assert [one["label_overlap"] for one in kept] == ["1.0", "0.75"] and "much_more" not in kept[0]
    assert page.read_text() == f"before\n\n{BEGIN}\n\n{tables(cells)}\n\n{END}\n\nafter\n"
