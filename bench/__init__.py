"""leakbench: how much private training data leaks through shared gradients."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Imports what a user calls from Python on first use, because importing the package must not import torch."""
    if name == "audit":
        from bench.auditing.audit import audit

        return audit
    if name == "audit_update":
        from bench.auditing.audit_update import audit_update

        return audit_update
    if name == "LeakageMonitor":
        from bench.auditing.monitor import LeakageMonitor

        return LeakageMonitor
    raise AttributeError(f"module 'bench' has no attribute {name!r}")
