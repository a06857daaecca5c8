"""`leakbench view`: opens the page of a results folder in a browser, or serves it to this machine alone."""

from __future__ import annotations

import argparse
import http.server
import os
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.cli.output import Answer, show
from bench.errors import UserError

NAME = "index.html"
_LOOPBACK = "127.0.0.1"
# What a browser may call this machine. Another name means that a page from elsewhere asks through the user's browser.
_HOSTS = frozenset({_LOOPBACK, "localhost"})


def answer(arguments: argparse.Namespace) -> Answer:
    """Opens the page of a results folder, or serves it."""
    view(arguments.folder.expanduser(), arguments.serve, arguments.port, show)
    return 0, None


def find(folder: Path) -> Path:
    """The page of a results folder.

    Raises:
        UserError: there is none.
    """
    page = folder / NAME
    if not page.is_file():
        raise UserError(f"no page at {page}; write it with: leakbench report {folder}")
    return page.resolve()


def browse(page: Path) -> bool:
    """Opens the page in a browser and returns whether there is one."""
    # Without a screen, Python would open a browser of text in this terminal, which shows no page of this kind.
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        return webbrowser.get().open(page.as_uri())
    except webbrowser.Error:
        return False


def outdated(page: Path) -> bool:
    """Whether results were stored after the page was written."""
    written = page.stat().st_mtime
    return any(parts.stat().st_mtime > written for parts in page.parent.glob("cells/*/parts"))


class Server(http.server.ThreadingHTTPServer):
    """Gives one page to browsers of this machine, and nothing else to anybody.

    Args:
        page: the file.
        port: the port on 127.0.0.1; 0: any that is free.

    Raises:
        UserError: the port cannot be had.
    """

    daemon_threads = True

    def __init__(self, page: Path, port: int = 0) -> None:
        self.page = page
        try:
            super().__init__((_LOOPBACK, port), _Handler)
        except (OSError, OverflowError) as error:
            raise UserError(f"--port {port}: {getattr(error, 'strerror', None) or error}; choose another") from error

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        return f"http://{_LOOPBACK}:{self.server_port}/"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        """Answers with the page, or with an error."""
        host = self.headers.get("Host", "").rpartition(":")[0]
        if host not in _HOSTS:
            self.send_error(403)
        elif self.path.partition("?")[0] not in ("/", f"/{NAME}"):
            self.send_error(404)
        else:
            self._send()

    def _send(self) -> None:
        try:
            content = self.server.page.read_bytes()
        except OSError:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Prints nothing: a request is not news."""


def view(folder: Path, serve: bool, port: int, say: Callable[[str], None]) -> None:
    """Opens the page, or serves it until the process is interrupted.

    Args:
        folder: the results folder.
        serve: whether it is served even if there is a browser.
        port: see `Server`.
        say: prints a line.

    Raises:
        UserError: there is no page, or the port cannot be had.
    """
    page = find(folder)
    if outdated(page):
        say(f"there are results that the page lacks; write it again with: leakbench report {folder}")
    if not serve and browse(page):
        say(f"opened {page}")
        return
    with Server(page, port) as server:
        say(f"{page} is at {server.address} for browsers on this machine, until Ctrl-C")
        sys.stdout.flush()
        server.serve_forever()
