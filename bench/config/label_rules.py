"""The group `labels`: `labels=yin` takes the place of the rule by which an attack infers labels, its key `labels`.

Each file of configs/labels/ begins with `# @package attack.labels`, so Hydra merges it into the attack's own node. A
cell without such a choice has the config, and so the identity, that it has without the group.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.config.composing import composed_by_hydra
from bench.config.display_names import changed, named
from bench.errors import UserError


def check_rule(rule: str, attack: str, config_dir: Path | None) -> None:
    """Refuses a rule for an attack that has no place for one.

    Args:
        rule: the chosen option of the group `labels`.
        attack: the chosen attack.
        config_dir: a folder with options of the user's own.

    Raises:
        UserError: the attack infers no labels by a rule.
    """
    if "labels" not in composed_by_hydra([f"attack={attack}"], config_dir).attack:
        raise UserError(
            f"labels={rule}: attack {attack!r} infers no labels by a rule; use an attack that matches gradients "
            "(leakbench list attacks), or leave labels out"
        )


def check_measured(measure: str, rule: Any, chosen: str | None, training: str | None) -> None:
    """Refuses a cell that measures something and lacks a label rule, or has one that it does not look at.

    Args:
        measure: what the cell measures, `labels`, `limit` or `identification`.
        rule: the node of the rule; None if labels are optimised.
        chosen: the chosen option of the group `labels`.
        training: the chosen option of the group `training`.

    Raises:
        UserError: the cell is also a training, or the choice of a rule does not suit it.
    """
    if training is not None:
        raise UserError(f"measure={measure} training={training}: a cell is one of the two; leave one of them out")
    if measure != "labels":
        if chosen is not None:
            raise UserError(f"measure={measure} labels={chosen}: this measure knows the labels; leave labels out")
        return
    if chosen is None:
        raise UserError("measure=labels counts the labels that a rule infers; say labels=RULE (leakbench list labels)")
    if rule is None:
        raise UserError("measure=labels labels=joint: labels that are optimised need an attack; say labels=RULE")


def named_with_rule(
    attack: str, rule: str, node: Mapping[str, Any], original: Mapping[str, Any], ruled: Mapping[str, Any]
) -> str:
    """The name of an attack whose labels come from a chosen rule: `dlg (labels=yin)`.

    The rule is not named if it is the attack's own, because the cell is then the same.

    Args:
        attack: the chosen attack.
        rule: the chosen option of the group `labels`.
        node: the settings of the cell's attack.
        original: the settings in the attack's file.
        ruled: the settings in the attack's file with the rule in place of its own.
    """
    ours, chosen = _target(node), _target(ruled)
    if ours != chosen or chosen == _target(original):
        return named(attack, node, original)
    difference = changed(node, ruled)
    return f"{attack} (labels={rule}{', ' if difference else ''}{difference})"


def _target(node: Mapping[str, Any]) -> str | None:
    """The class of the rule, or None if labels are optimised."""
    rule = node.get("labels")
    return rule["_target_"] if isinstance(rule, Mapping) else None
