"""The keys that every option of a group has: they mean the same whichever option is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from bench.config import options


def common_keys(group: str, config_dir: Path | None = None) -> frozenset[str]:
    """The keys of this group that each of its options has, such as `data.batch_size` and `model.mode`.

    Args:
        group: the name of a group; one that is not known has no options, and so no such keys.
        config_dir: a folder with options of the user's own.

    Returns:
        `GROUP.KEY`, for the keys at the top of the options' files. Keys that start with `_` are left out, and so are
        files that hold no keys or cannot be read: `compose` reports these if they are chosen.
    """
    options_keys = (_keys(option.path) for option in options.entries(group, config_dir).values())
    found = [keys for keys in options_keys if keys]
    return frozenset(f"{group}.{key}" for key in frozenset.intersection(*found)) if found else frozenset()


def _keys(path: Path) -> frozenset[str]:
    """The keys of a file, and those of the files of the same group that it starts from."""
    try:
        file: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError):
        return frozenset()
    if not isinstance(file, dict):
        return frozenset()
    bases = [path.with_name(f"{name}.yaml") for name in file.get("defaults", []) if isinstance(name, str)]
    inherited = [_keys(base) for base in bases if base.is_file()]
    return frozenset({str(key) for key in file if key != "defaults" and not str(key).startswith("_")}.union(*inherited))
