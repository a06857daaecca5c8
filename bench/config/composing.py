"""Hydra, called as a library: options and overrides become one config."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

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
    """The config that Hydra composes of `configs/run.yaml`, a user's own folder and the overrides."""
    folders = options.config_dirs(config_dir)
    search = [f'hydra.searchpath=["file://{folder}"]' for folder in folders[1:]]
    with silent(), apart(), initialize_config_dir(str(folders[0]), job_name="leakbench", version_base="1.3"):
        return hydra_compose("run", [*search, *UNUSED, *overrides], return_hydra_config=True)


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
