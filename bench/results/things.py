"""The kind of private data that a cell is about: images or sentences."""

from collections.abc import Mapping
from typing import Any

IMAGES, SENTENCES = "images", "sentences"


def things(facts: Mapping[str, Any]) -> str:
    """The kind of data in a cell's facts: `images` or `sentences`; `images` if the facts do not say."""
    return SENTENCES if (facts.get("data") or {}).get("things") == SENTENCES else IMAGES
