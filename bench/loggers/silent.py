"""Logs nothing (logger=none)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.loggers.base import CellLogger, Run
from bench.results.stored_cell import StoredCell


class Silent(CellLogger):
    """Reports no cell to any service; the store has all results."""

    tells = False

    def open(self, run: Run) -> None:
        """Does nothing."""

    def finish(self, cell: StoredCell, summary: Mapping[str, Any]) -> None:
        """Does nothing, because no service is told."""
