"""`leakbench`: run, train, suite, rescore, status, report, prepare, list, export, import, merge, verify,
speed.

The exit code is 0 if all went well, 1 if a cell failed, and 2 if the user made a mistake, which one line explains. It
is 130 if SIGINT ended the command, and 143 if another signal did. torch is imported only by the commands that need it,
so that help and lists answer at once.
"""

import argparse
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

from bench.cli.parser import parse
from bench.config import options
from bench.errors import UserError
from bench.host import signals
from bench.storage.atomic import FULL
from bench.terminal.console import nowhere, opened, quiet, stdout_kept
from bench.terminal.printable import visible, visible_lines

KEPT = {"run": "victims", "train": "runs", "suite": "victims", "rescore": "scores"}  # what an interrupt leaves stored
Answer = tuple[int, Any]  # the exit code, and the document that `--json` prints


def main(argv: list[str] | None = None) -> int:
    """Runs the command `leakbench` and returns its exit code.

    Args:
        argv: the words after `leakbench`; None takes those of this process.
    """
    command: list[str] = []

    def on_exit(number: int) -> None:
        if _speaks() and "--serve" not in sys.argv:  # the parent of a served process gets the signal too and reports it
            _say(_farewell(number, command))

    opened()
    with signals.listening(on_exit):
        try:
            arguments = parse(argv)
            command.append(arguments.command)
            return _answer(arguments)
        except UserError as error:
            _say(" ".join(str(error).split()))
            return 2
        except BrokenPipeError:
            # The reader has gone (`leakbench list | head`). Python would complain again when it flushes at exit.
            nowhere(sys.stdout)
            return 0
        except BaseException as error:
            # A library may have turned the interrupt into an exception of its own.
            if (number := signals.asked()) is not None:
                on_exit(number)
                return signals.exit_code(number)
            if isinstance(error, OSError) and error.errno in FULL:
                _say(f"cannot write {error.filename or 'a file'}: {error.strerror}; make room and try again")
                if error.filename is None:
                    nowhere(sys.stdout)
                return 2
            raise


def _farewell(number: int, command: list[str]) -> str:
    how = "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"
    what = KEPT.get(command[0]) if command else None
    return how + (f"; finished {what} are kept, and the same command goes on from there" if what else "")


def _answer(arguments: argparse.Namespace) -> int:
    if not getattr(arguments, "json", False):
        if arguments.command != "list" and not arguments.verbose:
            quiet()
        code, _ = COMMANDS[arguments.command](arguments)
        sys.stdout.flush()
        return code
    with stdout_kept() as out:
        if not arguments.verbose:
            quiet()
        code, document = COMMANDS[arguments.command](arguments)
        json.dump(document, out, indent=1, allow_nan=False)
        out.write("\n")
    return code


def run(arguments: argparse.Namespace) -> Answer:
    """Runs one cell and prints its result; several values for a key make a grid of cells."""
    from bench.config.compose import compose
    from bench.config.sweep import swept_keys

    if arguments.serve:
        from bench.executors.child import serve

        serve()
        return 0, None
    if arguments.multirun or swept_keys(arguments.overrides):
        from bench.running import sweep

        return _grid(sweep.name_of(arguments.overrides), sweep.plan(arguments.overrides, arguments.config_dir))
    cfg = compose(arguments.overrides, arguments.config_dir, to_run=True)
    if "training" in cfg:
        raise UserError("training=...: a model is trained by `leakbench train`, and attacked by `leakbench run`")
    return _one(cfg)


def train(arguments: argparse.Namespace) -> Answer:
    """Trains a classifier under a defence and prints what the defence costs."""
    from bench.config.compose import compose

    given = any(text.startswith("training=") for text in arguments.overrides)
    cfg = compose([*([] if given else ["training=held_out"]), *arguments.overrides], arguments.config_dir, to_run=True)
    cfg.trainer.devices = cfg.trainer.num_nodes = 1  # the step of one client is measured
    return _one(cfg)


def _one(cfg: Any) -> Answer:
    from bench.executors.local import run_one
    from bench.running.cell import record_failure
    from bench.running.executor import CellFailed, in_a_line
    from bench.running.kind import is_training
    from bench.terminal.overview import summary, training

    try:
        document = run_one(cfg)
    except UserError:
        raise
    except BaseException as failure:
        if not signals.is_fault(failure):
            raise
        reason = " ".join(str(failure).split())
        if not isinstance(failure, CellFailed):  # a CellFailed comes from a process that has printed the traceback
            traceback.print_exc()
            reason = in_a_line(failure)
        record_failure(cfg, "error", reason)
        _say(f"failed: {reason}")
        return 1, {"failed": reason}
    _print((training if is_training(cfg) else summary)(document))
    _print(f"results: {document['results']}")
    if reason := document.get("reasons", {}).get("cell"):
        _say(f"failed: {reason}")
        return 1, document
    return 0, document


