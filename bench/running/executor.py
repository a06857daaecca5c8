"""What an executor is: configs go in, and what came of each cell comes out as soon as it is known."""

from __future__ import annotations

import dataclasses
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from bench.errors import NotApplicable, Unwritable, UserError
from bench.host import signals

DONE, NOT_APPLICABLE, MISTAKE, UNWRITABLE, ERROR = "done", "not_applicable", "mistake", "unwritable", "error"


class CellFailed(Exception):
    """A cell failed in another process: the sentence says how."""


@dataclass(frozen=True)
class Result:
    """What came of a cell; plain values, so that it can travel between processes.

    Args:
        status: `done`; `not_applicable`, `unwritable` or `mistake` (the user's), as `run_cell` raises them; `error` for
            a fault.
        document: JSON document of the cell; None unless it is done.
        reason: a sentence; empty where it is done.
        trace: the traceback of a fault.
        seconds: how long the work took; None if it is not known.
    """

    status: str
    document: dict[str, Any] | None = None
    reason: str = ""
    trace: str = ""
    seconds: float | None = None

    def unwrap(self) -> dict[str, Any]:
        """The document, or what `run_cell` would have raised.

        Raises:
            NotApplicable, Unwritable, UserError: as the cell did.
            CellFailed: for a fault.
        """
        if self.status == NOT_APPLICABLE:
            raise NotApplicable(self.reason)
        if self.status == UNWRITABLE:
            raise Unwritable(self.reason)
        if self.status == MISTAKE:
            raise UserError(self.reason)
        if self.document is None:
            raise CellFailed(self.reason)
        return self.document

    def plain(self) -> dict[str, Any]:
        """As a mapping, for `Result(**mapping)`."""
        return dataclasses.asdict(self)


def attempt(work: Callable[[], dict[str, Any]]) -> Result:
    """What comes of `work`, whatever it raises, and how long it took; an interrupt goes through."""
    began = time.perf_counter()
    result = _attempted(work)
    return dataclasses.replace(result, seconds=time.perf_counter() - began)


def _attempted(work: Callable[[], dict[str, Any]]) -> Result:
    try:
        return Result(DONE, work())
    except NotApplicable as error:
        return Result(NOT_APPLICABLE, reason=_line(error))
    except Unwritable as error:
        return Result(UNWRITABLE, reason=_line(error))
    except UserError as error:
        return Result(MISTAKE, reason=_line(error))
    except BaseException as error:  # a fault of one cell must not cost the others their night
        if not signals.is_fault(error):
            raise
        return Result(ERROR, reason=in_a_line(error), trace=traceback.format_exc())


def in_a_line(error: BaseException) -> str:
    """What a fault was: its type and its words; an attempt to end the program says so."""
    words = f"{type(error).__name__}: {_line(error)}"
    return words if isinstance(error, Exception) else f"{words} (raised by the cell: its model, loss or attack?)"


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())


Results = Generator[tuple[int, Result], None, None]


class Executor(ABC):
    """Runs cells. What it is and where it runs them is no part of a cell's identity."""

    @abstractmethod
    def run(self, cells: Sequence[DictConfig]) -> Results:
        """`(index, result)` of each cell, as they end, in any order; closing the iterator ends what still runs.

        Args:
            cells: of `bench.config.compose.compose`.

        Raises:
            UserError: the cells cannot be run here at all; before the first one is.
        """
