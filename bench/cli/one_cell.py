"""Runs one cell for `leakbench run` and `leakbench train`, and prints what came of it."""

import traceback
from typing import Any

from bench.cli.output import Answer, say, show
from bench.errors import UserError
from bench.host import signals


def run_and_show(cfg: Any) -> Answer:
    """Runs a cell, prints its result, and records its failure if it fails.

    Args:
        cfg: of `bench.config.compose.compose`.

    Raises:
        UserError: what the user asked for cannot be done.
    """
    from bench.executors.local import run_one
    from bench.running.cell import record_failure
    from bench.running.executor import CellFailed, in_a_line
    from bench.running.kind import kind_of
    from bench.terminal.overview import VIEWS

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
        say(f"failed: {reason}")
        return 1, {"failed": reason}
    show(VIEWS[kind_of(cfg).kind](document))
    show(f"results: {document['results']}")
    if reason := document.get("reasons", {}).get("cell"):
        say(f"failed: {reason}")
        return 1, document
    return 0, document
