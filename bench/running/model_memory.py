"""The refusal of a model whose gradients do not fit into this machine's memory, before it is built and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from omegaconf import DictConfig
from torch import nn

from bench.config.instantiate import instantiate
from bench.engine.settings import width
from bench.host.capacity import check_gradients, require_memory

_ENTRY = 1_000  # bytes at least of what a number in a model's config counts (filters, layers, tokens, positions)


def check_model(cfg: DictConfig, known: Mapping[str, Any], victims: int) -> None:
    """Refuses a model that does not fit into memory, before it is built: on torch's `meta` device it takes none.

    A model that reads its weights or is the user's own is built once in any case.

    Args:
        cfg: of the cell.
        known: what a model is told beside its config.
        victims: how many victims the cell has.

    Raises:
        UserError: its size, and what is free.
    """
    node = cfg.model
    for name, value in node.items():
        if isinstance(value, int):
            require_memory(value * _ENTRY, f"model.{name}={value}: as many rows of weights", "take a smaller one")
    if any(name in node for name in ("source", "weights", "target")):
        return
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            model: nn.Module = instantiate(node, "model", **known)
    except Exception:  # it wants real numbers, or is wrong: whoever builds it in earnest says so
        return
    check_size(cfg, sum(value.numel() for value in model.parameters()), victims)


def check_size(cfg: DictConfig, parameters: int, victims: int) -> None:
    """Refuses gradients that do not fit into memory, in the precision of the engine.

    Nothing is refused if they lie on a GPU, which says itself that it is full.

    Args:
        cfg: of the cell.
        parameters: how many parameters the model has.
        victims: how many victims the cell has.

    Raises:
        UserError: the size of the gradients, and what is free.
    """
    accelerator = cfg.trainer.accelerator
    if accelerator == "cpu" or (accelerator == "auto" and not torch.cuda.is_available()):
        check_gradients(victims, parameters, per_victim=cfg.model.per_victim, width=width(cfg.engine.dtype))