def suite(arguments: argparse.Namespace) -> Answer:
    """Runs a grid of cells, then prints the leaderboard."""
    from bench.running import suite as suites

    return _grid(arguments.name, suites.plan(arguments.name, arguments.overrides, arguments.config_dir))


def _grid(name: str, cells: list[Any]) -> Answer:
    from bench.cli.suite import answer

    return answer(name, cells, _show_report if _speaks() else None, _say)


def rescore(arguments: argparse.Namespace) -> Answer:
    """Adds scores to stored reconstructions and prints a line per cell."""
    from bench.cli import rescore as rescoring

    return rescoring.answer(arguments, _print)


def status(arguments: argparse.Namespace) -> Answer:
    """Prints how far the work in a results folder has come."""
    from bench.cli import status as statuses

    found = statuses.look(arguments.folder.expanduser())
    for warning in found.warnings:
        _say(warning)
    for part in (statuses.table(found), statuses.sentence(found)):
        _print(part)
    return 0, found.document()


def report(arguments: argparse.Namespace) -> Answer:
    """Writes and prints the leaderboard of a results folder."""
    from bench.report import page

    made = page.write(arguments.folder.expanduser())
    _show_report(made)
    return 0, made.summaries


def prepare(arguments: argparse.Namespace) -> Answer:
    """Fetches what the user names; without a name, prints what this machine has and lacks."""
    from bench.cli import prepare as preparing

    given = [word for word in arguments.names if "=" not in word or word.startswith("data=")]
    overrides = [word for word in arguments.names if word not in given]
    unknown = [word for word in given if word.removeprefix("data=") not in preparing.names(arguments.config_dir)]
    if unknown:
        preparing.fetch(unknown[0], overrides, arguments.config_dir)  # raises the error that lists the known names
    if not given:
        for item in preparing.survey(overrides, arguments.config_dir):
            _print(f"{item.name:<17}{item.state:<9}{item.remark}")
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
    """Prints the groups of configs/, or the options of one group."""
    groups = options.groups(arguments.config_dir)
    if arguments.what is None:
        for group in groups:
            names = ", ".join(options.entries(group, arguments.config_dir))
            _print(f"{options.plural(group):<12}{names}")
        _print("more of each: leakbench list attacks")
        return 0, None
    group = options.group_named(arguments.what, arguments.config_dir)
    found = options.entries(group, arguments.config_dir)
    width = max(len(name) for name in found) + 2
    for entry in found.values():
        _print(f"{entry.name:<{width}}{entry.description}")
    return 0, None


def sharing(arguments: argparse.Namespace) -> Answer:
    """Exports, imports, merges or verifies cells."""
    from bench.cli import sharing as shared

    return getattr(shared, arguments.command.replace("import", "import_"))(arguments, _print, _say)


def speed(arguments: argparse.Namespace) -> Answer:
    """Measures the engine against the published loop and prints the result."""
    from bench.speed import compare, report
    from bench.speed.options import Options

    document = compare.measure(Options.of(arguments))
    for part in (*report.tables(document), report.sentence(document)):
        _print(part)
    return 0, document


COMMANDS: dict[str, Callable[[argparse.Namespace], Answer]] = {
    "run": run,
    "train": train,
    "suite": suite,
    "rescore": rescore,
    "status": status,
    "report": report,
    "prepare": prepare,
    "list": listing,
    **dict.fromkeys(("export", "import", "merge", "verify"), sharing),
    "speed": speed,
}


def _show_report(made: Any) -> None:
    for warning in made.warnings:
        _say(warning)
    _print(made.text)
    pictures = [path for path in made.paths if path.parent.name == "grids"]
    for path in (path for path in made.paths if path not in pictures):
        _print(str(path))
    if pictures:
        _print(f"{len(pictures)} pictures in {pictures[0].parent}")


def _print(what: Any) -> None:
    """Prints to stdout: a text as it is, a table through rich."""
    if not _speaks():
        return
    if isinstance(what, str):
        print(visible_lines(what))
        return
    from bench.terminal.progress import Said

    Said(highlight=False).print(what)


def _speaks() -> bool:
    """Whether this process talks to the user: with ddp, Lightning starts the command once per GPU."""
    return all(os.environ.get(name, "0") == "0" for name in ("LOCAL_RANK", "NODE_RANK"))


def _say(sentence: str) -> None:
    try:
        print(f"leakbench: {visible(sentence)}", file=sys.stderr, flush=True)
    except OSError:
        nowhere(sys.stderr)
