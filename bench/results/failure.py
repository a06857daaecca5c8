"""Why a cell as a whole has no result, as it is kept on record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.results import document as documents


@dataclass(frozen=True)
class Failure:
    """Why a cell as a whole has no result: the status word (`not_applicable`, `error`, ...) and a sentence."""

    status: str
    reason: str


def read_failure(folder: Path) -> Failure | None:
    """Why the cell in `folder` failed as a whole, or None if it did not."""
    try:
        record = documents.read(folder / "failed.json")
    except FileNotFoundError:
        return None
    except ValueError:
        record = {}
    status, reason = record.get("status"), record.get("reason")
    if isinstance(status, str) and isinstance(reason, str):
        return Failure(status, reason)
    return Failure("error", f"{folder / 'failed.json'} cannot be read")
