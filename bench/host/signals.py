"""Ends the process when a signal asks for it: SIGINT, SIGTERM, SIGHUP, and the warnings of SLURM before a time limit.

A signal raises `Interrupted` at the current line of the main thread, or at the end of a block that must not be
interrupted (`held`). It also sets a flag for the whole process, which the engine checks in every iteration, because
cells may run in other threads and a library may swallow the exception. A second SIGINT ends the process at once, and so
does the end of a period of grace. A separate thread does this, because the main thread may be in a library that never
returns to Python. Stored files are whole in every case.
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

GRACE = 10.0  # seconds from the first signal until the process is ended without cleaning up
_TICK = 0.05  # seconds between two checks after the first signal
_BOUNCE = 0.1  # seconds within which a second SIGINT counts as the same one, which the parent has sent once more
_ALWAYS = (signal.SIGINT, signal.SIGTERM)
_HUNG_UP = signal.SIGHUP  # not handled if it is ignored already, as under `nohup`
_WARNINGS = (signal.SIGUSR1, signal.SIGUSR2)  # SLURM's (--signal=USR1@90); handled only if they have no handler yet

OnExit = Callable[[int], None]


class Interrupted(BaseException):
    """A signal asked the process to end.

    It is not an `Exception`, so that code that goes on after failures does not go on after a signal.

    Args:
        number: the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"asked to leave by {signal.Signals(number).name}")
        self.number = number

    @property
    def code(self) -> int:
        """The exit code of a process that this signal ends."""
        return exit_code(self.number)


def exit_code(number: int) -> int:
    """The exit code for a signal: 130 for SIGINT, and 143 for all others, because they all terminate a job."""
    return 130 if number == signal.SIGINT else 143


def asked() -> int | None:
    """The first signal that asked this process to end, or None."""
    return _state.asked


def check() -> None:
    """Raises `Interrupted` if a signal has asked this process to end.

    Raises:
        Interrupted: a signal has asked for it.
    """
    if _state.asked is not None:
        raise Interrupted(_state.asked)


def is_fault(error: BaseException) -> bool:
    """Whether an exception is a failure of the work that raised it, and not a request to end this process.

    `sys.exit` in a user's model is a failure. So is `KeyboardInterrupt` while signals are handled here, because SIGINT
    raises `Interrupted` then. Lightning takes it for the signal and turns SIGINT off, so the handlers are set again.

    Raises:
        Interrupted: a signal has asked this process to end, and a library has raised another exception instead.
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
    """Delays `Interrupted` to the end of the block, so that finished work is stored first.

    Raises:
        Interrupted: a signal came before the end of the block.
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
    """Handles signals during the block; in a thread other than the main one it does nothing.

    Args:
        on_exit: is called with the number of the signal if the process is ended without cleaning up.
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
    """Sets the handlers again after a library (such as Lightning) has replaced them."""
    if _state.before and threading.current_thread() is threading.main_thread():
        for number in _state.before:
            signal.signal(number, _handle_signal)


class _State:
    """The state of signal handling, which all threads of the process share."""

    asked: int | None = None
    lost = False  # whether the interpreter dropped the exception, because it was raised in a `__del__` or a callback
    before: dict[int, Any] = {}  # noqa: RUF012 (replaced, never changed)


_state = _State()
_local = threading.local()


def _depth() -> int:
    return getattr(_local, "depth", 0)


def _handle_signal(number: int, frame: FrameType | None) -> None:
    """Handles a signal in the main thread. Only the first signal raises; a later one would interrupt the ending."""
    if _state.asked is None or _state.lost:
        _state.asked, _state.lost = _state.asked or number, False
        if not _depth():
            raise Interrupted(_state.asked)


def _swallowed(complain: Callable[[Any], object]) -> Callable[[Any], object]:
    """A hook for exceptions that cannot be caught: it marks `Interrupted` to be raised again, and reports others."""

    def hook(what: Any) -> None:
        if isinstance(what.exc_value, Interrupted):
            _state.lost = True
        else:
            complain(what)

    return hook


def _monitor_signals(reader: socket.socket, on_exit: OnExit) -> None:
    """Receives each signal from the interpreter's C handler, whatever the main thread is doing."""
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
    """Restores the signals in a forked child, which would otherwise survive SIGTERM and report to its parent."""
    if _state.before:
        signal.set_wakeup_fd(-1)
        for number, handler in _state.before.items():
            signal.signal(number, handler)
        _state.asked, _state.lost, _state.before = None, False, {}


os.register_at_fork(after_in_child=_forked)
