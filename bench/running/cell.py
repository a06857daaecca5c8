"""A cell of either kind: what leaks (an attack on victims), or what a defence costs (a training under it).

Both import torch, and so only where they are called.
"""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig


def is_price(cfg: DictConfig) -> bool:
    """Whether the cell is a training: it says how to train."""
    return "training" in cfg


def run_cell(cfg: DictConfig) -> dict[str, Any]:
    """Runs a cell and returns its document; raises what `leak_cell.run_cell` and `training_cell.run_price` do."""
    from bench.running import leak_cell, training_cell

    return training_cell.run_price(cfg) if is_price(cfg) else leak_cell.run_cell(cfg)


def record_failure(cfg: DictConfig, status: str, reason: str) -> None:
    """Keeps on record that a cell as a whole has no result."""
    from bench.running import failures, training_cell

    (training_cell if is_price(cfg) else failures).record_failure(cfg, status, reason)


def in_a_word(document: dict[str, Any]) -> str:
    """What came of a cell, in a few words."""
    if "accuracy" in document:
        return f"accuracy: {document['accuracy']['mean']:.3f}"
    if (words := document.get("rouge_1")) and (exact := document["exact_match"]):
        return f"exact match: {exact['mean']:.2f}, ROUGE-1: {words['mean']:.2f}"
    rate = (document["success_rate"] or {}).get("1e-2")
    return f"success at MSE 1e-2: {rate['mean']:.2f}" if rate else "done"
