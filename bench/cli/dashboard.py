"""`leakbench dashboard`: makes a workspace and a report of W&B for the runs of a results folder."""

import argparse
from pathlib import Path

from bench.cli.output import Answer, show
from bench.errors import UserError

HELP = """Makes a workspace and a report of W&B: leaderboard, success by threshold, scores, objective, leakage against
utility, and a browser of the pictures. Both show the keys that docs/wandb.md describes. Without --publish, their
specification is written to dashboard.json in the results folder; this needs no key and no network.

examples:
  leakbench dashboard                                      writes results/dashboard.json
  leakbench dashboard results --publish --entity my-team   saves both at W&B and prints their addresses"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command to its parser."""
    command.add_argument(
        "folder", metavar="DIR", nargs="?", type=Path, default=Path("results"), help="default: results"
    )
    command.add_argument("--publish", action="store_true", help="save both at W&B (needs a key and --entity)")
    command.add_argument("--project", metavar="NAME", default="leakbench", help="default: leakbench")
    command.add_argument("--entity", metavar="NAME", help="the user or team that the project belongs to")


def answer(arguments: argparse.Namespace) -> Answer:
    """Makes a workspace and a report.

    Args:
        arguments: `folder`, `publish`, `project` and `entity`.

    Returns:
        The exit code, and the document that `--json` prints.

    Raises:
        UserError: wandb-workspaces is not installed, there are no results, or W&B cannot be reached.
    """
    from bench.results.query import require_folder
    from bench.sharing import dashboard

    results = arguments.folder.expanduser()
    require_folder(results)
    dashboard.require_package()
    what = dashboard.shown(results)
    if arguments.publish:
        if not arguments.entity:
            raise UserError("leakbench dashboard --publish needs --entity NAME: a user or a team of W&B")
        addresses = dashboard.publish(what, arguments.project, arguments.entity)
        for address in addresses:
            show(address)
        return 0, {"addresses": addresses}
    path = dashboard.write(results, what, arguments.project)
    show(f"{path}: a workspace and a report of W&B")
    show("upload the runs (leakbench sync), then: leakbench dashboard --publish --entity NAME")
    return 0, {"file": str(path)}
