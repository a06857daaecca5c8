"""What a record says of an attack that is no part of leakbench, so that a reader knows it without having its code."""

from __future__ import annotations

import sys
from typing import Any

_LONGEST = 300  # characters


def about(attack: Any) -> dict[str, str] | None:
    """The class of an attack of the user's own, and the first line of its docstring, which names its paper.

    Args:
        attack: the attack.

    Returns:
        `class` (the import path) and `about`; None for an attack of leakbench, whose file every reader has.
    """
    kind = type(attack)
    if kind.__module__.partition(".")[0] == "bench":
        return None
    module = sys.modules.get(kind.__module__)
    text = kind.__dict__.get("__doc__") or getattr(module, "__doc__", None) or ""
    lines = text.strip().splitlines()
    said = {"about": lines[0].strip()[:_LONGEST]} if lines else {}
    return {"class": f"{kind.__module__}.{kind.__qualname__}", **said}
