"""A mean over survivors, and one of two groups, is marked wherever it is printed: markdown, csv, LaTeX, terminal."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from metric_facts import metric_columns

from bench.report import csv_file, latex, markdown, terminal
from bench.report import page as report
from bench.report.leaderboard import Leaderboard, leaderboard, page, raw
from bench.results import query
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak
from bench.terminal.overview import summary as drawn_summary

LABELS = {"attack": "dlg", "data": "mnist", "model": "lenet", "defense": "none", "threat": "B"}
SURVIVORS = ["converged"] * 3 + ["nonfinite"] * 6
# six came back, two did not: one far off, one that diverged with a best iterate as near as any
SPLIT = [1e-6, 1e-6, 1e-6, 1e-5, 1e-6, 1e-6, 0.2, 1e-6]


def add(root: Path, identity: str, statuses: list[str], errors: list[float | None], **words: str) -> StoredLeak:
    """Victims of one image with these ends and errors; one without an error left no reconstruction."""
    config = {"seed": 0, "data": {"batch_size": 1}, "defense": {"_target_": words.get("defense", "none")}}
    cell = Store(root).cell(
        StoredLeak, "dlg", identity, {"labels": LABELS | words, "config": config, "metrics": metric_columns()}
    )
    rows = [
        {"victim": i, "position": 0, "sample": i, "label": 0, "label_guess": 0, "mse": error, "psnr": psnr}
        for i, (error, psnr) in enumerate((e, None if e is None else float(-10 * np.log10(e))) for e in errors)
    ]
    cell.append([{"victim": i, "status": word, "batch_size": 1} for i, word in enumerate(statuses)], rows)
    return cell


def board_of(root: Path) -> Leaderboard:
    return leaderboard(query.cells(root))


def md(board: Leaderboard) -> str:
    return markdown.page(page(board, {}))


def tex(board: Leaderboard) -> str:
    return latex.page(page(board, {}))


def text(board: Leaderboard) -> str:
    return terminal.text(page(board, {}))


@pytest.fixture
def survivors(tmp_path: Path) -> Leaderboard:
    """PSNR 55.7 where six of nine failed and left nothing."""
    add(tmp_path, "0" * 16, SURVIVORS, [10**-5.57] * 3 + [None] * 6)
    return board_of(tmp_path)


@pytest.fixture
def split(tmp_path: Path) -> Leaderboard:
    add(tmp_path, "0" * 16, ["converged"] * 7 + ["diverged"], SPLIT)
    return board_of(tmp_path)


def test_a_mean_over_survivors_is_marked_in_every_form(survivors: Leaderboard) -> None:
    (row,) = survivors.rows
    assert (row.summary["psnr"]["mean"], row.summary["psnr"]["left_out"]) == (pytest.approx(55.7), 6)
    assert "55.7†" in md(survivors) and "- † mean over survivors" in md(survivors)
    assert r"55.7$\dagger$" in tex(survivors) and r"\item $\dagger$ mean over survivors" in tex(survivors)
    assert "55.7†" in text(survivors) and "\n† mean over survivors" in text(survivors)
    (line,) = csv.DictReader(io.StringIO(csv_file.text(raw(survivors))))
    assert (line["psnr_n"], line["psnr_left_out"], line["success_1e-2_n"]) == ("3", "6", "9")
    assert printed(row.summary).count("3 of 9 †") == 2  # of MSE and PSNR


def test_a_mean_over_all_is_not_marked(split: Leaderboard) -> None:
    for form in (md(split), tex(split), text(split), printed(split.rows[0].summary)):
        assert "†" not in form and r"$\dagger$" not in form


def printed(document: dict) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=160)
    console.print(drawn_summary(document))
    return console.file.getvalue()


def test_two_groups_have_a_rate_and_a_median_each_and_no_joint_interval(split: Leaderboard) -> None:
    """The diverged victim is no success, so it stands with the others, whatever its best iterate is."""
    (row,) = split.rows
    psnr, mse = row.summary["psnr"], row.summary["mse"]
    assert row.summary["success_rate"]["1e-2"]["mean"] == 0.75 and row.summary["success_rate"]["1e-2"]["low"] > 0.4
    assert (psnr["low"], psnr["high"], mse["low"], mse["method"]) == (None, None, None, None)
    assert psnr["groups"]["recovered"]["mean"] == pytest.approx(60.0) and psnr["groups"]["recovered"]["n"] == 6
    assert psnr["groups"]["recovered"]["method"] == "order statistics" and psnr["groups"]["others"]["method"] == "range"
    far = -10 * np.log10(0.2)
    assert psnr["groups"]["others"]["mean"] == pytest.approx((60 + far) / 2)
    others = f"{(60 + far) / 2:.1f} of 2"
    assert f"‡<br><sub>medians 60.0 of 6, {others}</sub>" in md(split)
    assert rf"$\ddagger$ {{\scriptsize [medians 60.0 of 6, {others}]}}" in tex(split)
    assert f"{psnr['mean']:.1f}‡" in text(split) and "‡ some victims are recovered" in text(split)
    (line,) = csv.DictReader(io.StringIO(csv_file.text(raw(split))))
    assert (line["psnr_low"], line["psnr_recovered_median_n"], line["psnr_others_median_n"]) == ("", "6", "2")
    assert float(line["psnr_recovered_median"]) == pytest.approx(60.0)
    assert "medians 60 of 6" in printed(row.summary)


def test_the_csv_names_estimand_and_method(tmp_path: Path) -> None:
    add(tmp_path, "0" * 16, ["converged"] * 8, [1e-6] * 4 + [1e-4] * 4)
    (line,) = csv.DictReader(io.StringIO(csv_file.text(raw(board_of(tmp_path)))))
    assert (line["mse_estimand"], line["mse_method"]) == ("geometric mean", "Student's t on log10")
    assert float(line["mse"]) == pytest.approx(1e-5)
    assert (line["psnr_estimand"], line["psnr_method"]) == ("mean", "Student's t")
    assert (line["success_1e-2_estimand"], line["success_1e-2_method"]) == ("rate", "Wilson")
    assert (line["psnr_median_method"], float(line["psnr_median"])) == ("order statistics", pytest.approx(50.0))


def test_a_failed_victim_is_no_success_in_the_table_of_defences_either(tmp_path: Path) -> None:
    """The same rows in both tables: the diverged victim with a near iterate is no success, and scores the floor."""
    for number, defense in enumerate(("none", "pruning")):
        add(tmp_path, f"{number:016x}", ["converged"] * 7 + ["diverged"], SPLIT, defense=defense)
    made = report.write(tmp_path)
    rows = list(csv.DictReader((tmp_path / "defenses.csv").open()))
    assert [row["success_1e-2"] for row in rows] == ["0.75", "0.75"] and [row["failed"] for row in rows] == ["1", "1"]
    leak = (6 * 40.0 - 10 * np.log10(0.2) + 0.0) / 8
    assert [float(row["leak_db"]) for row in rows] == pytest.approx([leak, leak])
    assert [(row["leak_db_low"], row["leak_recovered_n"], row["leak_others_n"]) for row in rows] == [("", "6", "2")] * 2
    written = (tmp_path / "defenses.md").read_text()
    assert written.count(f"{leak:.1f}‡<br><sub>medians 40.0 of 6") == 2 and "Means: Student's t below 30" in written
    assert (tmp_path / "defenses.tex").read_text().count(r"$\ddagger$ {\scriptsize [medians 40.0 of 6") == 2
    assert f"{leak:.1f}‡" in made.text and made.text.count("‡ some victims are recovered") == 2
