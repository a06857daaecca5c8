"""What the metrics of configs/metric say of themselves, as a run stores it, for cells that a test writes by hand."""

import copy
import functools
from typing import Any

from hydra.utils import instantiate
from omegaconf import OmegaConf

from bench.config import options


@functools.cache
def _of(group: str) -> dict[str, dict[str, Any]]:
    folder = options.entries("metric")[group].path.parent
    names = [entry.partition("@")[0] for entry in OmegaConf.load(folder / f"{group}.yaml").defaults]
    found = {}
    for name in names:
        if name != "_self_":
            node = OmegaConf.load(folder / f"{name}.yaml")
            if "weights" in node:
                node.weights = "."
            found[name] = instantiate(node).facts()
    return found


def metric_facts(group: str = "image") -> dict[str, dict[str, Any]]:
    """`{metric key: facts}` of the sets `image` and `text`, in the order of the tables."""
    return copy.deepcopy(_of(group))


def metric_columns(group: str = "image") -> dict[str, dict[str, Any]]:
    """`{metric key: facts}` with the columns only, which is what the tables are made of."""
    return {key: {"column": facts["column"]} for key, facts in _of(group).items()}
