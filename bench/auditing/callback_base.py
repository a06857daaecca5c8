"""The base of a callback that serves Trainers of both packages in which Lightning comes."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import pytorch_lightning


def _bases() -> tuple[type, ...]:
    """`pytorch_lightning.Callback`, and of `lightning` if it is installed: a Trainer takes its own package's."""
    found: list[Any] = [pytorch_lightning.Callback]
    if importlib.util.find_spec("lightning") and importlib.util.find_spec("lightning.pytorch"):
        found.append(importlib.import_module("lightning.pytorch").Callback)
    return tuple(found)


Callback: Any = type("Callback", _bases(), {})
