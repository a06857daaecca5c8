"""Protects: `labels=RULE` replaces an attack's rule and is named in its row; other cells keep their identities."""

from functools import cache

import pytest
from omegaconf import OmegaConf

from bench.config.compose import compose
from bench.config.label_rules import check_rule, named_with_rule
from bench.errors import UserError
from bench.results.identity import identity, label_identity


@cache
def of(*overrides: str) -> str:
    plain = OmegaConf.to_container(compose(list(overrides)), resolve=True)
    assert isinstance(plain, dict)
    return identity({str(key): value for key, value in plain.items()}, {})


def test_a_cell_without_a_choice_keeps_the_identity_that_it_had_before_the_group_existed() -> None:
    """The two identities were computed by the version before the group, whose presets had these settings."""
    then = ("attack.version=2", "attack.direction.curvature=1e-10", "attack.stop.objective=1e-7")
    assert of("attack=idlg", *then) == "ce97965a83e71be2"
    assert of("attack=dlg", *then) == "58078016e0db0e58"


def test_the_attacks_own_rule_chosen_by_name_is_the_same_cell() -> None:
    assert of("attack=idlg", "labels=last_layer") == of("attack=idlg")
    assert of("attack=dlg", "labels=joint") == of("attack=dlg")
    assert compose(["attack=idlg", "labels=last_layer"]).names.attack == "idlg"


def test_another_rule_is_another_cell_and_its_name_says_which() -> None:
    cells = [("attack=idlg",), ("attack=idlg", "labels=sign"), ("attack=idlg", "labels=joint"), ("attack=dlg",)]
    assert len({of(*cell) for cell in cells}) == len(cells)
    assert compose(["attack=idlg", "labels=sign"]).names.attack == "idlg (labels=sign)"
    assert compose(["attack=dlg", "attack.lr=0.5", "labels=bias"]).names.attack == "dlg (labels=bias, lr=0.5)"


def test_joint_takes_the_rule_of_idlg_away() -> None:
    assert compose(["attack=idlg", "labels=joint"]).attack.labels is None


def test_a_key_of_the_attack_has_the_last_word() -> None:
    cfg = compose(["attack=idlg", "labels=sign", "attack.labels=null"])
    assert cfg.attack.labels is None and cfg.names.attack == "idlg (labels=null)"


@pytest.mark.parametrize("attack", ["noise", "dager"])
def test_an_attack_without_a_place_for_a_rule_is_refused_in_one_line(attack: str) -> None:
    with pytest.raises(UserError, match=f"^labels=sign: attack '{attack}' infers no labels by a rule") as caught:
        compose([f"attack={attack}", "labels=sign"])
    assert "\n" not in str(caught.value)
    check_rule("sign", "idlg", None)


def test_an_unknown_rule_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(
        UserError, match=r"no labels 'sing' in configs/labels; did you mean 'sign'\? .leakbench list labels."
    ):
        compose(["attack=idlg", "labels=sing"])


def test_a_rule_that_is_not_the_one_chosen_is_spelled_out() -> None:
    sign, bias = ({"labels": {"_target_": name}} for name in ("a.Sign", "a.Bias"))
    assert named_with_rule("dlg", "sign", sign, {"labels": None}, sign) == "dlg (labels=sign)"
    assert named_with_rule("dlg", "sign", bias, {"labels": None}, sign) == "dlg (labels._target_=a.Bias)"


@cache
def labels_of(*overrides: str) -> str:
    plain = OmegaConf.to_container(compose(["measure=labels", *overrides]), resolve=True)
    assert isinstance(plain, dict)
    return label_identity({str(key): value for key, value in plain.items()}, {})


def test_a_cell_of_label_inference_is_called_after_its_rule_alone() -> None:
    assert compose(["measure=labels", "labels=ilrg", "attack=idlg"]).names.attack == "ilrg"
    changed = ["measure=labels", "labels=soft", "attack.labels.form=mixup"]
    assert compose(changed).names.attack == "soft (form=mixup)"


@pytest.mark.parametrize("same", [["attack=idlg"], ["attack.lr=0.5"], ["metric=psnr"], ["data.victims=3"]])
def test_what_label_inference_does_not_look_at_makes_no_other_cell(same: list[str]) -> None:
    assert labels_of("labels=yin", *same) == labels_of("labels=yin")


@pytest.mark.parametrize(
    "other",
    [["labels=llg"], ["data.batch_size=4"], ["data.label_rule=same"], ["seed=1"], ["threat=labels_known"],
     ["defense=gaussian"], ["model=lenet5"], ["engine.tf32=true"], ["engine.dtype=float64"]],
)  # fmt: skip
def test_what_can_change_a_claim_makes_another_cell(other: list[str]) -> None:
    assert labels_of("labels=yin", *other) != labels_of("labels=yin")
    assert labels_of("labels=yin") != of("labels=yin")


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ([], r"say labels=RULE \(leakbench list labels\)"),
        (["attack=idlg"], "say labels=RULE"),
        (["labels=joint"], "labels that are optimised need an attack"),
        (["labels=yin", "training=held_out"], "a cell is one of the two"),
        (["labels=yin", "attack=noise"], "infers no labels by a rule"),
    ],
)
def test_label_inference_without_a_rule_is_refused(overrides: list[str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        compose(["measure=labels", *overrides])
