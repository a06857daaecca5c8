"""`leakbench`: finds the command, turns errors into one line, and returns the exit code.

The exit code is 0 if all went well, 1 if a cell failed, and 2 if the user made a mistake, which one line explains. It
is 130 if SIGINT ended the command, and 143 if another signal did. A command's file is imported only when the command is
called, so that help and lists answer at once.
"""

import argparse
import json
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import cast

from bench.cli.output import Answer, say, speaks
from bench.cli.parser import parse
from bench.errors import UserError
from bench.host import signals
from bench.storage.atomic import FULL
from bench.storage.portable import portable
from bench.terminal import transcript
from bench.terminal.console import nowhere, opened, quiet, stdout_kept

# The file of each command. Its `answer(arguments)` does what the command does, and raises `UserError` for a mistake.
COMMANDS = {
    "run": "bench.cli.run",
    "train": "bench.cli.train",
    "suite": "bench.cli.suite",
    "rescore": "bench.cli.rescore",
    "status": "bench.cli.status",
    "audit": "bench.cli.audit",
    "report": "bench.cli.report",
    "view": "bench.cli.view",
    "table": "bench.cli.table",
    "compare": "bench.cli.compare",
    "show": "bench.cli.show",
    "figure": "bench.cli.figure",
    "prepare": "bench.cli.prepare",
    "list": "bench.cli.listing",
    "speed": "bench.cli.speed",
    "export": "bench.cli.export",
    "import": "bench.cli.import_entry",
    "merge": "bench.cli.merge",
    "verify": "bench.cli.verify",
    "sync": "bench.cli.sync",
    "dashboard": "bench.cli.dashboard",
    "completion": "bench.cli.completion",
}
LOGGED = frozenset({"run", "train", "suite"})  # the commands that leave a log file if they compute something
KEPT = {"run": "victims", "train": "runs", "suite": "victims", "rescore": "scores"}  # what an interrupt leaves stored


def main(argv: list[str] | None = None) -> int:
    """Runs the command `leakbench` and returns its exit code.

    Args:
        argv: the words after `leakbench`; None takes those of this process.
    """
    command: list[str] = []

    def on_exit(number: int) -> None:
        if speaks() and "--serve" not in sys.argv:  # the parent of a served process gets the signal too and reports it
            say(_farewell(number, command))

    opened()
    with signals.listening(on_exit):
        try:
            arguments = parse(argv)
            command.append(arguments.command)
            if arguments.command in LOGGED and speaks() and not getattr(arguments, "serve", False):
                transcript.begin(sys.argv[1:] if argv is None else argv, portable)
            return _answer(arguments)
        except UserError as error:
            say(" ".join(str(error).split()))
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
                say(f"cannot write {error.filename or 'a file'}: {error.strerror}; make room and try again")
                if error.filename is None:
                    nowhere(sys.stdout)
                return 2
            raise
        finally:
            transcript.end()


def _farewell(number: int, command: list[str]) -> str:
    how = "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"
    what = KEPT.get(command[0]) if command else None
    return how + (f"; finished {what} are kept, and the same command goes on from there" if what else "")


def _answer(arguments: argparse.Namespace) -> int:
    if not getattr(arguments, "json", False):
        if not getattr(arguments, "verbose", True):  # what has no such option calls no library that speaks
            quiet()
        code, _ = _command(arguments.command)(arguments)
        sys.stdout.flush()
        return code
    with stdout_kept() as out:
        if not getattr(arguments, "verbose", False):
            quiet()
        code, document = _command(arguments.command)(arguments)
        json.dump(document, out, indent=1, allow_nan=False)
        out.write("\n")
    return code


def _command(name: str) -> Callable[[argparse.Namespace], Answer]:
    return cast(Callable[[argparse.Namespace], Answer], import_module(COMMANDS[name]).answer)
