"""What was found of the models that a process has built, so that the cells of a suite do not find it out again.

A model is run and differentiated twice before it is attacked (`bench.models.introspect`), which takes a second or two
for a deep one. What comes of it follows from the model's config, the shape of its inputs and the batch size.
"""

from __future__ import annotations

import json
from typing import Any

from omegaconf import DictConfig, OmegaConf

from bench.messages.data_facts import DataFacts
from bench.models.introspect import ModelInfo

_FOUND: dict[str, ModelInfo] = {}


def probe_of(
    node: DictConfig, facts: DataFacts, batch_size: int, checkpoint: str | None, changed: DictConfig | None
) -> str | None:
    """What decides what is found of a model; None if something else may decide it too.

    That is so for code of the user's own, which may change while a process runs, and for models of sentences, whose
    vocabulary is learned.

    Args:
        node: the model's config.
        facts: of the data.
        batch_size: B.
        checkpoint: SHA-256 of the weights' file, if there is one.
        changed: the config of the defence if it changes the model, else None.
    """
    config: Any = OmegaConf.to_container(node)
    own = "target" in config or ":" in str(config["loss"]) or not str(config["_target_"]).startswith("bench.")
    if own or facts.tokenizer is not None:
        return None
    change = None if changed is None else OmegaConf.to_container(changed)
    return json.dumps([config, facts.shape, facts.classes, batch_size, checkpoint, change], sort_keys=True)


def known_info(probe: str | None) -> ModelInfo | None:
    """What was found of such a model; None if none has been built."""
    return None if probe is None else _FOUND.get(probe)


def remember(probe: str | None, info: ModelInfo) -> None:
    """Keeps what was found of a model."""
    if probe is not None:
        _FOUND[probe] = info
