"""`leakbench`: run, suite, report, prepare, list, speed.

Exit codes: 0; 1 where cells of a suite failed; 2 for the user's mistake, in one line; 130 when interrupted. torch is
imported by the commands that need it, so help and lists answer at once.
"""

import argparse
import contextlib
import json
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from bench import catalogue
from bench.arguments import parse
from bench.errors import UserError

Answer = tuple[int, Any]  # exit code, and the JSON document where one was asked for


def main(argv: list[str] | None = None) -> int:
    """The command `leakbench`; returns the exit code."""
    interrupted: list[bool] = []

    def interrupt(number: int, frame: Any) -> None:
        interrupted.append(True)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        return _answer(parse(argv))
    except UserError as error:
        _say(" ".join(str(error).split()))
        return 2
    except KeyboardInterrupt:
        _say("interrupted; finished victims are kept, and the same command goes on from there")
        return 130
    except BrokenPipeError:
        # the reader of our output has gone (`leakbench list | head`); Python would complain once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit:
        if not interrupted:
            raise
        # Lightning turns an interrupt into exit(1)
        _say("interrupted; finished victims are kept, and the same command goes on from there")
        return 130
    finally:
        signal.signal(signal.SIGINT, before)


def _answer(arguments: argparse.Namespace) -> int:
    if not getattr(arguments, "json", False):
        if arguments.command != "list" and not arguments.verbose:
            _quiet()
        code, _ = COMMANDS[arguments.command](arguments)
        sys.stdout.flush()
        return code
    with _stdout_kept() as out:
        if not arguments.verbose:
            _quiet()
        code, document = COMMANDS[arguments.command](arguments)
        json.dump(document, out, indent=1, allow_nan=False)
        out.write("\n")
    return code


def run(arguments: argparse.Namespace) -> Answer:
    """One cell."""
    from bench.config import compose

    cfg = compose(arguments.overrides, arguments.config_dir)

    from bench.experiment import run_cell
    from bench.overview import summary

    document = run_cell(cfg)
    _print(summary(document))
    _print(f"results: {document['results']}")
    return 0, document


def suite(arguments: argparse.Namespace) -> Answer:
    """A grid of cells, then the leaderboard."""
    from bench import suite as suites

    cells = suites.plan(arguments.name, arguments.overrides, arguments.config_dir)

    from bench.experiment import run_cell
    from bench.failures import record_failure
    from bench.report import page
    from bench.results.store import Store

    for root in {cell.config.results for cell in cells}:
        Store(Path(root)).check()
    outcome = suites.run(cells, run_cell, record_failure)
    roots = sorted({cell.config.results for cell in cells})
    reports = [page.write(Path(root)) for root in roots] if _speaks() else []
    for report_ in reports:
        _show_report(report_)
    for title, reason in outcome.failed.items():
        _say(f"failed: {title}: {reason}")
    document = {
        "suite": arguments.name,
        "cells": outcome.cells,
        "not_applicable": outcome.not_applicable,
        "failed": outcome.failed,
        "files": [str(path) for report_ in reports for path in report_.paths],
    }
    return (1 if outcome.failed else 0), document


def report(arguments: argparse.Namespace) -> Answer:
    """The leaderboard of a results folder."""
    from bench.report import page

    made = page.write(arguments.folder.expanduser())
    _show_report(made)
    return 0, made.summaries


def prepare(arguments: argparse.Namespace) -> Answer:
    """Fetches, or says what there is."""
    from bench import prepare as preparing

    given = [word for word in arguments.names if "=" not in word or word.startswith("data=")]
    overrides = [word for word in arguments.names if word not in given]
    unknown = [word for word in given if word.removeprefix("data=") not in preparing.names(arguments.config_dir)]
    if unknown:
        preparing.fetch(unknown[0], overrides, arguments.config_dir)  # says what there is instead
    if not given:
        for item in preparing.survey(overrides, arguments.config_dir):
            _print(f"{item.name:<12}{item.state:<9}{item.remark}")
        _print("fetch with: leakbench prepare NAME")
        return 0, None
    for name in given:
        try:
            item = preparing.fetch(name, overrides, arguments.config_dir)
        except UserError as error:
            if not arguments.forgiving:
                raise
            _say(f"going on without {name}: {' '.join(str(error).split())}")
        else:
            _print(f"{item.name}: {item.remark}")
    return 0, None


def listing(arguments: argparse.Namespace) -> Answer:
    """What there is."""
    groups = catalogue.groups(arguments.config_dir)
    if arguments.what is None:
        for group in groups:
            names = ", ".join(catalogue.entries(group, arguments.config_dir))
            _print(f"{catalogue.plural(group):<12}{names}")
        _print("more of each: leakbench list attacks")
        return 0, None
    group = catalogue.group_named(arguments.what, arguments.config_dir)
    found = catalogue.entries(group, arguments.config_dir)
    width = max(len(name) for name in found) + 2
    for entry in found.values():
        _print(f"{entry.name:<{width}}{entry.description}")
    return 0, None


def speed(arguments: argparse.Namespace) -> Answer:
    """The engine against the published loop."""
    from bench.speed import compare, report
    from bench.speed.options import Options

    document = compare.measure(Options.of(arguments))
    for table in report.tables(document):
        _print(table)
    _print(report.sentence(document))
    return 0, document


COMMANDS: dict[str, Callable[[argparse.Namespace], Answer]] = {
    "run": run,
    "suite": suite,
    "report": report,
    "prepare": prepare,
    "list": listing,
    "speed": speed,
}


def _show_report(made: Any) -> None:
    for warning in made.warnings:
        _say(warning)
    _print(made.text)
    for path in made.paths[:3]:
        _print(str(path))
    pictures = made.paths[3:]
    if pictures:
        _print(f"{len(pictures)} pictures in {pictures[0].parent}")


def _print(what: Any) -> None:
    """To stdout (or where it leads): text as it is, tables by rich."""
    if not _speaks():
        return
    if isinstance(what, str):
        print(what)
        return
    from rich.console import Console

    Console(highlight=False).print(what)


def _speaks() -> bool:
    """Whether this is the process that talks to the user: with ddp Lightning starts the command once a GPU."""
    return all(os.environ.get(name, "0") == "0" for name in ("LOCAL_RANK", "NODE_RANK"))


def _say(sentence: str) -> None:
    print(f"leakbench: {sentence}", file=sys.stderr)


def _quiet() -> None:
    """Silences what Lightning, torch and others say on their own account; an error of theirs still shows."""
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    os.environ.setdefault("WANDB_SILENT", "true")


@contextlib.contextmanager
def _stdout_kept() -> Iterator[TextIO]:
    """The real stdout, while everything else that writes to it (libraries and child processes too) reaches stderr."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        # sys.stdout need not write to file descriptor 1: whoever calls main() may have put something else there
        with os.fdopen(os.dup(kept), "w", encoding="utf-8") as out, contextlib.redirect_stdout(sys.stderr):
            yield out
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


if __name__ == "__main__":
    sys.exit(main())
