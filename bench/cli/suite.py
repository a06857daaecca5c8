"""`leakbench suite NAME`, and `leakbench run` with several values: a grid of cells, then the leaderboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # torch takes seconds to import
    from bench.running.suite import Planned


def answer(
    name: str, cells: list[Planned], show: Callable[[Any], None] | None, say: Callable[[str], None]
) -> tuple[int, Any]:
    """Runs the cells and writes the leaderboard of each results folder that they name.

    Args:
        name: what the grid is called.
        cells: checked, none of them run.
        show: prints a leaderboard that was written; None writes none, in a process that does not talk to the user.
        say: prints one line about a cell that failed.

    Returns:
        The exit code, which is 1 if a cell failed, and the document that `--json` prints.

    Raises:
        UserError: a results folder cannot be written, or the executor cannot run the cells.
    """
    from bench.report import page
    from bench.results.store import Store
    from bench.running import suite as suites
    from bench.running.cell import record_failure

    roots = sorted({cell.config.results for cell in cells})
    for root in roots:
        Store(Path(root)).check()
    suites.write_plans(name, cells)
    outcome = suites.run(cells, record_failure)
    reports = []
    if show is not None:
        for root in roots:
            reports.append(page.write(Path(root)))
            show(reports[-1])
    for title, reason in outcome.failed.items():
        say(f"failed: {title}: {reason}")
    document = {
        "suite": name,
        "cells": outcome.cells,
        "not_applicable": outcome.not_applicable,
        "failed": outcome.failed,
        "files": [str(path) for made in reports for path in made.paths],
    }
    return (1 if outcome.failed else 0), document
