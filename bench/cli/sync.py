"""`leakbench sync`: uploads the offline runs of a results folder to W&B."""

import argparse
from pathlib import Path

from bench.cli.output import Answer, counted, say, show

HELP = """Uploads what the logger of W&B told offline. Before that, each run is compared with the store: it has to have
a row per private example and every stored image. A run that lacks something is told again from the store, and so is one
whose files are not found because the folder was moved. Runs of cells that are not finished stay where they are. The
upload contains private data, unless you say --no-pictures.

examples:
  leakbench sync                                           all of results/
  leakbench sync runs --dry-run                            only compares; needs no key and no network
  leakbench sync results --no-pictures
  leakbench sync results --project leaks --entity my-team"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command to its parser."""
    command.add_argument(
        "folder", metavar="DIR", nargs="?", type=Path, default=Path("results"), help="default: results"
    )
    command.add_argument("--no-pictures", action="store_true", help="without private examples and reconstructions")
    command.add_argument("--dry-run", action="store_true", help="compare the runs with the store and upload nothing")
    command.add_argument("--project", metavar="NAME", help="in place of the project that the runs were told to")
    command.add_argument("--entity", metavar="NAME", help="a user or a team, in place of the account's default")


def answer(arguments: argparse.Namespace) -> Answer:
    """Uploads the offline runs of a results folder.

    Args:
        arguments: `folder`, `no_pictures`, `dry_run`, `project` and `entity`.

    Returns:
        The exit code, which is 1 if a run could not be uploaded, and the document that `--json` prints.

    Raises:
        UserError: there is no offline run, no key, or no server.
    """
    from bench.results.query import require_folder
    from bench.sharing.sync import Destination, sync

    results = arguments.folder.expanduser()
    require_folder(results)

    def notice(name: str, state: str) -> None:
        if name:
            show(f"{name}: {state}")
        else:
            say(state)

    found = sync(
        results,
        pictures=not arguments.no_pictures,
        upload=not arguments.dry_run,
        to=Destination(arguments.project, arguments.entity),
        notice=notice,
    )
    for failure in found.failed:
        say(f"not uploaded: {failure}")
    if not arguments.dry_run and not found.failed:
        show(f"{counted(len(found.states), 'run')} looked at; all that are whole are uploaded")
    return (1 if found.failed else 0), {"runs": found.states, "failed": found.failed}
