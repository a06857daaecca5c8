"""Turns overrides into the config of one cell, resolved and typed. Hydra composes it; each mistake becomes one line."""

import functools
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError, OmegaConfBaseException

from bench.config import options
from bench.config.display_names import named
from bench.config.instantiate import rehearse
from bench.config.overrides import home, read
from bench.config.schema import check, links
from bench.config.short_keys import Knobs
from bench.config.stack_syntax import spelled_out
from bench.config.suggest import did_you_mean, key_did_you_mean
from bench.config.yaml_bounds import check_files
from bench.errors import AbsentData, UnknownKeyError, UserError

PRESETS = ("scale", "training", "experiment", "debug")  # groups that may be left empty
NAMED = ("attack", "data", "model", "defense", "threat")


def cache_folder() -> str:
    """The folder for downloads: LEAKBENCH_CACHE if it is set, else `leakbench` in the user's cache folder."""
    given = os.environ.get("LEAKBENCH_CACHE")
    if given:
        return str(Path(given).expanduser().absolute())
    above = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return str(Path(above).expanduser() / "leakbench")


OmegaConf.register_new_resolver("leakbench.cache", cache_folder, replace=True)


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
    known = _known(config_dir)
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
    plain.defense = spelled_out(written, "defense", known["defense"], lambda part: _hydra([part], config_dir))
    chosen = {str(group): str(name) for group, name in choices.items()}
    _check_places(plain)
    if to_run:
        _look_for_data(plain, chosen["data"])
    checked = _resolved(plain, Knobs(_typed(parsed), chosen, config_dir))
    if any(override.key_or_group not in NAMED for override in parsed):
        checked.names = _names(checked, written, config_dir)
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


def _typed(parsed: list[Override]) -> frozenset[str]:
    """The keys that the command line gives a value; `attack.step={lr: 1}` counts as `attack.step.lr`."""
    return frozenset(leaf for override in parsed for leaf in leaves(override.value(), override.key_or_group))


def _look_for_data(cfg: DictConfig, option: str) -> None:
    """Refuses data whose folder does not exist; a value that is not a path at all is left to `check`."""
    root, name = _selected(cfg, "data.root"), _selected(cfg, "data.name")
    if not isinstance(root, str) or not root.strip() or "\0" in root or os.path.exists(home(root)):
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


def _names(cfg: DictConfig, defense: dict[Any, Any], config_dir: Path | None) -> dict[str, str]:
    """The displayed name of each group's option, with what was changed in it.

    Args:
        cfg: the checked cell.
        defense: the node of the defence as the user wrote it, with the parts of a stack by name.
        config_dir: a folder with options of the user's own.
    """
    chosen = {group: name for group, name in cfg.names.items() if name is not None}
    ours = config_dir is None  # a user's files may change during a run; the project's own do not
    nodes = (_as_shipped if ours else _as_written)(tuple(chosen.items()), config_dir, cache_folder())
    here = {group: defense if group == "defense" and "parts" in defense else cfg[group] for group in chosen}
    return {group: named(chosen[group], cast(dict, here[group]), cast(dict, nodes[group])) for group in chosen}


def _as_written(chosen: tuple[tuple[str, str], ...], config_dir: Path | None, cache: str) -> dict[str, Any]:
    """`{group: node}` as the files of the chosen options have it, resolved.

    Args:
        chosen: pairs of a group and its option.
        config_dir: a folder with options of the user's own.
        cache: the cache folder. It is a part of the key under which the answer is cached, because nodes may name it.
    """
    original = _hydra([f"{group}={name}" for group, name in chosen], config_dir)
    return {group: OmegaConf.to_container(original[group], resolve=True) for group, _ in chosen}


# Composing takes most of the time before a suite's first cell, and a suite's cells choose among few options.
_as_shipped = functools.lru_cache(maxsize=256)(_as_written)


def _known(config_dir: Path | None) -> dict[str, list[str]]:
    """The names of all options, as `{group: names}`."""
    return {group: list(options.entries(group, config_dir)) for group in options.groups(config_dir)}


