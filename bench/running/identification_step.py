"""The LightningModule of line-ups: how often an attacker picks the private example out of equally likely ones."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from bench.client import Client
from bench.datamodules.base import VictimDataModule
from bench.datamodules.line_up import line_up
from bench.host import signals
from bench.host.interruptible import Interruptible
from bench.messages.status import Status
from bench.messages.victims import Victims
from bench.running.measured_cell import Keep
from bench.running.victim_failure import victim_failure

DRAWS = 16  # of a defence with random numbers: as many for the client, and as many of the attacker's own


class LineUps(Interruptible):
    """A LightningModule whose `Trainer.test` confronts an attacker with a line-up per victim.

    Args:
        client: the private side.
        data: what the line-ups are drawn from.
        candidates: K, the number of examples in a line-up.
        keep: called with the rows of each block of victims (see `bench.results.stored_identification`), without the
            columns that all rows have in common.
    """

    def __init__(self, client: Client, data: VictimDataModule, candidates: int, keep: Keep) -> None:
        super().__init__()
        self.client = client  # Lightning moves it to the device
        self._data, self._candidates, self._keep = data, candidates, keep

    def test_step(self, victims: Victims, batch_idx: int) -> None:
        """Confronts the attacker with the line-ups of one block of victims.

        Args:
            victims: the block; it is empty if this process has fewer victims than another.
            batch_idx: not used.
        """
        with torch.inference_mode(False), torch.enable_grad():
            for victim, repeats in zip(victims.ids.tolist(), victims.repeats.tolist()):
                signals.check()
                shown = line_up(self._data, victim, self._candidates).to(victims.inputs.device)
                self._keep([{**row(self.client, shown), "repeats": repeats}])


def row(client: Client, shown: Victims) -> dict[str, Any]:
    """How often the attacker picks the first of the batches that it is shown. The row lacks `repeats`.

    Args:
        client: see `LineUps`.
        shown: see `bench.datamodules.line_up.line_up`.
    """
    status: Status = Status.CONVERGED
    reason: str | None = None
    rate: float | None = None
    random = client.runner.randomised({name: tuple(client.model.get_parameter(name).shape) for name in client.trained})
    draws = DRAWS if random else 1
    begin = time.perf_counter()
    try:
        rate = picked(client, shown, draws, random)
        if rate is None:
            status, reason = Status.NONFINITE, "what is shared has a value that is not finite"
    except (RuntimeError, MemoryError) as error:
        status, reason = victim_failure(error, "linear algebra did not converge")
    return {
        "victim": int(shown.ids[0]),
        "status": status.value,
        "reason": reason,
        "batch_size": shown.inputs.shape[1],
        "candidates": len(shown),
        "draws": draws,
        "picked": rate,
        "seconds": time.perf_counter() - begin,
    }


def picked(client: Client, shown: Victims, draws: int, random: bool) -> float | None:
    """The share of the client's draws at which the attacker picks the right batch; None if a value is not finite.

    The attacker knows the model, the defence and every candidate. It computes what each candidate would share, as the
    mean over random numbers of its own, and picks the one that is nearest to what it sees in squared distance. Under
    Gaussian noise that is the most likely one, up to the noise that is left in the mean. Its random numbers are the
    same for all candidates, so that they blur no difference between two of them. If candidates are equally near, it
    picks any of them.

    Args:
        client: the private side.
        shown: see `bench.datamodules.line_up.line_up`.
        draws: how often the client shares, and how many draws the attacker takes the mean of.
        random: whether the defence has random numbers.
    """
    if random:
        own = shown.take(torch.zeros(1, dtype=torch.long))
        seen = torch.cat([client.updates_again(own, draw) for draw in range(draws)]).double()
        expected = sum(client.updates_again(shown, draw).double() for draw in range(draws, 2 * draws)) / draws
    else:
        expected = client.updates_again(shown, 0).double()
        seen = expected[:1]
    assert isinstance(expected, Tensor)
    distances = torch.stack([(expected - one).square().sum(1) for one in seen])  # [draws, K]
    if not torch.isfinite(distances).all():
        return None
    nearest = distances == distances.min(1, keepdim=True).values
    return float((nearest[:, 0] / nearest.sum(1)).mean())
