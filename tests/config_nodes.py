"""Walks a config."""

from collections.abc import Iterator
from typing import Any


def nodes(container: Any, key: str = "") -> Iterator[tuple[str, dict]]:
    """Each mapping with `_target_` and its dotted key."""
    if isinstance(container, list):
        container = dict(enumerate(container))
    if isinstance(container, dict):
        if "_target_" in container:
            yield key, container
        for name, value in container.items():
            yield from nodes(value, f"{key}.{name}" if key else str(name))
