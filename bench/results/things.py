"""What a cell is about: images or sentences."""

from collections.abc import Mapping
from typing import Any

IMAGES, SENTENCES = "images", "sentences"


def things(facts: Mapping[str, Any]) -> str:
    """`images` or `sentences`, of a cell's facts (of images where they do not say)."""
    return SENTENCES if (facts.get("data") or {}).get("things") == SENTENCES else IMAGES
