"""Hydra, called as a library: options and overrides become one config."""

import functools
import os
import pickle
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from bench.config import options


def cache_folder() -> str:
    """The folder for downloads: LEAKBENCH_CACHE if it is set, else `leakbench` in the user's cache folder."""
    given = os.environ.get("LEAKBENCH_CACHE")
    if given:
        return str(Path(given).expanduser().absolute())
    above = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return str(Path(above).expanduser() / "leakbench")


OmegaConf.register_new_resolver("leakbench.cache", cache_folder, replace=True)

# Hydra's settings of its own program (where it writes, its logging, its help). They have no effect on a library call,
# and reading them takes a fifth of the time.
UNUSED = [
    f"~hydra/{group}"
    for group in ("output", "launcher", "sweeper", "help", "hydra_help", "hydra_logging", "job_logging", "env")
]


def composed_by_hydra(overrides: list[str], config_dir: Path | None) -> DictConfig:
    """The config that Hydra composes of `configs/run.yaml`, a user's own folder and the overrides.

    Without a folder of the user's, options that are chosen together (`attack=idlg`, `data=mnist`) are composed once,
    and values (`attack.lr=1`) are set in a copy, as Hydra sets them. The cells of a suite choose among few options.
    """
    parted = _parted(overrides) if config_dir is None else None  # a user's files may change during a run
    if parted is None:
        return _composed(overrides, config_dir)
    choices, values = parted
    cfg: DictConfig = pickle.loads(_of_choices(choices))
    try:
        for override in values:
            OmegaConf.update(cfg, override.key_or_group, override.value(), merge=True)
    except OmegaConfBaseException:
        return _composed(overrides, config_dir)  # Hydra's own sentence says what is wrong
    return cfg


def _composed(overrides: list[str], config_dir: Path | None) -> DictConfig:
    folders = options.config_dirs(config_dir)
    search = [f'hydra.searchpath=["file://{folder}"]' for folder in folders[1:]]
    with silent(), apart(), initialize_config_dir(str(folders[0]), job_name="leakbench", version_base="1.3"):
        for source in GlobalHydra.instance().config_loader().get_sources():
            _read_files_once(source)
        return hydra_compose("run", [*search, *UNUSED, *overrides], return_hydra_config=True)


_SEVERAL = 6  # combinations that are composed by Hydra before options are composed alone

_FILES: dict[tuple[str, str], bytes] = {}  # by folder and name, what Hydra has read; pickled, since Hydra changes it


def _read_files_once(source: ConfigSource) -> None:
    """Lets a source of Hydra's read each file once per process, because reading takes a third of the composing.

    Where there is a folder of the user's, whose files may change, Hydra makes its sources again while it composes.
    """
    read = source.load_config

    def load(config_path: str) -> ConfigResult:
        place = (source.path, config_path)
        if place not in _FILES:
            _FILES[place] = pickle.dumps(read(config_path))
        return pickle.loads(_FILES[place])

    source.load_config = load  # type: ignore[method-assign]


@functools.lru_cache(maxsize=256)
def _of_choices(choices: tuple[str, ...]) -> bytes:
    """The config of these options, pickled: a copy is read in a hundredth of the time that composing takes.

    Once a process has composed several, options are composed alone, and combinations are put together from their nodes.
    A single run does not wait for that.
    """
    many = len(choices) > 1 and _of_choices.cache_info().currsize >= _SEVERAL
    cfg = _of_nodes(choices) if many else None
    return pickle.dumps(_composed(list(choices), None) if cfg is None else cfg)


def _of_nodes(choices: tuple[str, ...]) -> DictConfig | None:
    """The config of these options, put together from their nodes; None if one of them changes something else too."""
    groups = {choice.partition("=")[0] for choice in choices}
    if len(groups) < len(choices):  # two options of one group
        return None
    cfg: DictConfig = pickle.loads(_of_choices(()))
    with open_dict(cfg):
        for choice in choices:
            node = _own_node(choice)
            if node is None:
                return None
            group, _, name = choice.partition("=")
            cfg[group], cfg.hydra.runtime.choices[group] = node, name
    return cfg


@functools.lru_cache(maxsize=512)
def _own_node(choice: str) -> DictConfig | None:
    """The node of an option's group, if the option changes nothing but this node; else None.

    Such an option means the same beside every other one. Combinations are many, and options few.
    """
    base, cfg = (pickle.loads(_of_choices(choices)) for choices in ((), (choice,)))
    group, _, name = choice.partition("=")
    before, after = base.hydra.runtime.choices, cfg.hydra.runtime.choices
    others = [key for key in {*base, *cfg} if key not in ("hydra", group)]
    same = group in base and {**before, group: name} == after and list(base) == list(cfg)
    return cfg._get_node(group) if same and all(_plain(base, key) == _plain(cfg, key) for key in others) else None


def _plain(cfg: DictConfig, key: str) -> object:
    return OmegaConf.to_container(OmegaConf.create({key: cfg._get_node(key)}))


def _parted(overrides: list[str]) -> tuple[tuple[str, ...], list[Override]] | None:
    """The overrides that choose an option, and those that set a value; None if one does something else (`+a=1`, `~a`).

    Raises:
        HydraException: an override cannot be read.
    """
    choices: list[str] = []
    values: list[Override] = []
    groups = _groups()
    for text, override in zip(overrides, OverridesParser.create().parse_overrides(overrides)):
        key = override.key_or_group
        of_group = key in groups
        plain = override.type == OverrideType.CHANGE and override.package is None and not override.is_sweep_override()
        if not plain or "/" in key or key.startswith("hydra") or (of_group and isinstance(override.value(), dict)):
            return None
        if of_group:
            choices.append(text)
        else:
            values.append(override)
    return tuple(choices), values


@functools.cache
def _groups() -> frozenset[str]:
    return frozenset(options.groups())


@contextmanager
def silent() -> Iterator[None]:
    """Hides the warnings of Hydra and OmegaConf, which speak of their own keys."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def apart() -> Iterator[None]:
    """Sets Hydra's one global instance aside, because a program that runs under Hydra may call `bench.audit`."""
    theirs = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = theirs
