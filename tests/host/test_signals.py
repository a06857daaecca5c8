"""A signal is heard wherever the process stands, raises once, waits for what is held, and never hangs."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from engine.problems import Problem, quadratic, starts

from bench.engine.directions import LBFGS
from bench.engine.loop import Minimiser
from bench.engine.steps import Backtracking
from bench.engine.stops import Tolerances
from bench.host import signals


def listening_to(work):
    """Does `work` with ears open, and expects it to leave; gives the Interrupted."""

    def heard():
        with signals.listening(pytest.fail):
            work()

    with pytest.raises(signals.Interrupted) as caught:
        heard()
    return caught.value


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR2, 143)])
def test_a_signal_raises_where_the_main_thread_stands_and_is_forgotten_afterwards(number, code):
    before = signal.getsignal(number)

    def work():
        with contextlib.suppress(Exception):  # an Interrupted is none
            signal.raise_signal(number)
        pytest.fail("a handler of exceptions swallowed it")

    assert listening_to(work).code == signals.exit_code(number) == code
    assert signal.getsignal(number) == before and signals.asked() is None
    signals.check()


def test_what_is_held_comes_to_its_end_and_a_second_signal_does_not_tear_the_leaving():
    steps = []

    def work():
        try:
            with signals.held(), signals.held():
                signal.raise_signal(signal.SIGTERM)
                steps.append("held")
            steps.append("never")
        finally:
            signal.raise_signal(signal.SIGTERM)
            steps.append("left")

    listening_to(work)
    assert steps == ["held", "left"]


def test_an_error_in_what_is_held_is_not_hidden_by_the_signal():
    def work():
        with signals.listening(pytest.fail), signals.held():
            signal.raise_signal(signal.SIGTERM)
            raise ValueError("full")

    with pytest.raises(ValueError, match="full"):
        work()


def test_a_library_that_takes_the_signal_or_swallows_the_exception_changes_nothing():
    def work():
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        signals.listen()
        with contextlib.suppress(BaseException):
            signal.raise_signal(signal.SIGTERM)
        signals.check()

    assert listening_to(work).number == signal.SIGTERM


def test_an_exception_that_the_interpreter_drops_is_raised_again_and_nobody_complains(capfd):
    class Late:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    def work():
        late = Late()
        del late  # "Exception ignored in ...": the interpreter goes on
        time.sleep(30)

    began = time.monotonic()
    assert listening_to(work).number == signal.SIGINT
    assert time.monotonic() - began < 5 and capfd.readouterr().err == ""


def test_the_engine_in_another_thread_stops_at_its_next_iteration():
    """Cells may run in threads, which no signal reaches. Asked before it begins, it does not evaluate even once."""
    stop = Tolerances(10**9, 10**9, 0.0, 0.0, None, 0.0)
    rule = Minimiser(LBFGS(6, 1e-10), Backtracking(1.0, 1e-4, 20), stop, "best")
    x, evaluated, ended = starts(1, 12), [], []

    def optimise():
        try:
            list(rule.run(Problem([quadratic(0)]), lambda v: x[v], 1, 1, evaluated.append))
        except signals.Interrupted as error:
            ended.append(error.number)

    def work():
        with signals.held():
            signal.raise_signal(signal.SIGTERM)
            thread = threading.Thread(target=optimise)
            thread.start()
            thread.join(30)

    listening_to(work)
    assert ended == [signal.SIGTERM] and not evaluated


SCRIPT = """
    import ctypes, sys, time
    from bench.host import signals

    signals.GRACE = float(sys.argv[1])
    with signals.listening(lambda number: print("left by", number, file=sys.stderr, flush=True)):
        with signals.held():
            print("ready", flush=True)
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                time.sleep(60) if sys.argv[2] == "python" else ctypes.CDLL(None).sleep(60)
"""


def stuck(grace, where):
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(grace), where]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def test_who_hangs_is_ended_after_the_time_of_grace():
    process = stuck(0.5, "python")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 143 and err == "left by 15\n"
    assert 0.4 < time.monotonic() - began < 5


def test_a_second_interrupt_ends_at_once():
    process = stuck(60, "c")
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130 and err == "left by 2\n"


def test_a_forked_child_has_its_own_signals():
    """With ours it would outlive SIGTERM, and tell the parent's thread that the parent was asked to leave."""
    ready, tell = os.pipe()
    with signals.listening(pytest.fail):
        child = os.fork()
        if child == 0:
            os.write(tell, b"x")
            time.sleep(60)
            os._exit(0)
        assert os.read(ready, 1) == b"x"
        os.kill(child, signal.SIGTERM)
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGTERM
        assert signals.asked() is None