def _check_override(override: Override, known: dict[str, list[str]], config_dir: Path | None) -> None:
    """Refuses an override that can be seen to be wrong before Hydra composes."""
    key, text, value = override.key_or_group, override.input_line or "", override.value()
    if override.is_sweep_override():
        raise UserError(f"{text} names several values; a run is one cell (suites run many: leakbench suite --help)")
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
        return _hydra(overrides, config_dir)
    except yaml.YAMLError as error:
        raise UserError(_yaml_fault(error)) from None
    except (HydraException, OmegaConfBaseException, ValueError, OSError, AssertionError) as error:
        failure = error
    groups = options.groups(config_dir)
    choices = [o for o in parsed if o.key_or_group.split("@")[0] in groups]
    try:
        base = _hydra([str(o.input_line) for o in choices], config_dir)
    except (HydraException, OmegaConfBaseException, ValueError, OSError, AssertionError) as error:
        raise UserError(_first_line(error)) from None
    again = []
    for text, override in zip(overrides, parsed):
        if override in choices or override.is_add() or override.is_force_add():
            again.append(text)
        elif _is_free(base, override.key_or_group):
            again.append(f"++{text}")
        else:
            below = leaves(override.value(), override.key_or_group)  # attack.step={lr: 1} may give several keys
            absent = [key for key in below if not _has(base, key)]
            if absent:
                raise _unknown(absent[0], base, groups)
            again.append(text)
    if again == overrides:
        raise UserError(_first_line(failure))
    try:
        return _hydra(again, config_dir)
    except (HydraException, OmegaConfBaseException, ValueError, AssertionError) as error:
        raise UserError(_first_line(error)) from None


def _hydra(overrides: list[str], config_dir: Path | None) -> DictConfig:
    folders = options.config_dirs(config_dir)
    search = [f'hydra.searchpath=["file://{folder}"]' for folder in folders[1:]]
    with _silent(), _apart(), initialize_config_dir(str(folders[0]), job_name="leakbench", version_base="1.3"):
        return hydra_compose("run", [*search, *overrides], return_hydra_config=True)


@contextmanager
def _silent() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _apart() -> Iterator[None]:
    """Sets Hydra's one global instance aside, because a program that runs under Hydra may call `bench.audit`."""
    theirs = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = theirs


def _resolved(cfg: DictConfig, knobs: Knobs) -> DictConfig:
    try:
        return check(cfg, knobs)
    except InterpolationKeyError as error:
        raise UserError(f"{error.full_key}: {_first_line(error)}") from None
    except OmegaConfBaseException as error:
        where = f"{error.full_key}: " if getattr(error, "full_key", None) else ""
        raise UserError(where + _first_line(error)) from None


def _has(cfg: DictConfig, key: str) -> bool:
    node: Any = cfg
    for part in key.split("."):
        content = node._content if isinstance(node, DictConfig) else None
        if not isinstance(content, dict) or part not in content:
            return False
        node = content[part]
    return True


def _is_free(cfg: DictConfig, key: str) -> bool:
    """Whether the key lies below a mapping that is empty in its file (`model.arguments: {}`), so any key may follow."""
    above = key.split(".")
    for length in range(len(above) - 1, 0, -1):
        prefix = ".".join(above[:length])
        if _has(cfg, prefix):
            node = OmegaConf.select(cfg, prefix)
            return isinstance(node, DictConfig) and not node
    return False


def _unknown(key: str, cfg: DictConfig, groups: list[str]) -> UserError:
    if "." not in key:
        near = did_you_mean(key, groups)
        if near:
            return UserError(f"no group or key {key!r}{near} (there are {', '.join(groups)})")
    keys = [leaf for leaf in leaves(OmegaConf.to_container(cfg, resolve=False)) if not leaf.startswith("hydra.")]
    top = key.split(".")[0]
    inside = [leaf for leaf in keys if leaf.startswith(f"{top}.") and not leaf.endswith("._target_")]
    names = list(dict.fromkeys(leaf.split(".")[1] for leaf in inside))
    there = (
        f"{top} has {', '.join(names)}"
        if names
        else f"there are {', '.join(str(name) for name in cfg if name != 'hydra')}"
    )
    return UnknownKeyError(f"no key {key!r}{key_did_you_mean(key, inside or keys)} ({there})", key)


def leaves(container: Any, key: str = "") -> list[str]:
    """The dotted keys of all values.

    >>> leaves({"attack": {"lr": 1, "step": {"tries": 2}}, "seed": 0})
    ['attack.lr', 'attack.step.tries', 'seed']
    """
    if not isinstance(container, dict) or not container:
        return [key]
    return [leaf for name, item in container.items() for leaf in leaves(item, f"{key}.{name}" if key else str(name))]


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
