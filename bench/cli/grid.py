"""Runs a grid of cells for `leakbench suite` and `leakbench run`, then prints the leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.output import Answer, say, show_report, speaks

if TYPE_CHECKING:  # torch takes seconds to import
    from bench.report.page import Report
    from bench.running.suite import Planned


def run_or_show(name: str, cells: list[Planned], *, only_config: bool, config_dir: Path | None = None) -> Answer:
    """Runs the cells, or prints the config of each and runs nothing.

    Args:
        name: what the grid is called.
        cells: checked, none of them run.
        only_config: whether the configs are printed.
        config_dir: a folder with suites of the user's own.

    Raises:
        UserError: a results folder cannot be written, or the executor cannot run the cells.
    """
    if only_config:
        from bench.cli import cfg as configs

        return configs.show_cells([(cell.title, cell.config) for cell in cells])
    return _run(name, cells, config_dir)


def _run(name: str, cells: list[Planned], config_dir: Path | None) -> Answer:
    from bench.report import page
    from bench.results.store import Store
    from bench.running import suite, suite_run
    from bench.running.cell import record_failure

    roots = sorted({cell.config.results for cell in cells})
    for root in roots:
        Store(Path(root)).check()
    suite.write_plans(name, cells)
    outcome = suite_run.run(cells, record_failure)
    reports = [page.write(Path(root), config_dir=config_dir) for root in roots] if speaks() else []
    for root, made in zip(roots, reports):
        show_report(made)
        _tell(name, Path(root), made, [cell for cell in cells if cell.config.results == root])
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


def _tell(name: str, root: Path, made: Report, cells: list[Planned]) -> None:
    """Reports the leaderboard to the loggers of the cells in a results folder, each once."""
    from bench.config.instantiate import instantiate
    from bench.loggers.base import CellLogger

    nodes: list[Any] = []
    for cell in cells:
        if cell.config.logger not in nodes:
            nodes.append(cell.config.logger)
    for node in nodes:
        logger: CellLogger = instantiate(node, "logger")
        logger.board(root, name, made)
