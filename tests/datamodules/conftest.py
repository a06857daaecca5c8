"""Datamodules built from their YAML files, so that every test also checks that a file spells out every argument."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from bench.datamodules.base import VictimDataModule
from bench.errors import UserError

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
