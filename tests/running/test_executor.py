"""Protects: what a cell raised in another process is raised here as the same kind of error; an interrupt goes on."""

import json
import signal

import pytest

from bench.errors import AbsentData, NotApplicable, Unwritable, UserError
from bench.host import signals
from bench.running.executor import CellFailed, Result, attempt, in_a_line

WAYS = [
    (NotApplicable("it needs\n  labels"), "not_applicable", NotApplicable, "it needs labels"),
    (Unwritable("the disk\tis full"), "unwritable", Unwritable, "the disk is full"),
    (UserError("seed=x: want a number"), "mistake", UserError, "seed=x: want a number"),
    (AbsentData("no such folder"), "mistake", UserError, "no such folder"),
    (ValueError("a\nb"), "error", CellFailed, "ValueError: a b"),
    (SystemExit(3), "error", CellFailed, "SystemExit: 3 (raised by the cell: its model, loss or attack?)"),
]


def raising(error: BaseException):
    def work():
        raise error

    return work


@pytest.mark.parametrize(("error", "status", "kind", "reason"), WAYS, ids=[type(error).__name__ for error, *_ in WAYS])
def test_a_failure_comes_back_as_what_it_was(error: BaseException, status: str, kind: type, reason: str) -> None:
    """It travels as JSON, as between processes."""
    result = Result(**json.loads(json.dumps(attempt(raising(error)).plain())))
    assert (result.status, result.reason, result.document) == (status, reason, None)
    assert bool(result.trace) == (status == "error") and ("in work" in result.trace) == (status == "error")
    with pytest.raises(kind) as caught:
        result.unwrap()
    assert type(caught.value) is kind and str(caught.value) == reason


def test_what_was_done_comes_back() -> None:
    result = Result(**attempt(lambda: {"mse": {"mean": 0.5}}).plain())
    assert result == Result("done", {"mse": {"mean": 0.5}}) and result.unwrap() == {"mse": {"mean": 0.5}}
    assert attempt(dict).unwrap() == {}  # an empty document is one


@pytest.mark.parametrize("error", [KeyboardInterrupt(), signals.Interrupted(signal.SIGTERM)], ids=repr)
def test_an_interrupt_ends_the_executor_and_is_no_result(error: BaseException) -> None:
    with pytest.raises(type(error)):
        attempt(raising(error))


def test_a_fault_is_told_in_one_line() -> None:
    assert in_a_line(KeyError("a\nb")) == r"KeyError: 'a\nb'"
    assert in_a_line(RuntimeError("one\n\n  two")) == "RuntimeError: one two"
