"""The cells that a suite planned and that were not begun: a page shows them as missing, and does not leave them out."""

from collections.abc import Iterable
from pathlib import Path

from bench.results import plans
from bench.results.stored_leak import StoredLeak


def missing(root: Path, cells: Iterable[StoredLeak]) -> list[dict[str, str]]:
    """The planned cells without a folder, once each.

    Args:
        root: the results folder.
        cells: the attacked cells in it.

    Returns:
        `suite`, and the labels of `StoredLeak`: `attack`, `data`, `model`, `defense` and `threat`.
    """
    begun = {plans.config_identity(cell.facts.get("config") or {}) for cell in cells}
    planned, _ = plans.read(root)
    found: dict[str, dict[str, str]] = {}
    for plan in planned:
        for entry in plan.cells:
            if entry.kind == StoredLeak.kind and entry.config not in begun:
                found.setdefault(entry.config, {"suite": plan.suite, **entry.labels})
    return list(found.values())


def unfinished(cell: StoredLeak, stored: int) -> str:
    """How many victims a cell still lacks, in words; empty if it has all that its config asks for.

    Args:
        cell: the cell.
        stored: how many victims are stored.
    """
    wanted = cell.wanted(cell.facts.get("config") or {})
    return f"{stored} of {wanted} victims are stored; the same command goes on from there" if stored < wanted else ""
