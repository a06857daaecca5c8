"""Fixtures: where the real images and backbones of a developer's machine lie, and servers on this machine."""

import functools
import gc
import http.server
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # read by torch when it is imported, by our engine, and by processes of tests

import pytest
import torch
from hypothesis import settings

# the same examples in each run, and no time limit on each: the machine is shared
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")

# The collector walks through everything that torch and the tests have made, which takes 7 % of the tests' time.
gc.set_threshold(100_000, 20, 20)

BESIDE = Path(__file__).resolve().parents[2] / "shared"


def _folder(variable: str, name: str) -> Path:
    folder = Path(os.environ.get(variable, BESIDE / name))
    if not folder.is_dir():
        pytest.skip(f"{variable} is not set and {folder} does not exist")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real images in ImageFolder layout: `mnist`, `cifar10`, `cifar100`, `svhn`, `lfw`, and `raw/mnist`."""
    return _folder("LEAKBENCH_DATA", "data")


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """ImageNet feature layers that LPIPS is built on."""
    return _folder("LEAKBENCH_WEIGHTS", "weights")


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The folder of MiniLM's weights, fetched into the cache where they are not there yet."""
    from bench.cli import pretrained
    from bench.config.composing import cache_folder
    from bench.errors import UserError
    from bench.models.text.minilm import NAME

    folder = Path(cache_folder()) / "weights" / NAME
    try:
        pretrained.fetch(pretrained.MINILM, folder)
    except UserError as error:
        pytest.skip(str(error))
    return folder


@pytest.fixture(scope="session")
def efficientnet() -> Path:
    """The folder of EfficientNet-Lite0's weights, fetched into the cache where they are not there yet."""
    from bench.cli import pretrained
    from bench.config.composing import cache_folder
    from bench.errors import UserError
    from bench.models.efficientnet_lite import NAME

    folder = Path(cache_folder()) / "weights" / NAME
    try:
        pretrained.fetch(pretrained.EFFICIENTNET, folder)
    except UserError as error:
        pytest.skip(str(error))
    return folder


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Two OpenMP threads on a shared machine can be ten times slower than one on tensors this small."""
    torch.set_num_threads(1)


@pytest.fixture
def parties():
    """Builds a cell's parties from overrides, as `leakbench run` does, and writes nothing."""

    def build(*overrides: str):
        from bench.config.compose import compose
        from bench.running.components import build as build_parties

        quiet = ["logger=none", "engine.threads=1", "metric=mse"]
        return build_parties(compose([*quiet, *overrides]))

    return build


@pytest.fixture
def branching_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The settings of a network, for images of 1x8x8, with a branch on its data, which vmap cannot map."""
    (tmp_path / "branching.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        "    def __init__(self, shape, classes):\n"
        "        super().__init__()\n"
        "        self.fc = torch.nn.Linear(shape[0] * shape[1] * shape[2], classes)\n"
        "    def forward(self, x):\n"
        "        return self.fc(x.flatten(1) * (2.0 if x.mean() > 0.3 else 1.0))\n"
    )
    monkeypatch.chdir(tmp_path)
    return ["model=custom", "model.target=branching:Net", "data.set=mnist", "data.size=8"]


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
