"""Which kind of cell a config describes, and what came of one in a few words. Imports no torch."""

from typing import Any

from omegaconf import DictConfig

from bench.results.stored_cell import StoredCell
from bench.results.stored_identification import StoredIdentification
from bench.results.stored_labels import StoredLabels
from bench.results.stored_leak import StoredLeak
from bench.results.stored_limits import StoredLimits
from bench.results.stored_training import StoredTraining

_MEASURES: dict[str, type[StoredCell]] = {
    "labels": StoredLabels,
    "limit": StoredLimits,
    "identification": StoredIdentification,
}


def kind_of(cfg: DictConfig) -> type[StoredCell]:
    """What the cell is on disk: a training says how to train, and what reconstructs nothing says what it measures."""
    if "training" in cfg:
        return StoredTraining
    return _MEASURES[cfg.measure] if "measure" in cfg else StoredLeak


def in_a_word(document: dict[str, Any]) -> str:
    """What came of a cell, in a few words."""
    if document.get("accuracy"):
        return f"accuracy: {document['accuracy']['mean']:.3f}"
    if determined := document.get("determined"):
        limit = document["limit_psnr"]
        beyond = f", unbiased limit: {limit['mean']:.1f} dB" if limit else ""
        return f"determined: {determined['mean']:.2f} of the victims{beyond}"
    if picked := document.get("picked"):
        return f"picked out: {picked['mean']:.3f} (chance: {document['chance']:.3f})"
    if labels := document.get("batches_right"):
        return f"labels right: {document['label_overlap']['mean']:.3f}, whole batches: {labels['mean']:.2f}"
    if (words := document.get("rouge_1")) and (exact := document.get("exact_match")):
        return f"exact match: {exact['mean']:.2f}, ROUGE-1: {words['mean']:.2f}"
    rate = (document.get("success_rate") or {}).get("1e-2")
    return f"success at MSE 1e-2: {rate['mean']:.2f}" if rate else "done"
