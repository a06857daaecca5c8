"""The origin of a number: the commit and the versions of libraries, which are columns of every row."""

from __future__ import annotations

import functools
import json
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("leakbench", "torch", "torchvision", "pytorch-lightning", "torchmetrics", "lpips", "numpy")


@functools.cache
def commit() -> str:
    """The commit of this source tree, with `+dirty` if files differ from it; `unknown` outside a checkout."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return "unknown"
    head = _git(folder, "rev-parse", "--short=12", "HEAD")
    if not head:
        return "unknown"
    return head + ("+dirty" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")


def now() -> str:
    """The current time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def stamp() -> dict[str, str]:
    """Where and when work begins, and by which version: columns of every row, except for the device."""
    return {"host": platform.node(), "started": now(), "commit": commit(), "versions": versions()}


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


@functools.cache
def versions() -> str:
    """The versions of Python and of the main packages, as the text of a JSON object `{package: version}`."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return json.dumps(found, sort_keys=True)
