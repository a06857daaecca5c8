"""Suites of a user's own, run as `leakbench suite` runs them, without a folder for `--config-dir`.

Options in such a folder are read again for each cell, because a user may change them during a run.
"""

import yaml

from bench.cli import grid
from bench.cli.output import Answer
from bench.host import signals
from bench.running import suite
from bench.running.suite import Planned
from bench.running.suite_file import Suite

NAME = "mine"


def planned(text: str, *overrides: str) -> list[Planned]:
    """The cells of the suite whose file has this text."""
    return suite.planned(Suite(**yaml.safe_load(text)), NAME, list(overrides))


def run(text: str, *overrides: str) -> Answer:
    """Exit code and JSON document of the suite; its leaderboard is printed."""
    with signals.listening(lambda number: None):
        return grid.run_or_show(NAME, planned(text, *overrides), only_config=False)
