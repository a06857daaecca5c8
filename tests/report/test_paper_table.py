"""A table for a paper: bold only where the test separates, shared ranks, groups, footnotes, and rows as asked for."""

import csv
import io
from pathlib import Path

import pytest
from metric_facts import metric_columns
from paper_cells import add_cell

from bench.errors import UserError
from bench.report import csv_file
from bench.report.paper_table import PaperTable, paper_table
from bench.report.table import Missing, Value
from bench.report.table_options import options
from bench.results import query, verification
from bench.results.store import Store
from bench.results.stored_leak import LABELS, StoredLeak

GOOD, WORSE = [1e-4] * 8, [1e-2 * (1 + i / 10) for i in range(8)]


def built(root: Path, preset: str = "default", **given: object) -> PaperTable:
    return paper_table(query.cells(root), options(preset, given))


def bold(table: PaperTable) -> list[tuple[str, str]]:
    """`(row, column)` of each bold figure."""
    lines = [line for group in table.groups for line in group.lines]
    return [
        (str(getattr(line[0].cell, "text", line[0].cell)), column.title)
        for line in lines
        for column, one in zip(table.columns, line)
        if one.bold
    ]


def test_the_best_is_bold_if_it_is_separated_from_every_other_row(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", GOOD)
    add_cell(tmp_path, "idlg", WORSE)
    add_cell(tmp_path, "noise", [0.2] * 8, control=True)
    found = bold(built(tmp_path, columns=["attack", "psnr", "ssim"]))
    assert found == [("dlg", "PSNR"), ("dlg", "SSIM")]


def test_nothing_is_bold_if_one_row_is_not_separated(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", GOOD)
    add_cell(tmp_path, "idlg", [*GOOD[:7], 2e-4])
    add_cell(tmp_path, "noise", [0.2] * 8, control=True)
    assert bold(built(tmp_path, columns=["attack", "psnr"])) == []


def test_a_figure_over_survivors_is_never_bold(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [*GOOD, None])
    add_cell(tmp_path, "idlg", [*WORSE, 1e-2])
    assert bold(built(tmp_path, columns=["attack", "psnr"])) == []


def test_nothing_is_bold_alone_or_if_nobody_asks(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", GOOD)
    assert bold(built(tmp_path, columns=["attack", "psnr"])) == []
    add_cell(tmp_path, "idlg", WORSE)
    assert bold(built(tmp_path, columns=["attack", "psnr"], best=None)) == []


def test_for_a_defence_the_least_leak_is_best(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", GOOD)
    add_cell(tmp_path, "idlg", WORSE)
    found = built(tmp_path, columns=["attack", "psnr"], best="defense", group=["data"])
    assert bold(found) == [("idlg", "PSNR")]
    assert found.columns[1].direction == "down"


def test_ranks_are_shared_where_the_test_does_not_separate(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", GOOD)
    add_cell(tmp_path, "idlg", [*GOOD[:7], 2e-4])
    add_cell(tmp_path, "mine", WORSE)
    (group,) = built(tmp_path, columns=["rank", "attack", "psnr"]).groups
    assert [line[0].cell for line in group.lines] == [1, 1, 3]
    (group,) = built(tmp_path, columns=["rank", "attack", "psnr"], order="worst").groups
    assert [line[0].cell for line in group.lines] == [3, 1, 1]


def test_groups_are_never_compared_and_the_caption_says_what_is_common(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", GOOD)
    add_cell(tmp_path, "idlg", WORSE, data="lfw")
    found = built(tmp_path, columns=["attack", "psnr"])
    assert [group.heading for group in found.groups] == ["lfw", "samples-mnist"]
    assert bold(found) == []
    assert found.caption.endswith("private images (model lenet, no defence, B = 1, threat model basic).")


def test_rows_stand_in_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    for data in ("lfw", "mnist", "svhn"):
        add_cell(tmp_path, "dlg", GOOD, data=data)
        add_cell(tmp_path, "idlg", GOOD, data=data)
    rows = {"data": ["svhn", "lfw"], "attack": ["idlg", "dlg"]}
    found = built(tmp_path, columns=["attack", "psnr"], rows=rows, sort="attack")
    assert [group.heading for group in found.groups] == ["svhn", "lfw"]
    assert [line[0].cell.text for line in found.groups[0].lines] == ["idlg", "dlg"]


def test_threat_models_remembered_figures_and_reasons_are_footnotes(tmp_path: Path) -> None:
    paper = {"value": "PSNR 20", "source": "a table", "known": "FROM MEMORY"}
    add_cell(tmp_path, "dlg", GOOD, paper=paper)
    add_cell(tmp_path, "idlg", WORSE, threat="surrogate")
    add_cell(tmp_path, "mine", []).fail("error", "no memory")
    found = built(tmp_path, columns=["attack", "psnr", "paper"])
    notes = dict(found.notes)
    (dlg, mine), (idlg,) = (group.lines for group in found.groups)
    assert notes[dlg[0].letters] == "Threat model basic grants batch size."
    assert notes[dlg[2].letters] == "a table: not looked up: no figure to compare with."
    assert notes[mine[0].letters.split(",")[1]] == "error: no memory."
    assert notes[idlg[0].letters].startswith("Threat model surrogate")


def test_a_control_stands_in_the_group_of_every_threat_model(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", GOOD)
    add_cell(tmp_path, "idlg", GOOD, threat="surrogate")
    add_cell(tmp_path, "mean", WORSE, control=True)
    assert [len(group.lines) for group in built(tmp_path).groups] == [2, 2]
    assert [len(group.lines) for group in built(tmp_path, controls=False).groups] == [1, 1]


def test_a_sweep_has_a_column_that_says_what_differs(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", GOOD, lr=0.5)
    add_cell(tmp_path, "dlg", WORSE)
    found = built(tmp_path, columns=["attack", "psnr"])
    assert [column.title for column in found.columns] == ["attack", "setting", "PSNR"]
    assert [line[1].cell for line in found.groups[0].lines] == ["lr 0.5", "lr 1.0"]


def test_the_csv_has_every_label_and_raw_numbers(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", GOOD)
    head, row = csv_file.text(built(tmp_path, columns=["attack", "psnr"], precision=0).flat).splitlines()
    cells = dict(zip(head.split(","), row.split(",")))
    assert float(cells["psnr"]) == pytest.approx(40)
    assert (cells["attack"], cells["B"], cells["victims"]) == ("dlg", "1", "8")


def test_the_csv_has_each_figure_and_its_bounds_below_their_names(tmp_path: Path) -> None:
    errors = [1e-4 * (1 + i / 10) for i in range(8)]
    add_cell(tmp_path, "dlg", errors, paper={"value": "PSNR 21.5 dB", "source": "Table 1", "known": "READ"})
    columns = ["attack", "psnr", "reported_psnr", "ssim", "mse"]
    found = built(tmp_path, columns=columns)
    (row,) = csv.DictReader(io.StringIO(csv_file.text(found.flat)))
    (used,) = found.used
    summary = used.first.summary
    for key in ("psnr", "ssim", "mse"):
        for part, name in (("", "mean"), ("_low", "low"), ("_high", "high"), ("_n", "n")):
            assert float(row[key + part]) == summary[key][name], key + part
    assert row["reported_psnr"] == "21.5"


def test_a_reported_figure_has_a_column_and_a_footnote(tmp_path: Path) -> None:
    for attack, known in (("dlg", "READ"), ("idlg", "FROM MEMORY"), ("mine", None)):
        paper = {"value": "PSNR 21.5 dB", "source": "Table 1", "known": known} if known else None
        add_cell(tmp_path, attack, WORSE, **({"paper": paper} if paper else {}))
    table = built(tmp_path, columns=["attack", "psnr", "reported_psnr"], sort="attack")
    assert [column.title for column in table.columns] == ["attack", "PSNR", "PSNR, reported"]
    lines = {line[0].cell.text: line[2] for line in table.groups[0].lines}  # type: ignore[union-attr]
    assert isinstance(lines["dlg"].cell, Value) and lines["dlg"].cell.figure == "21.5" and not lines["dlg"].bold
    assert isinstance(lines["mine"].cell, Missing)
    notes = dict(table.notes)
    assert notes[lines["dlg"].letters] == "Table 1: in the paper or its authors' own files."
    assert notes[lines["idlg"].letters] == "Table 1: not looked up: no figure to compare with."
    with pytest.raises(UserError, match="no column 'reported_psrn'; did you mean 'reported_psnr'"):
        built(tmp_path, columns=["attack", "reported_psrn"])


def test_where_a_row_stands_is_a_column_and_chooses_rows(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", GOOD)
    theirs = add_cell(tmp_path, "idlg", GOOD)
    origin = {"at": "2026-01-01T00:00:00+00:00", "file": "entry.zip", "sha256": "0"}
    verification.write(theirs.folder, verification.arrived(verification.read(theirs.folder), origin))
    table = built(tmp_path, columns=["attack", "origin", "division", "psnr"], sort="attack")
    words = [[one.cell for one in line[1:3]] for line in table.groups[0].lines]
    assert words == [["", "not known"], ["claimed", "not known"]]
    table = built(tmp_path, columns=["attack", "psnr"], rows={"origin": ["claimed"], "division": ["not known"]})
    assert [line[0].cell.text for line in table.groups[0].lines] == ["idlg"]  # type: ignore[union-attr]


def test_rows_of_several_versions_are_told_below_the_table(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", GOOD)
    assert not [words for _, words in built(tmp_path).notes if "version" in words]
    metrics = metric_columns()
    metrics["psnr"] = {**metrics["psnr"], "identity": "b" * 16}
    add_cell(tmp_path, "idlg", GOOD, metrics=metrics)
    metrics["psnr"] = {**metrics["psnr"], "identity": "a" * 16}
    add_cell(tmp_path, "mine", GOOD, metrics=metrics)
    assert [words for _, words in built(tmp_path).notes if words.startswith("psnr was computed in 2 ways")]


def test_precision(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", GOOD)
    figure = built(tmp_path, columns=["psnr"], precision=3).groups[0].lines[0][0].cell
    assert isinstance(figure, Value) and figure.figure == "40.000"


def test_columns_of_the_preset_that_no_row_has_are_left_out_and_said(tmp_path: Path) -> None:
    metrics = {key: facts for key, facts in metric_columns().items() if key in ("mse", "psnr")}
    add_cell(tmp_path, "dlg", GOOD, metrics=metrics)
    found = built(tmp_path)
    assert "PSNR" in [column.title for column in found.columns]
    assert found.warnings == ["without the columns that no row has: ssim (--columns chooses others)"]
    with pytest.raises(UserError, match="no column 'ssim'"):  # who asks for a column hears that it is not there
        built(tmp_path, columns=["attack", "ssim"])
    with pytest.raises(UserError, match="no column 'rouge_1'"):  # nothing of the preset is left
        built(tmp_path, preset="sentences")


def test_images_and_sentences_stand_in_one_table(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", GOOD)
    facts = {
        "labels": dict.fromkeys(LABELS, "x") | {"attack": "tag"},
        "data": {"modality": "sentences"},
        "metrics": metric_columns("text"),
    }
    cell = Store(tmp_path).cell(StoredLeak, "tag", "f" * 16, facts)
    sample = {"victim": 0, "position": 0, "sample": 0, "label": 1, "label_guess": 1, "rouge_l": 0.5}
    cell.append([{"victim": 0, "status": "budget", "batch_size": 1}], [sample])
    for columns in (
        ["attack", "psnr", "rouge_l"],
        ["attack", "rouge_l", "psnr"],
    ):  # rows are sorted by the first figure
        found = built(tmp_path, columns=columns)
        rows = {row["attack"]: row for row in csv.DictReader(io.StringIO(csv_file.text(found.flat)))}
        assert (rows["tag"]["rouge_l"], rows["tag"]["psnr"]) == ("0.5", "")
        assert float(rows["dlg"]["psnr"]) == pytest.approx(40.0) and rows["dlg"]["rouge_l"] == ""


def test_mistakes_cost_a_line(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", GOOD)
    with pytest.raises(UserError, match="no column 'psrn'; did you mean 'psnr'"):
        built(tmp_path, columns=["psrn"])
    with pytest.raises(UserError, match=r"no row is chosen \(there are attack: dlg\)"):
        built(tmp_path, rows={"attack": ["idlg"]})
    with pytest.raises(UserError, match="sort: no column 'psrn'"):
        built(tmp_path, sort="psrn")
