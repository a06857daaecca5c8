"""A server on loopback that answers everything with 401, as W&B does if a key is not known."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

BODY = b'{"errors": [{"message": "no such key"}]}'


class Refusing(http.server.ThreadingHTTPServer):
    """The server, and the paths that it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Refusing

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(self.path)
        self.send_response(401)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    do_GET = do_POST = answer  # noqa: N815 (the names that http.server calls)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def refusing_server() -> Iterator[Refusing]:
    with Refusing() as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()
