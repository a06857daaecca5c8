"""The LightningModule of label inference: share, claim labels, count what is right."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bench.errors import in_short
from bench.host import signals
from bench.host.interruptible import Interruptible
from bench.labels.base import LabelRule
from bench.labels.batch_size import inferred_batch_size
from bench.labels.score import score
from bench.messages.observation import Observation
from bench.messages.status import Status
from bench.messages.victims import Victims
from bench.running.shared_updates import SharedUpdates
from bench.running.victim_failure import victim_failure

Keep = Callable[[list[dict[str, Any]]], None]


class LabelInference(Interruptible):
    """A LightningModule whose `Trainer.test` lets a rule claim the labels of a datamodule's victims.

    Args:
        updates: what the victims share, and the client that shares it.
        rule: sees what the client shares, and nothing of a victim.
        seed: seed of the attacker's random numbers.
        keep: called with the rows of each block of victims (see `bench.results.stored_labels`), without the columns
            that all rows have in common.
    """

    def __init__(self, updates: SharedUpdates, rule: LabelRule, seed: int, keep: Keep) -> None:
        super().__init__()
        self.client = updates.client  # Lightning moves it to the device
        self.updates, self.rule, self.seed, self._keep = updates, rule, seed, keep

    def test_step(self, victims: Victims, batch_idx: int) -> None:
        """Claims the labels of one block of victims.

        Args:
            victims: the block; it is empty if this process has fewer victims than another.
            batch_idx: not used.
        """
        if not len(victims):
            return
        signals.check()
        with torch.inference_mode(False), torch.enable_grad(), signals.held():
            seen = self.updates(victims)
            self._keep([row(self.rule, seen.take(torch.tensor([v])), victims, v, self.seed) for v in range(len(seen))])


def row(rule: LabelRule, seen: Observation, victims: Victims, place: int, seed: int) -> dict[str, Any]:
    """What a rule claims of one victim, compared with the truth.

    A rule that runs out of memory, or whose linear algebra does not converge, claims nothing: the row says why.

    Args:
        rule: the rule.
        seen: the observation of this victim alone.
        victims: the truth of the block.
        place: which victim of the block it is.
        seed: seed of the attacker's random numbers.
    """
    status: Status = Status.CONVERGED
    reason: str | None = None
    claimed = torch.empty(0, dtype=torch.long)
    begin = time.perf_counter()
    try:
        claimed = rule(seen, seed)[0].cpu()  # copying waits for a GPU to finish
    except (RuntimeError, MemoryError) as error:  # torch.linalg.LinAlgError is a RuntimeError
        status, reason = victim_failure(error, f"linear algebra did not converge ({in_short(error)})")
    seconds = time.perf_counter() - begin
    found = score(claimed, victims.labels[place])
    inferred, largest = _batch_size(seen)
    return {
        "victim": int(victims.ids[place]),
        "status": status.value,
        "reason": reason,
        "batch_size": victims.inputs.shape[1],
        **vars(found),
        "inferred_batch_size": inferred,
        "largest_batch_size": largest,
        "repeats": int(victims.repeats[place]),
        "seconds": seconds,
    }


def _batch_size(seen: Observation) -> tuple[int | None, int | None]:
    """The batch size that the gradient shows, and the largest that it could show; None if it shows none."""
    found: tuple[Tensor, int] | None = inferred_batch_size(seen)
    return (None, None) if found is None else (int(found[0][0]), found[1])
