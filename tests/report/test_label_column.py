"""The column of label inference says the rate and the rule, and its notes what chose the rule and what was refused."""

from typing import Any

from bench.modalities.lookup import modality
from bench.report import label_column
from bench.report.table import Missing, Value
from bench.results.defense_result import DefenseBoard, DefenseResult, LabelResult

SHARE = {"mean": 0.875, "low": 0.53, "high": 0.98, "n": 8, "estimand": "rate", "method": "Wilson"}


def line(family: str, rules: int = 1, chance: float | None = 0.1, rule: str | None = "last_layer", **unserved: str):
    best: dict[str, Any] | None = None
    if rule:
        best = {"rule": rule, "label_overlap": SHARE, "victims": 8}
    return DefenseResult(family, {}, family, "", [], labels=LabelResult(best, rules, chance, unserved))


NOBODY = DefenseResult("dgc", {}, "dgc", "", [])
REFUSED = line("lora", 0, None, None, bias="not_applicable: the bias is not shared")


def board(*lines: DefenseResult, batch: int = 1) -> DefenseBoard:
    return DefenseBoard("mnist", "lenet", ["basic"], batch, modality("images"), list(lines), [], None, floored=False)


def test_a_cell_has_the_rate_its_interval_and_the_rule_or_the_reason_why_there_is_none() -> None:
    shown = label_column.cell(line("none"))
    assert isinstance(shown, Value) and (shown.figure, shown.interval("-"), shown.note) == (
        "0.88",
        "0.53-0.98",
        " (last_layer)",
    )
    assert label_column.cell(NOBODY) == "-"
    assert label_column.cell(REFUSED) == Missing("not_applicable: the bias is not shared")


def test_a_board_on_which_no_rule_was_tried_has_no_column() -> None:
    without, measured = board(NOBODY), board(NOBODY, line("none"))
    assert not label_column.columns(without) and not label_column.cells(NOBODY, without)
    assert not label_column.notes(without)
    (head,) = label_column.columns(measured)
    assert head.short == "label" and len(label_column.cells(NOBODY, measured)) == 1


def test_the_notes_say_who_chose_the_rule_what_chance_gets_and_what_was_refused() -> None:
    alone = label_column.notes(board(line("none"), NOBODY))
    assert len(alone) == 2 and "The truth" not in alone[0] and alone[1].endswith("at a rate of 0.1.")
    several = label_column.notes(board(line("none", 3), line("sign", 2, soft="not_applicable: no"), REFUSED))
    assert "The truth chooses it, of up to 3 rules" in several[0]
    assert several[2:] == ["No labels by soft under sign: no.", "No labels by bias under lora: the bias is not shared."]


def test_defences_that_one_rule_refuses_for_one_reason_share_a_sentence() -> None:
    lines = [line(name, soft="not_applicable: no") for name in ("none", "sign")]
    assert label_column.notes(board(*lines))[-1] == "No labels by soft under none, sign: no."


def test_of_larger_batches_the_note_speaks_of_shares_and_of_no_chance() -> None:
    (note,) = label_column.notes(board(line("none", chance=None), batch=4))
    assert "how many of a batch's labels" in note


def test_the_csv_has_a_value_or_nothing_for_each_of_its_columns() -> None:
    found = dict(zip(label_column.RAW, label_column.raw(line("none", 2)), strict=True))
    assert (found["label_rule"], found["label_overlap"], found["label_victims"], found["label_rules"]) == (
        "last_layer",
        0.875,
        8,
        2,
    )
    assert label_column.raw(NOBODY) == label_column.raw(REFUSED) == [None] * len(label_column.RAW)
