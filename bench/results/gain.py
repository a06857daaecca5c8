"""What one stored cell has and another of the same identity lacks, and the writes that bring it over."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import UserError
from bench.storage.atomic import hidden, unwritable

Write = Callable[[], None]


@dataclass
class Gain:
    """What a cell gains from another one.

    Args:
        units: how many victims or runs it gains.
        writes: write them; nothing is written before they are called.
        notes: a sentence if the two have different scores of the same units.
    """

    units: int = 0
    writes: list[Write] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def copied(source: Path, place: Path) -> Write:
    """What copies a file in one step, so that no reader sees half of it; it raises UserError if it cannot."""

    def write() -> None:
        temporary = hidden(place)
        try:
            shutil.copyfile(source, temporary)
            temporary.replace(place)
        except OSError as error:
            raise unwritable(place, error, "-o") from error
        finally:
            temporary.unlink(missing_ok=True)

    return write


def contradiction(first: Path, second: Path, what: object) -> UserError:
    """The error if the cells in two folders cannot both be right."""
    return UserError(f"{first} and {second} contradict each other: {what}")
