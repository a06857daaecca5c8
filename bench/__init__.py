"""leakbench: how much private training data leaks through shared gradients."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Imports `bench.audit` on first use, because importing the package must not import torch."""
    if name == "audit":
        from bench.auditing.audit import audit

        return audit
    raise AttributeError(f"module 'bench' has no attribute {name!r}")
