"""`leakbench report`: writes and prints the leaderboard of a results folder."""

import argparse

from bench.cli.output import Answer, show_report


def answer(arguments: argparse.Namespace) -> Answer:
    """Writes and prints the leaderboard of a results folder."""
    from bench.report import page

    made = page.write(arguments.folder.expanduser(), pictures=arguments.pictures)
    show_report(made)
    return 0, made.summaries
