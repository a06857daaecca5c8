"""The label leak of a defence is that of the best rule on the attacked victims, under the attacker's threat model."""

from pathlib import Path
from typing import Any

import pytest
from label_rows import label_row

from bench.results.defense_result import LabelResult
from bench.results.join import boards
from bench.results.query import cells
from bench.results.store import Store
from bench.results.stored_labels import StoredLabels
from bench.results.stored_leak import StoredLeak

NODES: dict[str, dict[str, Any]] = {"none": {}, "gaussian": {"_target_": "g", "std": 0.1}}
BASIC = {"labels": False, "defense_known": False}


def facts(attack: str, defense: str, grants: dict[str, bool], **config: Any) -> dict[str, Any]:
    names = {"attack": attack, "data": "mnist", "model": "lenet", "defense": defense, "threat": "basic"}
    data = {"victims": 4, "batch_size": 1}
    whole = {"attack": {}, "model": {}, "data": data, "seed": 0, "defense": NODES[defense], **config}
    return {"labels": names, "config": whole, "threat": {"letter": "B", "grants": grants}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return attacked(tmp_path, BASIC)


def attacked(tmp_path: Path, grants: dict[str, bool]) -> Path:
    """Two defences, each attacked on four victims."""
    for number, defense in enumerate(NODES):
        victims = [{"victim": v, "status": "budget", "batch_size": 1} for v in range(4)]
        samples = [
            {"victim": v, "position": 0, "sample": v, "label": 0, "label_guess": 0, "mse": 0.01} for v in range(4)
        ]
        cell = Store(tmp_path).cell(StoredLeak, "dlg", f"{number:016x}", facts("dlg", defense, grants))
        cell.append(victims, samples)
    return tmp_path


def rule(
    root: Path, number: int, name: str, right: list[int], grants: dict[str, bool] = BASIC, **config: Any
) -> StoredLabels:
    """A cell of a rule under Gaussian noise that reads the labels of these victims."""
    known = facts(name, "gaussian", grants, **config)
    known["data"] = {"classes": 10}
    cell = Store(root).cell(StoredLabels, name, f"{number:016x}", known)
    one = {"batch_size": 1, "labels": 1, "classes_true": 1, "classes_claimed": 1}
    cell.append([label_row(victim, found, **one) for victim, found in enumerate(right)])
    return cell


def board_of(root: Path, *found: StoredLabels) -> dict[str, LabelResult | None]:
    (board,) = boards(cells(root).cells, [], label_cells=found)
    return {line.family: line.labels for line in board.lines}


def test_the_rule_that_is_right_most_often_on_the_attacked_victims_counts(root: Path) -> None:
    # over all six victims, sign would be ahead with four to three
    found = board_of(root, rule(root, 2, "bias", [1, 1, 1, 0, 0, 0]), rule(root, 3, "sign", [1, 1, 0, 0, 1, 1]))
    assert found["none"] is None and (labels := found["gaussian"]) is not None
    assert labels.best is not None and (labels.best["rule"], labels.best["victims"]) == ("bias", 4)
    assert labels.best["label_overlap"]["mean"] == 0.75
    assert (labels.rules, labels.chance, labels.unserved) == (2, 0.1, {})


def test_of_rules_that_are_right_as_often_the_first_by_name_counts(root: Path) -> None:
    found = board_of(root, rule(root, 2, "soft", [1, 0, 0, 1]), rule(root, 3, "bias", [0, 1, 1, 0]))["gaussian"]
    assert found is not None and found.best is not None and found.best["rule"] == "bias"


def test_a_rule_that_does_not_apply_leaves_its_reason_and_no_rate(root: Path) -> None:
    refused = rule(root, 2, "soft", [])
    refused.fail("not_applicable", "the bias is not shared")
    alone = board_of(root, refused)["gaussian"]
    assert alone is not None and alone.best is None and alone.rules == 0
    assert alone.unserved == {"soft": "not_applicable: the bias is not shared"}
    both = board_of(root, refused, rule(root, 3, "bias", [0, 0, 0, 0]))["gaussian"]
    assert both is not None and both.best is not None and both.best["rule"] == "bias"
    assert both.best["label_overlap"]["mean"] == 0.0 and list(both.unserved) == ["soft"]


def test_a_rule_that_was_granted_the_defence_counts_and_one_that_was_granted_the_labels_does_not(root: Path) -> None:
    oracle = rule(root, 2, "oracle", [1, 1, 1, 1], {"labels": True, "defense_known": False})
    assert board_of(root, oracle)["gaussian"] is None
    adaptive = rule(root, 3, "censor", [1, 1, 0, 0], {"labels": False, "defense_known": True})
    found = board_of(root, oracle, adaptive)["gaussian"]
    assert found is not None and found.best is not None and found.best["rule"] == "censor"


def test_a_rule_belongs_beside_an_attacker_with_public_images_at_which_it_does_not_look(tmp_path: Path) -> None:
    root = attacked(tmp_path, {**BASIC, "public_images": True})
    assert board_of(root, rule(root, 2, "bias", [1, 1, 1, 0]))["gaussian"] is not None
    oracle = rule(root, 3, "oracle", [1, 1, 1, 1], {"labels": True, "defense_known": False})
    assert board_of(root, oracle)["gaussian"] is None


def test_a_rule_on_another_model_or_other_batches_does_not_belong_here(root: Path) -> None:
    foreign = [
        rule(root, 2, "bias", [1, 1, 1, 1], model={"width": 3}),
        rule(root, 3, "bias", [1, 1, 1, 1], data={"victims": 4, "batch_size": 2}),
        rule(root, 4, "bias", [1, 1, 1, 1], seed=1),
    ]
    assert board_of(root, *foreign) == {"none": None, "gaussian": None}
