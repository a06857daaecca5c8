"""Short keys, such as `attack.lr`: keys that parts of a node take their value from (`step: {lr: ${attack.lr}}`).

If each of those parts has a value of its own (`attack.step.lr=0.5`), the short key has no effect and is left out. If
the user has given it a value nevertheless, that is a mistake.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench.config import options
from bench.config.checker import links


@dataclass(frozen=True)
class Knobs:
    """Knows which keys are short keys, and which of them the user has given a value.

    Args:
        typed: the keys that the command line gives a value.
        chosen: the chosen options, `{group: option}`.
        config_dir: a folder with options of the user's own.
    """

    typed: Collection[str] = ()
    chosen: Mapping[str, str] = field(default_factory=dict)
    config_dir: Path | None = None

    def known(self, key: str) -> bool:
        """Whether parts of some option take their value from `key` (`attack.lr`)."""
        group, _, name = key.partition(".")
        return bool(name) and key in _sources(group, self.config_dir)

    def said(self, key: str) -> bool:
        """Whether the user has given `key` a value, on the command line or in a chosen option of their own."""
        group, _, name = key.partition(".")
        if key in self.typed:
            return True
        if self.config_dir is None or group not in self.chosen:
            return False
        path = options.config_dirs(self.config_dir)[-1] / group / f"{self.chosen[group]}.yaml"
        return name in _read(path)


@functools.lru_cache(maxsize=64)
def _sources(group: str, config_dir: Path | None) -> frozenset[str]:
    folders = [root / group for root in options.config_dirs(config_dir)]
    return frozenset(
        source for folder in folders for path in sorted(folder.glob("*.yaml")) for source in _links(path, group)
    )


def _links(path: Path, group: str) -> set[str]:
    return {source for source in links(_read(path), group).values() if source.count(".") == 1}


def _read(path: Path) -> dict[Any, Any]:
    try:
        found = OmegaConf.to_container(OmegaConf.load(path), resolve=False) if path.is_file() else {}
    except (yaml.YAMLError, OmegaConfBaseException, OSError, ValueError):
        return {}  # `compose` reports what is wrong with the file
    return found if isinstance(found, dict) else {}
