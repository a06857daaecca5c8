"""The LightningModule that wraps an attack: share, reconstruct, score."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytorch_lightning as pl
import torch
from torch import Tensor

from bench.attacks.base import Attack
from bench.client import Client, lacks_memory
from bench.host import signals
from bench.messages import Observation, Reconstruction, Status, Victims
from bench.metrics.scorer import Scorer, Scores

Keep = Callable[[Reconstruction, Victims, Scores], None]


class Leakage(pl.LightningModule):
    """`Trainer.test` of it measures what leaks from a datamodule's victims.

    Args:
        client: the private side.
        attack: has no handle on the client or on a victim.
        scorer: where guess and truth meet, once.
        seed: of the attacker's random numbers.
        keep: receives each piece of finished victims with its truth and scores.
    """

    def __init__(self, client: Client, attack: Attack, scorer: Scorer, seed: int, keep: Keep) -> None:
        super().__init__()
        self.client, self.attack, self.scorer = client, attack, scorer
        self.seed, self._keep = seed, keep

    def on_test_start(self) -> None:
        """Lightning's handlers would finish the block on SIGTERM, and requeue with a checkpoint of their own."""
        signals.listen()

    def test_step(self, victims: Victims, batch_idx: int) -> None:
        """One block of victims; empty where this process has fewer of them than another."""
        if not len(victims):
            return
        with torch.inference_mode(False), torch.enable_grad():
            seen = self.client.share(victims)
            for claim in claims(self.attack, seen, self.seed):
                for guess in claim.each():  # alone: how scores are rounded must not depend on who else has finished
                    with signals.held():
                        truth = select(victims, guess.ids)
                        self._keep(guess, truth, self.scorer(guess, truth))

    def on_test_epoch_end(self) -> None:
        """The mean of each metric over all processes, for who asks the trainer; loggers are told by the store."""
        for name, value in self.scorer.means().items():
            if value is not None:
                self.log(f"mean/{name}", value, rank_zero_only=True, logger=False)


def claims(attack: Attack, seen: Observation, seed: int) -> Iterator[Reconstruction]:
    """What the attack claims; where the device runs out of memory, the victims not yet claimed become failures."""
    open_ids = set(seen.ids.tolist())
    try:
        for guess in attack.reconstruct(seen, seed):
            open_ids -= set(guess.ids.tolist())
            yield guess
    except (RuntimeError, MemoryError) as error:
        if not lacks_memory(error):
            raise
        ids = torch.tensor(sorted(open_ids), device=seen.ids.device)
        yield failed(seen, ids, Status.OUT_OF_MEMORY)


def failed(seen: Observation, ids: Tensor, status: Status) -> Reconstruction:
    """No claim at all for the victims `ids`."""
    v, b = len(ids), seen.batch_size or 1
    zeros = torch.zeros(v, dtype=torch.long)
    nothing: float = torch.nan if seen.task.language is None else -1
    dtype = torch.float32 if seen.task.language is None else torch.long
    return Reconstruction(
        ids=ids,
        inputs=torch.full((v, b, *seen.task.input_shape), nothing, dtype=dtype, device=ids.device),
        labels=torch.full((v, b), -1, dtype=torch.long, device=ids.device),
        objective=torch.full((v,), torch.nan, dtype=torch.float64),
        iterations=zeros,
        evaluations=zeros,
        seconds=torch.zeros(v, dtype=torch.float64),
        status=[status] * v,
    )


def select(victims: Victims, ids: Tensor) -> Victims:
    """The victims with these ids, in this order."""
    row = {int(victim): i for i, victim in enumerate(victims.ids.tolist())}
    index = torch.tensor([row[victim] for victim in ids.tolist()], device=victims.ids.device)
    return Victims(
        inputs=victims.inputs[index],
        labels=victims.labels[index],
        ids=victims.ids[index],
        samples=victims.samples[index],
        repeats=victims.repeats[index],
        mask=None if victims.mask is None else victims.mask[index],
    )
