"""Downloads a file, and gives up within seconds if the host cannot be reached or sends too little."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests

from bench.storage.hashing import sha256

CONNECT = 5.0  # seconds for making a connection, and for each wait for bytes
STALL = 8.0  # seconds in which at least CHUNK bytes must arrive
CHUNK = 2**16  # bytes


class UnreachableError(Exception):
    """A file could not be fetched by one route; another route may work. The message says why in a few words."""


@dataclass
class _Transfer:
    """The state that the downloading thread and the waiting thread share."""

    received: int = 0
    error: str | None = None
    done: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)


def _receive(url: str, target: Path, connect: float, transfer: _Transfer) -> None:
    try:
        with requests.get(url, stream=True, timeout=connect) as answer, target.open("wb") as file:
            answer.raise_for_status()
            for chunk in answer.iter_content(CHUNK):
                if transfer.stop.is_set():
                    return
                file.write(chunk)
                transfer.received += len(chunk)
    except (requests.RequestException, OSError, ValueError) as error:
        transfer.error = type(error).__name__
    finally:
        transfer.done.set()


def download(url: str, target: Path, prefix: str, connect: float = CONNECT, stall: float = STALL) -> None:
    """Downloads `url` to `target` and checks its hash.

    A thread does the work and is abandoned if too little arrives, because name resolution has no timeout of its own,
    and a host that sends a byte now and then never runs into one.

    Args:
        url: the address of the file.
        target: the file to write; it stays incomplete if the download fails.
        prefix: the first hexadecimal digits of the file's SHA-256.
        connect: seconds for making a connection, and for each wait for bytes.
        stall: seconds in which at least `CHUNK` bytes must arrive.

    Raises:
        UnreachableError: there is no connection, too little data arrives, or the file has another hash.
    """
    transfer = _Transfer()
    arguments = (url, target, connect, transfer)
    threading.Thread(target=_receive, args=arguments, daemon=True, name="leakbench-download").start()
    seen, since = 0, time.monotonic()
    while not transfer.done.wait(0.05):
        if transfer.received > seen:
            seen, since = transfer.received, time.monotonic()
        elif time.monotonic() - since > stall:
            transfer.stop.set()
            raise UnreachableError(f"less than {CHUNK // 1024} KiB arrived in {stall:g} s")
    if transfer.error is not None:
        raise UnreachableError(transfer.error)
    if not sha256(target).startswith(prefix):
        raise UnreachableError("the file that arrived has another hash")
