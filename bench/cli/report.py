"""`leakbench report`: writes and prints the leaderboard of a results folder."""

import argparse

from bench.cli.output import Answer, show_report


def answer(arguments: argparse.Namespace) -> Answer:
    """Writes and prints the leaderboard of a results folder."""
    from bench.report import page

    folder = arguments.folder.expanduser()
    made = page.write(folder, pictures=arguments.pictures, config_dir=arguments.config_dir)
    show_report(made)
    return 0, made.summaries
