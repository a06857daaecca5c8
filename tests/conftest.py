"""Fixtures: where the real images and backbones of a developer's machine lie."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# the same examples in each run, and no time limit on each: the machine is shared
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")

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
    from bench.config.compose import cache_folder
    from bench.errors import UserError
    from bench.models.text.minilm import NAME

    folder = Path(cache_folder()) / "weights" / NAME
    try:
        pretrained.fetch(folder)
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

        quiet = ["logger=none", "engine.threads=1", "~metric.lpips_alex", "~metric.lpips_vgg"]
        return build_parties(compose([*quiet, *overrides]))

    return build
