"""`leakbench rescore`: adds scores to stored reconstructions."""

import argparse
from dataclasses import asdict
from pathlib import Path

from bench.cli.output import Answer, show
from bench.errors import UserError


def answer(arguments: argparse.Namespace) -> Answer:
    """Rescores the cells of a folder and prints a line per cell.

    Args:
        arguments: `words` holds the folder, if one is named, and the overrides.

    Returns:
        The exit code, which is 1 if a cell could not be rescored as a whole, and a document with one entry per cell.

    Raises:
        UserError: an override is wrong, or the folder cannot be read.
    """
    overrides = [word for word in arguments.words if is_override(word)]
    folders = [Path(word).expanduser() for word in arguments.words if not is_override(word)]
    if len(folders) > 1:
        raise UserError(f"'{folders[1]}' is one folder too many (leakbench rescore --help)")

    from bench.results import query
    from bench.running.rescore_request import Request

    folder = folders[0] if folders else Path("results")
    query.require_folder(folder)
    request = Request.of(overrides, arguments.config_dir)
    from bench.running.rescore import rescore  # torch takes seconds, so a mistake is told before

    found = []
    for one in rescore(folder, request):
        show(one.sentence)
        found.append({**asdict(one), "folder": str(one.folder)})
    if not found:
        show("no attack is stored there")
    return int(any(one["reason"] for one in found)), {"cells": found}


def is_override(word: str) -> bool:
    """Whether a word is an override; a folder may have `=` in its name, but an override is never a folder."""
    return "=" in word and not Path(word).is_dir()
