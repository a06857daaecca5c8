"""The column of the unbiased limit says in few words what was found, and its notes say what the words mean."""

from typing import Any

import pytest

from bench.modalities.lookup import modality
from bench.report import limit_column
from bench.report.table import Missing, Value
from bench.results.defense_result import DefenseBoard, DefenseResult, LimitResult

PSNR = {"mean": 31.25, "low": 30.0, "high": 32.5, "n": 4, "estimand": "mean", "method": "Student's t"}


def document(
    share: float | None, psnr: dict[str, Any] | None = None, informative: float | None = None
) -> dict[str, Any]:
    return {
        "determined": None if share is None else {"mean": share, "n": 4},
        "limit_psnr": psnr,
        "limit_mse": psnr and {"median": 1e-3},
        "bayesian_psnr": psnr and {"mean": 35.5},
        "informative": informative,
        "jacobian_rank": {"median": 640.0},
        "condition": {"median": 17.0},
        "entries": 784,
        "std": 0.1 if psnr else None,
        "reasons": {} if share is not None else {"cell": "not_applicable: defense Int8 rounds"},
    }


def line(found: dict[str, Any] | None, ratio: float | None = None) -> DefenseResult:
    limit = None if found is None else LimitResult(found, ratio)
    return DefenseResult("gaussian", {}, "gaussian", "std 0.1", [], limit=limit)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "-"),
        (document(1.0), "determined"),
        (document(0.0), "rank 640 of 784"),
        (document(0.5), "2 of 4 determined"),
    ],
)
def test_without_noise_the_cell_says_whether_the_image_is_determined(found: dict[str, Any] | None, words: str) -> None:
    assert limit_column.cell(line(found)) == words


def test_with_noise_the_cell_has_the_limit_and_how_near_the_attack_came() -> None:
    shown = limit_column.cell(line(document(1.0, PSNR, 1.0), ratio=0.62))
    assert isinstance(shown, Value) and (shown.mean, shown.low, shown.note) == (31.25, 30.0, " (×0.62)")
    worthless = limit_column.cell(line(document(1.0, PSNR, 0.0), ratio=0.01))
    assert isinstance(worthless, Value) and worthless.note == " (uninformative)"
    assert limit_column.cell(line(document(None))) == Missing("defense Int8 rounds")


def board(*lines: DefenseResult) -> DefenseBoard:
    return DefenseBoard("mnist", "lenet", ["basic"], 1, modality("images"), list(lines), [], None, floored=False)


def test_notes_explain_what_is_shown_and_nothing_else() -> None:
    assert limit_column.notes(board(line(None))) == [] and not limit_column.columns(board(line(None)))
    text = " ".join(limit_column.notes(board(line(document(1.0, PSNR, 1.0), 0.6), line(None))))
    assert "no unbiased attacker exceeds" in text and "Uninformative" not in text
    text = " ".join(limit_column.notes(board(line(document(1.0, PSNR, 0.0)), line(document(None)))))
    assert "Uninformative" in text and "gaussian std 0.1, unbiased limit: defense Int8 rounds." in text


def test_the_csv_has_a_value_or_nothing_for_each_of_its_columns() -> None:
    assert limit_column.raw(line(None)) == [None] * len(limit_column.RAW)
    found = dict(zip(limit_column.RAW, limit_column.raw(line(document(1.0, PSNR, 1.0), 0.62))))
    assert (found["unbiased_limit_db"], found["mse_over_limit"], found["condition_median"]) == (31.25, 0.62, 17.0)
    assert found["bayesian_limit_db"] == 35.5
    failed = dict(zip(limit_column.RAW, limit_column.raw(line(document(None)))))
    assert failed["determined"] is failed["unbiased_limit_db"] is None
