"""`leakbench suite`: runs a grid of cells, then prints the leaderboard."""

import argparse
from pathlib import Path
from typing import Any

from bench.cli.output import Answer, say, show_report, speaks


def answer(arguments: argparse.Namespace) -> Answer:
    """Runs a suite; with `--cfg`, prints the config of each of its cells and runs nothing."""
    from bench.running import suite as suites

    cells = suites.plan(arguments.name, arguments.overrides, arguments.config_dir, to_run=not arguments.cfg)
    if arguments.cfg:
        from bench.cli import cfg as configs

        return configs.show_cells([(cell.title, cell.config) for cell in cells])
    return run_grid(arguments.name, cells)


def run_grid(name: str, cells: list[Any]) -> Answer:
    """Runs the cells, then writes and prints the leaderboard of each results folder that they name.

    Args:
        name: what the grid is called.
        cells: checked, none of them run.

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
    reports = [page.write(Path(root)) for root in roots] if speaks() else []
    for made in reports:
        show_report(made)
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
