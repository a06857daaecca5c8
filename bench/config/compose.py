"""Turns overrides into the config of one cell, resolved and typed. Hydra composes it; each mistake becomes one line."""

import os
import re
from pathlib import Path
from typing import Any, cast

import yaml
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError, OmegaConfBaseException

from bench.config import options
from bench.config.cell_names import names, option_names
from bench.config.checker import links
from bench.config.composing import composed_by_hydra
from bench.config.instantiate import rehearse
from bench.config.label_rules import check_measured, check_rule
from bench.config.overrides import home, read
from bench.config.schema import check
from bench.config.short_keys import Knobs
from bench.config.stack_syntax import spelled_out
from bench.config.unknown_keys import has, is_free, leaves, unknown
from bench.config.yaml_bounds import check_files
from bench.errors import AbsentData, UserError

PRESETS = ("scale", "training", "measure", "experiment", "debug")  # groups that may be left empty
NAMED = ("attack", "data", "model", "defense", "threat")


def compose(
    overrides: list[str], config_dir: Path | None = None, suite: str | None = None, *, to_run: bool = False
) -> DictConfig:
    """Composes one cell: configs/run.yaml with `overrides`, resolved, every value checked against its type.

    Args:
        overrides: overrides in Hydra's grammar, such as `attack=idlg` or `data.victims=16`.
        config_dir: a folder of the user's with further options (`DIR/attack/mine.yaml`).
        suite: the suite that the cell belongs to, if any.
        to_run: whether the folder of the cell's data has to exist. This is checked before torch is imported, because
            the import takes seconds. The datamodule checks what the folder holds.

    Returns:
        The config of configs/run.yaml, without interpolations and closed to new keys. `names` holds the option that
        each of attack, data, model, defense and threat was taken from, and what was changed in it
        (`lenet (activation=relu)`); `~` is expanded in `results` and `paths`.

    Raises:
        UserError: the overrides are wrong. One line says what is wrong, where, what was probably meant, and how to
            list the options.
    """
    overrides, parsed = read(overrides)
    check_files(config_dir)
    known = option_names(config_dir)
    config_dir = options.composed_dir(config_dir)  # without one, what is composed is kept and used again
    for override in parsed:
        _check_override(override, known, config_dir)
    cfg = _composed(overrides, parsed, config_dir)
    choices = OmegaConf.to_container(cfg.hydra.runtime.choices)
    assert isinstance(choices, dict)
    # A paper's figures belong to the leaderboard (bench.report.papers), so they are not part of a cell's identity.
    plain = OmegaConf.create({key: cfg._get_node(key) for key in cfg if key not in ("hydra", "paper")})
    plain.names = {group: choices[group] for group in NAMED} | {"training": choices.get("training")}
    plain.suite = suite
    if "_target_" in plain.metric:  # metric=psnr names a single score; every other option is a set of scores
        plain.metric = {str(choices["metric"]): plain.metric}
    written = cast(dict, OmegaConf.to_container(plain.defense))
    plain.defense = spelled_out(
        written, "defense", known["defense"], lambda part: composed_by_hydra([part], config_dir)
    )
    chosen = {str(group): str(name) for group, name in choices.items()}
    if choices.get("labels") is not None:
        check_rule(chosen["labels"], chosen["attack"], config_dir)
    if "measure" in plain:
        check_measured(plain.measure, plain.attack.get("labels"), choices.get("labels"), choices.get("training"))
    _check_places(plain)
    if to_run:
        _look_for_data(plain, chosen["data"])
    checked = _resolved(plain, Knobs(_typed(parsed), chosen, config_dir))
    if any(override.key_or_group not in NAMED for override in parsed):
        plain_choices = _plain_choices(parsed, known) if config_dir is None else None
        checked.names = names(checked, written, config_dir, choices.get("labels"), plain_choices)
    for key in ("attack", "data", "defense", "threat", "training"):
        if key in checked:
            _rehearse(OmegaConf.to_container(checked[key]), key, plain)
    for key in _places(checked):
        OmegaConf.update(checked, key, home(OmegaConf.select(checked, key)))
    OmegaConf.set_struct(checked, True)
    return checked


def _rehearse(node: Any, key: str, cfg: DictConfig) -> None:
    """Refuses a value out of range under the key that gave it: `attack.lr=-1`, not `attack.step: lr=-1`."""
    try:
        rehearse(node, key)
    except UserError as error:
        found = re.match(r"([\w.\[\]]+): (\w+)=", str(error))
        origin = found and links(OmegaConf.to_container(cfg, resolve=False)).get(f"{found[1]}.{found[2]}")
        if not found or not origin:
            raise
        raise type(error)(f"{origin}={str(error)[found.end() :]}") from error


def _plain_choices(parsed: list[Override], known: dict[str, list[str]]) -> tuple[str, ...] | None:
    """The overrides that choose options; None if one of them may change the option of another group."""
    chosen = [override for override in parsed if override.key_or_group in known]
    mixed = any(o.key_or_group in (*PRESETS, "labels") or not isinstance(o.value(), str) for o in chosen)
    return None if mixed else tuple(str(override.input_line) for override in chosen)


def _typed(parsed: list[Override]) -> frozenset[str]:
    """The keys that the command line gives a value; `attack.step={lr: 1}` counts as `attack.step.lr`."""
    return frozenset(leaf for override in parsed for leaf in leaves(override.value(), override.key_or_group))


