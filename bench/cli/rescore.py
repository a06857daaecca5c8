"""`leakbench rescore`: adds scores to stored reconstructions."""

import argparse
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.errors import UserError


def answer(arguments: argparse.Namespace, say: Callable[[str], None]) -> tuple[int, Any]:
    """Rescores the cells of a folder.

    Args:
        arguments: `words` holds the folder, if one is named, and the overrides.
        say: is called with one line per cell.

    Returns:
        The exit code, which is 1 if a cell could not be rescored as a whole, and a document with one entry per cell.

    Raises:
        UserError: an override is wrong, or the folder cannot be read.
    """
    overrides = [word for word in arguments.words if is_override(word)]
    folders = [Path(word).expanduser() for word in arguments.words if not is_override(word)]
    if len(folders) > 1:
        raise UserError(f"'{folders[1]}' is one folder too many (leakbench rescore --help)")

    from bench.running.rescore import rescore
    from bench.running.restored import Request

    request = Request.of(overrides, arguments.config_dir)
    found = []
    for one in rescore(folders[0] if folders else Path("results"), request):
        say(one.sentence)
        found.append({**asdict(one), "folder": str(one.folder)})
    if not found:
        say("no attack is stored there")
    return int(any(one["reason"] for one in found)), {"cells": found}


def is_override(word: str) -> bool:
    """Whether a word is an override; a folder may have `=` in its name, but an override is never a folder."""
    return "=" in word and not Path(word).is_dir()
