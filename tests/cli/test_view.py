"""`leakbench view`: the page in a browser, or on this machine alone."""

import http.client
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import Leakbench

from bench.cli.main import main
from bench.cli.view import Server, outdated
from bench.errors import UserError


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "index.html"
    path.write_text("<!doctype html><title>é</title>", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("not for browsers")
    return path


@pytest.fixture
def server(page: Path) -> Iterator[Server]:
    with Server(page) as found:
        threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True).start()
        yield found
        found.shutdown()


def get(port: int, path: str, host: str | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize("path", ["/", "/index.html", "/?x=1"])
def test_the_page_is_served_as_it_is(server: Server, page: Path, path: str) -> None:
    assert get(server.server_port, path) == (200, page.read_bytes())


@pytest.mark.parametrize("path", ["/secret.txt", "/../secret.txt", "/grids/", "/%2e%2e/secret.txt"])
def test_nothing_else_is_served(server: Server, path: str) -> None:
    assert get(server.server_port, path)[0] == 404


@pytest.mark.parametrize("host", ["evil.example:80", "evil.example", "127.0.0.1.evil.example:80", ""])
def test_a_page_of_another_name_reads_nothing_through_the_browser(server: Server, host: str) -> None:
    assert get(server.server_port, "/", host or "x")[0] == 403


def test_other_machines_do_not_reach_it(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_one_line(server: Server, page: Path) -> None:
    with pytest.raises(UserError, match=rf"--port {server.server_port}: Address already in use; choose another"):
        Server(page, server.server_port)
    with pytest.raises(UserError, match=r"--port 99999: .*; choose another"):
        Server(page, 99999)


def test_a_folder_without_a_page_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"leakbench: no page at {tmp_path}/index.html; write it with: leakbench")


def test_a_page_that_lacks_results_is_named(page: Path) -> None:
    parts = page.parent / "cells" / "leak-a" / "parts"
    parts.mkdir(parents=True)
    os.utime(page, (1e9, 1e9))
    assert outdated(page)
    os.utime(page, (4e9, 4e9))
    assert not outdated(page)


@pytest.mark.slow
def test_without_a_screen_it_is_served_until_it_is_interrupted(page: Path, tmp_path: Path) -> None:
    quiet = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
    process = Leakbench(["view", page.parent], tmp_path / "log", quiet)
    deadline = time.monotonic() + 60
    while "until Ctrl-C" not in (said := (tmp_path / "log.out").read_text() if (tmp_path / "log.out").exists() else ""):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    port = int(said.split("http://127.0.0.1:")[1].split("/")[0])
    assert get(port, "/") == (200, page.read_bytes())
    process.send(signal.SIGINT)
    assert process.wait() == 130