def _look_for_data(cfg: DictConfig, option: str) -> None:
    """Refuses data whose folder does not exist; a value that is not a path at all is left to `check`."""
    root, name = _selected(cfg, "data.root"), _selected(cfg, "data.name")
    if not isinstance(root, str) or not root.strip() or "\0" in root or os.path.exists(home(root)):
        return
    if option in ("table", "series"):  # an installed package may hold them, which only the datamodule knows
        return
    if option in ("folder", "text_file"):  # only the datamodule knows what the path may be, and it imports torch
        raise AbsentData(
            f"data.root={home(root)}: does not exist; say data.root=PATH of your own (leakbench list data)"
        )
    raise AbsentData(f"data '{name}' is not in {home(root)}, which does not exist; run: leakbench prepare {name}")


def _places(cfg: DictConfig) -> list[str]:
    """The keys at the top of the config whose values are folders."""
    return ["results", *(f"paths.{name}" for name in cfg.paths)]


def _check_places(cfg: DictConfig) -> None:
    """Refuses a folder with an empty name, which would mean the working folder, where no user expects the files.

    Raises:
        UserError: the name of a folder is empty.
    """
    for key in (*_places(cfg), "data.root"):
        given = _selected(cfg, key)
        if isinstance(given, str) and (not given.strip() or "\0" in given):
            raise UserError(f"{key}={given!r} names no folder; for the working folder say {key}=.")


def _selected(cfg: DictConfig, key: str) -> Any:
    """The value at a key; None if it has no value, or an interpolation that fails and that `check` reports later."""
    try:
        return OmegaConf.select(cfg, key)
    except OmegaConfBaseException:
        return None


def _check_override(override: Override, known: dict[str, list[str]], config_dir: Path | None) -> None:
    """Refuses an override that can be seen to be wrong before Hydra composes."""
    key, text, value = override.key_or_group, override.input_line or "", override.value()
    if override.is_sweep_override():
        raise UserError(f"{text} names several values; one is wanted here (`leakbench run` and `suite` take several)")
    if not key:
        raise UserError(f"{text!r} has no key: want key=value, such as attack=idlg")
    if override.package is not None or (key in known and (override.is_add() or override.is_force_add())):
        raise UserError(f"{text}: say {key}={value}")
    if key == "suite":
        raise UserError(f"{text}: a suite is run by `leakbench suite {value or 'NAME'}`, not by an override")
    if key.split(".")[0] == "hydra" or key.startswith("hydra/"):
        raise UserError(f"{text}: Hydra's own settings have no effect here")
    if override.is_delete():
        if key in known:
            raise UserError(
                f"{text}: {key} cannot be left out{_or_none(key, known)} (leakbench list {options.plural(key)})"
            )
        return
    if value in (None, "") and text.endswith("="):
        further = f"; there are {', '.join(known[key])}" if key in known else "; for nothing say null"
        raise UserError(f"{text} has no value{further}")
    if key not in known or isinstance(value, dict):
        return
    if isinstance(value, list):
        raise UserError(f"{text}: one option of {key}, please (leakbench list {options.plural(key)})")
    if not (value is None and key in PRESETS) and value not in known[key]:
        raise options.no_such(key, "null" if value is None else str(value), config_dir)


def _or_none(group: str, known: dict[str, list[str]]) -> str:
    return f"; say {group}=none" if "none" in known[group] else "; choose another"


def _composed(overrides: list[str], parsed: list[Override], config_dir: Path | None) -> DictConfig:
    """Hydra's own composition; if it fails, the reason is found by composing again without the overrides of keys."""
    try:
        return composed_by_hydra(overrides, config_dir)
    except yaml.YAMLError as error:
        raise UserError(_yaml_fault(error)) from None
    except (HydraException, OmegaConfBaseException, ValueError, OSError, AssertionError) as error:
        failure = error
    groups = options.groups(config_dir)
    choices = [o for o in parsed if o.key_or_group.split("@")[0] in groups]
    try:
        base = composed_by_hydra([str(o.input_line) for o in choices], config_dir)
    except (HydraException, OmegaConfBaseException, ValueError, OSError, AssertionError) as error:
        raise UserError(_first_line(error)) from None
    again = []
    for text, override in zip(overrides, parsed):
        if override in choices or override.is_add() or override.is_force_add():
            again.append(text)
        elif is_free(base, override.key_or_group):
            again.append(f"++{text}")
        else:
            below = leaves(override.value(), override.key_or_group)  # attack.step={lr: 1} may give several keys
            absent = [key for key in below if not has(base, key)]
            if absent:
                raise unknown(absent[0], base, groups)
            again.append(text)
    if again == overrides:
        raise UserError(_first_line(failure))
    try:
        return composed_by_hydra(again, config_dir)
    except (HydraException, OmegaConfBaseException, ValueError, AssertionError) as error:
        raise UserError(_first_line(error)) from None


def _resolved(cfg: DictConfig, knobs: Knobs) -> DictConfig:
    try:
        return check(cfg, knobs)
    except InterpolationKeyError as error:
        raise UserError(f"{error.full_key}: {_first_line(error)}") from None
    except OmegaConfBaseException as error:
        where = f"{error.full_key}: " if getattr(error, "full_key", None) else ""
        raise UserError(where + _first_line(error)) from None


def _yaml_fault(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"{mark.name}:{mark.line + 1}: not valid YAML: {problem}" if mark else f"not valid YAML: {problem}"


def _first_line(error: BaseException) -> str:
    """The first line of Hydra's message; if the message is empty, that of the nearest cause that has one."""
    text = str(error).strip()
    while not text and error.__cause__ is not None:
        error = error.__cause__
        text = str(error).strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
