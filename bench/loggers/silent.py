"""Nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.loggers.base import CellLogger, Run
from bench.results.store import StoredCell


class Silent(CellLogger):
    """Logs nothing; the store has it all."""

    tells = False

    def open(self, run: Run) -> bool:
        """No logger."""
        return False

    def finish(self, cell: StoredCell, summary: Mapping[str, Any]) -> None:
        """Nothing to tell."""
