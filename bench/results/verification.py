"""`verified.json` of a cell: where its rows come from, and what was found when some victims were attacked again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.results import document as documents
from bench.storage.atomic import write_text

NAME = "verified.json"
HERE, ELSEWHERE, CLAIMED, REFUTED = "verified here", "repeated elsewhere", "claimed", "not confirmed here"
_CHECK = {"at": str, "victims": [int], "agreed": bool, "elsewhere": bool, "tolerance": str, "difference": str}
_SHAPE = {"imported": [{"at": str, "file": str, "sha256": str}], "checks": [_CHECK]}
_MOST = 1_000  # entries of each list


def read(folder: Path) -> dict[str, Any]:
    """The record of a cell; two empty lists if it has none.

    Raises:
        ValueError: the file was not written by leakbench; the message says why.
    """
    try:
        found = documents.read(folder / NAME)
    except FileNotFoundError:
        return {"imported": [], "checks": []}
    fault = documents.wrong(found, _SHAPE)
    lists = {name: found.get(name) for name in _SHAPE}
    if fault or set(found) != set(_SHAPE) or any(value is None or len(value) > _MOST for value in lists.values()):
        raise ValueError(f"its {NAME} was not written by leakbench ({fault or 'a list is missing or too long'})")
    for check in found["checks"]:
        if check is None or set(check) != set(_CHECK) or None in check.values():
            raise ValueError(f"its {NAME} was not written by leakbench (a check is not whole)")
    if any(one is None or one.get("at") is None for one in found["imported"]):
        raise ValueError(f"its {NAME} was not written by leakbench (an import is not whole)")
    return lists


def mark(folder: Path) -> str:
    """What a reader is told of a row: one of the four words above; empty for a cell that was computed here.

    A check that was made here counts more than one that came with an entry, and the latest one counts. A check that is
    older than the last import says nothing of the rows that came with it. A record that cannot be read confirms
    nothing.
    """
    try:
        record = read(folder)
    except ValueError:
        return CLAIMED
    since = max((one["at"] for one in record["imported"]), default="")
    here = [check for check in record["checks"] if not check["elsewhere"] and check["at"] >= since]
    if here:
        return HERE if here[-1]["agreed"] else REFUTED
    if any(check["agreed"] and check["elsewhere"] for check in record["checks"]):
        return ELSEWHERE
    return CLAIMED if record["imported"] else ""


def add_check(folder: Path, check: Mapping[str, Any]) -> None:
    """Adds what was found when victims were attacked again on this machine.

    Args:
        folder: the folder of the cell.
        check: `at` (ISO 8601), `victims` (their numbers), `agreed`, `tolerance` and `difference` (both in words).

    Raises:
        UserError: the folder cannot be written.
    """
    try:
        record = read(folder)
    except ValueError:
        record = {"imported": [], "checks": []}
    write(folder, {**record, "checks": [*record["checks"], {**check, "elsewhere": False}][-_MOST:]})


def arrived(record: Mapping[str, Any], origin: Mapping[str, str]) -> dict[str, Any]:
    """A record as it is kept after an import: all of its checks were made elsewhere, and earlier imports are forgotten.

    Args:
        record: of the entry.
        origin: `at`, `file` and `sha256` of the entry.
    """
    checks = [{**check, "elsewhere": True} for check in record["checks"]]
    return {"imported": [dict(origin)], "checks": checks}


def joined(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a cell that was merged: what the first says, then what only the second says."""
    return {name: [*first[name], *(one for one in second[name] if one not in first[name])][-_MOST:] for name in _SHAPE}


def write(folder: Path, record: Mapping[str, Any]) -> None:
    """Writes the record; an empty one is not written.

    Raises:
        UserError: the folder cannot be written.
    """
    if record["imported"] or record["checks"]:
        write_text(folder / NAME, documents.dump(record))
