"""Downloads that end: within seconds where the host cannot be reached, and in one sentence."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException

from bench.errors import UserError

PATIENCE = 10.0  # seconds without a byte from a host
TROUBLE = (
    OSError,
    RuntimeError,
    ValueError,
    HTTPException,
    EOFError,
)  # urllib's, tarfile's and torchvision's ways to fail


def probe(url: str) -> None:
    """Ask for the first byte of `url`, through whatever proxy the environment names.

    In a thread of its own, because no timeout covers the look-up of a host's name.

    Raises:
        OSError: nothing was heard within `PATIENCE` seconds, or the host refuses.
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
    """The innermost sentence, without urllib's wrapping and error numbers, on one line."""
    inner = getattr(error, "reason", None) or error
    return " ".join(str(getattr(inner, "strerror", None) or str(inner) or type(inner).__name__).split())


@contextlib.contextmanager
def fetching(title: str, by_hand: str) -> Iterator[None]:
    """Around a library's download: a limit on silence, its chatter on stderr, its failure as one sentence.

    Raises:
        UserError: the download failed; the sentence ends with `by_hand`, what to do instead.
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
