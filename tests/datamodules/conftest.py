"""Datamodules built from their YAML files, so that every test also checks that a file spells out every argument."""

import functools
import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from bench.errors import UserError
from datamodules.base import VictimDataModule

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "data"

Build = Callable[..., VictimDataModule]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """`build("mnist", root=..., victims=3)`: configs/data/mnist.yaml with overrides.

    `paths.data` is a folder that does not exist. A refusal comes out as the UserError itself, without Hydra's wrapping.
    """

    def make(name: str, **overrides: Any) -> VictimDataModule:
        written = OmegaConf.load(CONFIGS / f"{name}.yaml")
        written.pop("defaults", None)  # what Hydra composes beside it
        data = OmegaConf.merge(written, overrides)
        config = OmegaConf.create({"data": data, "seed": 0, "paths": {"data": str(tmp_path / "empty")}})
        try:
            return instantiate(config.data)
        except InstantiationException as error:
            raise (error.__cause__ if isinstance(error.__cause__, UserError) else error) from None

    return make


@pytest.fixture
def closed_port() -> int:
    """A port of this machine that nobody listens on: a connection is refused at once."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers: what a dead host behind a firewall looks like."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address under which a web server of this machine gives its files."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Nothing among the test's output."""
