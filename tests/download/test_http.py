"""Protects: a download that cannot work ends in seconds, in one sentence, and leaves the process as it was."""

import socket
import time
import urllib.request
from pathlib import Path

import pytest

from bench.download import http
from bench.errors import UserError


def test_a_silent_host_is_given_up(silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PATIENCE", 0.3)
    start = time.monotonic()
    with pytest.raises(OSError, match=r"timed out|no answer"):
        http.probe(f"http://127.0.0.1:{silent_port}/x")
    assert time.monotonic() - start < 3


@pytest.mark.slow
def test_a_look_up_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket timeout covers the resolver, so the thread's own limit has to."""
    monkeypatch.setattr(http, "PATIENCE", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: time.sleep(2) or [])
    start = time.monotonic()
    with pytest.raises(TimeoutError, match="no answer within"):
        http.probe("http://host.invalid/x")
    assert time.monotonic() - start < 3


def test_a_host_that_answers_passes(served: tuple[Path, str]) -> None:
    folder, address = served
    (folder / "x").write_text("hello")
    http.probe(address + "x")
    with pytest.raises(OSError, match="404"):
        http.probe(address + "y")


def test_a_transfer_that_stalls_is_one_line(silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PATIENCE", 0.3)
    before = socket.getdefaulttimeout()
    refused = pytest.raises(UserError, match=r"^data 'x' could not be fetched \(.*timed out.*\); put it there$")
    with refused, http.fetching("x", "put it there"):
        urllib.request.urlopen(f"http://127.0.0.1:{silent_port}/x").read()
    assert socket.getdefaulttimeout() == before


def test_chatter_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with http.fetching("x", "y"):
        print("progress")
    out, err = capsys.readouterr()
    assert out == "" and "progress" in err


def test_a_fault_of_the_program_stays_one() -> None:
    with pytest.raises(ZeroDivisionError), http.fetching("x", "y"):
        print(1 / 0)
