"""Downloads from servers that answer, stall, trickle and lie: each must end within the limits."""

import contextlib
import hashlib
import http.server
import socket
import threading
import time

import pytest

from bench.download.hub import UnreachableError, download

DATA = bytes(range(256)) * 4096
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(autouse=True)
def _direct(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@contextlib.contextmanager
def server(answer):
    """A socket server on this machine; `answer(connection, stop)` runs in a thread for each connection."""
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

    def handle(connection):
        with contextlib.suppress(OSError), connection:
            connection.recv(65536)
            answer(connection, stop)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/file"
    finally:
        stop.set()
        listener.close()


def head(length):
    return f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode()


def test_a_file_arrives_whole(tmp_path):
    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            self.wfile.write(head(len(DATA)) + DATA)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as real:
        threading.Thread(target=real.serve_forever, daemon=True).start()
        download(f"http://127.0.0.1:{real.server_port}/f", tmp_path / "f", prefix=DIGEST[:8])
        real.shutdown()
    assert (tmp_path / "f").read_bytes() == DATA


def silent(connection, stop):
    stop.wait(30)


def silent_after_the_head(connection, stop):
    connection.sendall(head(len(DATA)) + DATA[:1000])
    stop.wait(30)


def trickle(connection, stop):
    connection.sendall(head(len(DATA)))
    while not stop.wait(0.1):
        connection.sendall(b"x")


@pytest.mark.parametrize("answer", [silent, silent_after_the_head, trickle])
def test_a_stalled_connection_is_given_up_in_time(tmp_path, answer):
    started = time.monotonic()
    with server(answer) as url, pytest.raises(UnreachableError, match="less than 64 KiB arrived in 1 s"):
        download(url, tmp_path / "f", prefix=DIGEST[:8], connect=5.0, stall=1.0)
    assert 0.9 < time.monotonic() - started < 3


def test_the_connection_has_a_time_out_of_its_own(tmp_path):
    started = time.monotonic()
    with server(silent) as url, pytest.raises(UnreachableError, match="Timeout"):
        download(url, tmp_path / "f", prefix=DIGEST[:8], connect=0.5, stall=20.0)
    assert time.monotonic() - started < 3


@pytest.mark.slow
def test_a_slow_but_steady_connection_is_not_given_up(tmp_path):
    """The limit is on silence and not on the whole: a large file on a slow line takes minutes."""

    def steady(connection, stop):
        connection.sendall(head(len(DATA)))
        for start in range(0, len(DATA), 2**18):
            connection.sendall(DATA[start : start + 2**18])
            stop.wait(0.4)

    started = time.monotonic()
    with server(steady) as url:
        download(url, tmp_path / "f", prefix=DIGEST[:8], stall=1.0)
    assert time.monotonic() - started > 1.2
    assert (tmp_path / "f").read_bytes() == DATA


def test_nobody_listens(tmp_path):
    with server(silent) as url:
        pass
    with pytest.raises(UnreachableError, match="ConnectionError"):
        download(url, tmp_path / "f", prefix=DIGEST[:8])


def broken_off(connection, stop):
    connection.sendall(head(len(DATA)) + DATA[:-10])


def other_file(connection, stop):
    connection.sendall(head(len(DATA)) + DATA[::-1])


def not_found(connection, stop):
    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (broken_off, "ChunkedEncodingError|ConnectionError|ProtocolError|bytes of"),
        (other_file, "another hash"),
        (not_found, "HTTPError"),
    ],
)
def test_what_is_not_the_file_is_refused(tmp_path, answer, message):
    with server(answer) as url, pytest.raises(UnreachableError, match=message):
        download(url, tmp_path / "f", prefix=DIGEST[:8])
