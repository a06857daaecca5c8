"""Bounds the downloads of other libraries: an unreachable host fails within seconds, and with one sentence."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException

from bench.errors import UserError

PATIENCE = 10.0  # seconds without a byte after which a host counts as unreachable
TROUBLE = (
    OSError,
    RuntimeError,
    ValueError,
    HTTPException,
    EOFError,
)  # the exceptions with which urllib, tarfile and torchvision fail


def probe(url: str) -> None:
    """Asks for the first byte of `url`, through the proxy that the environment names, if any.

    The request runs in a thread of its own, because no timeout covers the look-up of a host's name.

    Raises:
        OSError: the host refuses, or does not answer within `PATIENCE` seconds.
    """
    heard: list[OSError | None] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                answer.read(1)
            heard.append(None)
        except (OSError, HTTPException, ValueError) as error:
            heard.append(error if isinstance(error, OSError) else OSError(str(error)))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE + 1)
    outcome = heard[0] if heard else TimeoutError(f"no answer within {PATIENCE:.0f} s")
    if outcome is not None:
        raise outcome


def _reason(error: BaseException) -> str:
    """The innermost message of an error on one line, without urllib's wrapping and error numbers."""
    inner = getattr(error, "reason", None) or error
    return " ".join(str(getattr(inner, "strerror", None) or str(inner) or type(inner).__name__).split())


@contextlib.contextmanager
def fetching(title: str, by_hand: str) -> Iterator[None]:
    """Surrounds a library's download: bounds its waits, sends its output to stderr, and makes a failure one sentence.

    Args:
        title: the title of the data set.
        by_hand: the end of the sentence, which says what to do instead.

    Raises:
        UserError: the download failed.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except TROUBLE as error:
        raise UserError(f"data '{title}' could not be fetched ({_reason(error)}); {by_hand}") from None
    finally:
        socket.setdefaulttimeout(before)
