"""Uploads the offline runs of a results folder to W&B, each whole, or says in one line what is in the way."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import requests

from bench.errors import Unwritable, UserError
from bench.loggers.offline_folder import OfflineRun, is_synced, mark_synced, offline_runs, retell
from bench.loggers.wandb_server import address, has_key
from bench.running import telling

_WAIT = 5.0  # seconds within which the server has to answer at all
_AT_ONCE = 50  # runs per call of `wandb sync`
PRIVATE = "what is uploaded contains private data and reconstructions of it (--no-pictures leaves them out)"


@dataclass(frozen=True)
class Destination:
    """Where runs are uploaded to, in place of what they say themselves; None: as they say.

    Args:
        project: the project.
        entity: a user or a team.
    """

    project: str | None = None
    entity: str | None = None


@dataclass
class Synced:
    """What came of an upload.

    Args:
        states: `{run: what is the matter with it}`, in words.
        failed: the runs that are not uploaded, and are not to be left out either.
    """

    states: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


def require_server() -> None:
    """Makes sure that there is a key, and a server that answers, before anything else is done.

    Raises:
        UserError: there is none.
    """
    if not has_key():
        raise UserError("W&B needs a key for an upload: run wandb login, or set WANDB_API_KEY")
    try:
        requests.get(address(), timeout=_WAIT)
    except requests.RequestException as error:
        why = "it does not answer" if isinstance(error, requests.Timeout) else "it cannot be reached"
        raise UserError(
            f"cannot upload to {address()}: {why} (WANDB_BASE_URL, or your network); the runs stay as they are"
        ) from None


def sync(results: Path, *, pictures: bool, upload: bool, to: Destination, notice: Callable[[str, str], None]) -> Synced:
    """Compares each offline run with the store, tells it again if it lacks something, and uploads it.

    Args:
        results: the results folder.
        pictures: whether private examples go along if they were told; without them, runs that have some are told again
            in a folder for the time of the upload.
        upload: whether anything is uploaded; else runs are only compared.
        to: where to.
        notice: is called with the name of each run, and with what is the matter with it.

    Raises:
        UserError: there is no offline run, no key, or no server.
    """
    if upload:
        require_server()
    runs, strays = offline_runs(results)
    for stray in strays:
        notice("", stray)
    found = Synced()
    with tempfile.TemporaryDirectory(prefix="leakbench-") as folder:
        ready = []
        for run in runs:
            state, chosen = _prepared(results, run, Path(folder), pictures, upload)
            found.states[run.name] = state
            notice(run.name, state)
            if chosen is not None:
                ready.append((run, chosen))
        if upload and any(run.shows and pictures for run, _ in ready):
            notice("", PRIVATE)
        found.failed = _upload(ready, to) if upload else []
    return found


def _prepared(
    results: Path, run: OfflineRun, aside: Path, pictures: bool, upload: bool
) -> tuple[str, OfflineRun | None]:
    """What is the matter with a run, and the run that is to be uploaded in its place, if any."""
    if run.cell is not None and (run.cell.folder / telling.NAME).exists():
        return "is not finished; give the command that began it again", None
    if run.synced:
        return "is uploaded already", None
    counted = f"{run.rows} rows, {run.images} images"
    bare = run.private and not pictures
    if not run.lacks and not bare:
        return f"is whole ({counted})", run
    if not upload:
        return (f"{run.lacks}; sync tells it again" if run.lacks else f"is whole ({counted})"), None
    try:
        again = retell(results, run, private=run.private and pictures, home=aside if bare else None)
    except Unwritable as error:
        return f"{run.lacks or 'has pictures'}, and cannot be told again: {error}", None
    without = " without pictures" if bare else ""
    why = f"{run.lacks}; " if run.lacks else ""
    return f"{why}told again{without} ({again.rows} rows, {again.images} images)", again


def _upload(ready: Iterable[tuple[OfflineRun, OfflineRun]], to: Destination) -> list[str]:
    """Uploads runs through `wandb sync`; the names of those that W&B does not note as uploaded."""
    options = [f"--{name}={value}" for name, value in vars(to).items() if value]
    spoken = {name: value for name, value in os.environ.items() if name != "WANDB_SILENT"}  # else no error is said
    pairs, failed = list(ready), []
    for at in range(0, len(pairs), _AT_ONCE):
        some = pairs[at : at + _AT_ONCE]
        command = [sys.executable, "-m", "wandb", "sync", *options, *(str(chosen.file.parent) for _, chosen in some)]
        spoken["WANDB_DIR"] = str(some[0][1].file.parents[2].absolute())  # its log lies there, not where the user is
        done = subprocess.run(
            command, env=spoken, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        for run, chosen in some:
            if not is_synced(chosen.file):
                failed.append(f"{run.name}: {_reason(done.stdout + done.stderr, chosen)}")
            elif chosen.file != run.file and not is_synced(run.file):
                mark_synced(run)
    return failed


def _reason(output: str, run: OfflineRun) -> str:
    """The last thing that `wandb sync` says of a run, errors first, as one line."""
    lines = [line.removeprefix("wandb: ").strip() for line in output.splitlines()]
    errors = [line for line in lines if "ERROR" in line]
    own = [line for line in errors if run.file.stem.removeprefix("run-") in line]
    return next((found[-1].removeprefix("ERROR ") for found in (own, errors, lines) if found), "W&B says nothing")
