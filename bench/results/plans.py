"""What a suite is about to do, on record before it begins: `ROOT/plans/SUITE.json`. Without it nobody could tell what
is still missing.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.results.atomic import unwritable, write_text
from bench.results.identity import identity
from bench.results.store import LABELS


@dataclass(frozen=True)
class Entry:
    """A planned cell.

    Args:
        config: see `config_identity`.
        labels: `{attack, data, model, defense, threat}`, words for tables.
        victims: how many are wanted.
    """

    config: str
    labels: dict[str, str]
    victims: int


@dataclass(frozen=True)
class Plan:
    """The cells of a suite, and when it last began (nanoseconds since 1970)."""

    suite: str
    started: int
    cells: list[Entry]


def config_identity(config: Mapping[str, Any]) -> str:
    """What a planned cell and a stored one share: the identity without the contents of files, unread so far."""
    return identity(config, {})


def write(root: Path, suite: str, configs: Iterable[Mapping[str, Any]]) -> None:
    """Puts the plan of a suite on record, in place of an earlier one of its name.

    Args:
        root: the results folder.
        suite: its name.
        configs: resolved, as plain containers, one a cell.

    Raises:
        UserError: the folder cannot be written.
    """
    cells = [
        Entry(config_identity(config), {name: config["names"][name] for name in LABELS}, config["data"]["victims"])
        for config in configs
    ]
    folder = root / "plans"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    write_text(folder / f"{suite}.json", json.dumps(asdict(Plan(suite, time.time_ns(), cells)), indent=1) + "\n")


def read(root: Path) -> list[Plan]:
    """The plans in a results folder, the latest first; what is no plan is left out."""
    found = [plan for path in sorted((root / "plans").glob("[!.]*.json")) if (plan := _load(path)) is not None]
    return sorted(found, key=lambda plan: plan.started, reverse=True)


def _load(path: Path) -> Plan | None:
    try:
        record = json.loads(path.read_text())
        return Plan(record["suite"], int(record["started"]), [Entry(**cell) for cell in record["cells"]])
    except (OSError, ValueError, KeyError, TypeError):
        return None
