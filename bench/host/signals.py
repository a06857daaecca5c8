"""Leaving when asked to: SIGINT, SIGTERM, SIGHUP, and the warnings that SLURM sends before it takes a node away.

A signal raises `Interrupted` where the main thread stands, or at the end of what must not be torn apart (`held`). It
also sets a flag for the whole process, which the engine looks at in every iteration: cells may run in other threads,
and a library may swallow the exception. A second SIGINT ends the process at once, and so does the end of a time of
grace: a thread of its own sees to that, because the main thread may stand in a library that never comes back to Python.
What is stored is whole in every case.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

GRACE = 10.0  # seconds from the first signal to the hard end
_TICK = 0.05  # seconds between two looks at what has become of the first signal
_BOUNCE = 0.1  # seconds within which a second SIGINT is the same one, sent to the group and once more by a parent
_ALWAYS = (signal.SIGINT, signal.SIGTERM)
_HUNG_UP = signal.SIGHUP  # `nohup` has it ignored, and so it stays
_WARNINGS = (signal.SIGUSR1, signal.SIGUSR2)  # of SLURM, by custom: --signal=USR1@90; ours where nobody else has them

OnExit = Callable[[int], None]


class Interrupted(BaseException):
    """A signal asked the process to leave. No `Exception`, so that what goes on after failures does not go on.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"asked to leave by {signal.Signals(number).name}")
        self.number = number

    @property
    def code(self) -> int:
        """The exit code."""
        return exit_code(self.number)


def exit_code(number: int) -> int:
    """130 for SIGINT, 143 for all others: a job that is taken off its node is terminated, whatever it was told by."""
    return 130 if number == signal.SIGINT else 143


def asked() -> int | None:
    """The first signal that asked this process to leave, or None."""
    return _state.asked


def check() -> None:
    """Leaves if the process was asked to.

    Raises:
        Interrupted: it was.
    """
    if _state.asked is not None:
        raise Interrupted(_state.asked)


def is_fault(error: BaseException) -> bool:
    """Whether what work has raised is a failure of that work, and no wish that this process should leave.

    `sys.exit` in a user's model is one. So is `KeyboardInterrupt` where signals are heard here, since SIGINT raises
    `Interrupted` then; Lightning, which takes it for the signal, has turned SIGINT off, so signals are taken back.

    Raises:
        Interrupted: the process was asked to leave: a library has made something else of the interrupt.
    """
    check()
    if isinstance(error, Exception):
        return True
    if isinstance(error, SystemExit) or (isinstance(error, KeyboardInterrupt) and bool(_state.before)):
        listen()
        return True
    return False


@contextmanager
def held() -> Iterator[None]:
    """Work that is brought to its end before this thread leaves: what is finished gets stored.

    Raises:
        Interrupted: at the end, where a signal came before or meanwhile.
    """
    depth = _depth()
    _local.depth = depth + 1
    try:
        yield
    finally:
        _local.depth = depth
    if not depth:
        check()


@contextmanager
def listening(on_exit: OnExit) -> Iterator[None]:
    """Signals are heard while the block lasts; in a thread other than the main one they are not ours.

    Args:
        on_exit: told the number of the signal when the process ends the hard way.
    """
    if threading.current_thread() is not threading.main_thread() or _state.before:
        yield
        return
    ours = [*_ALWAYS, *(number for number in (_HUNG_UP, *_WARNINGS) if signal.getsignal(number) == signal.SIG_DFL)]
    _state.before = {number: signal.getsignal(number) for number in ours}
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    complain = sys.unraisablehook
    sys.unraisablehook = _swallowed(complain)
    wakeup_fd = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    monitor = threading.Thread(target=_monitor_signals, args=(reader, on_exit), name="leakbench-signals", daemon=True)
    monitor.start()
    listen()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup_fd)
        for number, handler in _state.before.items():
            signal.signal(number, handler)
        sys.unraisablehook = complain
        _state.asked, _state.lost, _state.before = None, False, {}
        writer.close()  # ends the thread
        monitor.join()
        reader.close()


def listen() -> None:
    """Takes the signals back from a library that has put handlers of its own before ours (Lightning does)."""
    if _state.before and threading.current_thread() is threading.main_thread():
        for number in _state.before:
            signal.signal(number, _handle_signal)


class _State:
    """What the whole process shares."""

    asked: int | None = None
    lost = False  # whether the interpreter dropped the exception: it came in a `__del__` or a callback
    before: dict[int, Any] = {}  # noqa: RUF012 (replaced, never changed)


_state = _State()
_local = threading.local()


def _depth() -> int:
    return getattr(_local, "depth", 0)


def _handle_signal(number: int, frame: FrameType | None) -> None:
    """The handler: runs in the main thread. Only the first signal raises: those after it would tear the leaving."""
    if _state.asked is None or _state.lost:
        _state.asked, _state.lost = _state.asked or number, False
        if not _depth():
            raise Interrupted(_state.asked)


def _swallowed(complain: Callable[[Any], object]) -> Callable[[Any], object]:
    """A hook for exceptions that nobody can catch: ours is raised once more, and not complained about."""

    def hook(what: Any) -> None:
        if isinstance(what.exc_value, Interrupted):
            _state.lost = True
        else:
            complain(what)

    return hook


def _monitor_signals(reader: socket.socket, on_exit: OnExit) -> None:
    """Hears of each signal from the interpreter's C handler, whatever the main thread is doing."""
    first, latest, deadline = 0, 0.0, 0.0
    main = threading.main_thread().ident
    while True:
        reader.settimeout(_TICK if first else None)
        try:
            numbers = reader.recv(64)
        except TimeoutError:
            if time.monotonic() > deadline:
                _exit_hard(first, on_exit)
            if _state.lost and main is not None:
                signal.pthread_kill(main, signal.SIGTERM)
            continue
        if not numbers:
            return
        for number in numbers:
            if number not in _state.before:
                continue
            now = time.monotonic()
            if number == signal.SIGINT and latest and now - latest > _BOUNCE:
                _exit_hard(first, on_exit)
            latest = now if number == signal.SIGINT else latest
            if not first:
                first, deadline = number, now + GRACE


def _exit_hard(number: int, on_exit: OnExit) -> None:
    with suppress(Exception):
        if sys.stderr.isatty():
            os.write(2, b"\x1b[?25h")  # a progress display hides the cursor
        on_exit(number)
    os._exit(exit_code(number))


def _forked() -> None:
    """A forked child is its own: without this it would outlive SIGTERM, and tell the parent's thread of its signals."""
    if _state.before:
        signal.set_wakeup_fd(-1)
        for number, handler in _state.before.items():
            signal.signal(number, handler)
        _state.asked, _state.lost, _state.before = None, False, {}


os.register_at_fork(after_in_child=_forked)
