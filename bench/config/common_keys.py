"""The keys that every option of a group has: they mean the same whichever option is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.config import options
from bench.config.yaml_bounds import LOADER, check_files


def common_keys(group: str, config_dir: Path | None = None) -> frozenset[str]:
    """The keys of this group that each of its options has, such as `data.batch_size` and `model.mode`.

    Args:
        group: the name of a group; one that is not known has no options, and so no such keys.
        config_dir: a folder with options of the user's own.

    Returns:
        `GROUP.KEY`, for the keys at the top of the options' files. Keys that start with `_` are left out, and so are
        files that hold no keys or cannot be read: `compose` reports these if they are chosen.

    Raises:
        UserError: a file of the user's is too large, too deep, or endless.
    """
    check_files(config_dir)  # so that no chain of files is endless
    folders = [root / group for root in options.config_dirs(config_dir)]
    every = (_keys(name, folders) for name in options.entries(group, config_dir))
    found = [keys for keys in every if keys]
    return frozenset(f"{group}.{key}" for key in frozenset.intersection(*found)) if found else frozenset()


def _keys(name: str, folders: Sequence[Path]) -> frozenset[str]:
    """The keys of an option's file, and those of the files of the same group that it starts from.

    Args:
        name: of the file.
        folders: those of the group.
    """
    path = next((folder / f"{name}.yaml" for folder in folders if (folder / f"{name}.yaml").is_file()), None)
    try:
        file: Any = None if path is None else yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)
    except (yaml.YAMLError, UnicodeDecodeError, OSError, ValueError):
        return frozenset()
    if not isinstance(file, dict):
        return frozenset()
    listed = file.get("defaults")
    bases = [
        base for base in (listed if isinstance(listed, list) else []) if isinstance(base, str) and base != "_self_"
    ]
    own = {str(key) for key in file if key != "defaults" and not str(key).startswith("_")}
    return frozenset(own.union(*(_keys(base.removeprefix(f"/{folders[0].name}/"), folders) for base in bases)))
