"""`leakbench suite`: runs a grid of cells, then prints the leaderboard."""

import argparse

from bench.cli import grid
from bench.cli.output import Answer


def answer(arguments: argparse.Namespace) -> Answer:
    """Runs a suite; with `--cfg`, prints the config of each of its cells and runs nothing."""
    from bench.running import suite as suites

    cells = suites.plan(arguments.name, arguments.overrides, arguments.config_dir, to_run=not arguments.cfg)
    return grid.run_or_show(arguments.name, cells, only_config=arguments.cfg, config_dir=arguments.config_dir)
