"""The LightningModule that wraps an attack: share, reconstruct, score."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from bench.attacks.base import Attack
from bench.client import Client
from bench.host import signals
from bench.host.interruptible import Interruptible
from bench.host.out_of_memory import lacks_memory
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.messages.victims import Victims
from bench.metrics.scorer import Scorer, Scores

Keep = Callable[[Reconstruction, Victims, Scores], None]
_GRAY = 0.5


class Leakage(Interruptible):
    """A LightningModule whose `Trainer.test` measures what leaks from a datamodule's victims.

    Args:
        client: the private side.
        attack: has no reference to the client or to a victim.
        scorer: compares reconstruction and truth; nothing else sees both.
        seed: seed of the attacker's random numbers.
        keep: called with the reconstruction, the truth and the scores of each finished victim.
    """

    def __init__(self, client: Client, attack: Attack, scorer: Scorer, seed: int, keep: Keep) -> None:
        super().__init__()
        self.client, self.attack, self.scorer = client, attack, scorer
        self.seed, self._keep = seed, keep

    def test_step(self, victims: Victims, batch_idx: int) -> None:
        """Attacks one block of victims.

        Args:
            victims: the block; it is empty if this process has fewer victims than another.
            batch_idx: not used.
        """
        if not len(victims):
            return
        with torch.inference_mode(False), torch.enable_grad():
            seen = self.client.share(victims)
            for claim in claims(self.attack, seen, self.seed):
                for guess in claim.each():  # one by one: the rounding of scores must not depend on other victims
                    with signals.held():
                        truth = select(victims, guess.ids)
                        whole = completed(guess, truth.labels.shape[1])
                        self._keep(whole, truth, self.scorer(whole, truth))

    def on_test_epoch_end(self) -> None:
        """Logs the mean of each metric over all processes to the trainer; loggers receive theirs from the store."""
        for name, value in self.scorer.means().items():
            if value is not None:
                self.log(f"mean/{name}", value, rank_zero_only=True, logger=False)


def claims(attack: Attack, seen: Observation, seed: int) -> Iterator[Reconstruction]:
    """Yields an attack's reconstructions; if memory runs out, the victims not yet reconstructed become failures.

    Args:
        attack: the attack.
        seen: the observation.
        seed: seed of the attacker's random numbers.
    """
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
    """Makes an empty reconstruction of victims that failed.

    Args:
        seen: the observation.
        ids: `[V]`, the victims.
        status: why they failed.
    """
    v, b = len(ids), seen.batch_size or 1
    nothing: float = torch.nan if seen.task.language is None else -1
    dtype = torch.float32 if seen.task.language is None else torch.long
    inputs = torch.full((v, b, *seen.task.input_shape), nothing, dtype=dtype, device=ids.device)
    labels = torch.full((v, b), -1, dtype=torch.long, device=ids.device)
    return Reconstruction.of_claim(ids, inputs, labels, [status] * v)


def completed(guess: Reconstruction, size: int) -> Reconstruction:
    """Adds an even gray for each image that an attack does not know of, because it was not granted the batch size.

    Of rows and series, which are standardised, it adds their mean 0. A victim that was recovered so far is then
    recovered in part. One without an image stays without: its images are NaN. Sentences are returned as they are,
    because their attacks are granted the batch size.

    Args:
        guess: of images `[V, b, C, H, W]`, rows or series, b <= B.
        size: B, how many examples the scorer expects.
    """
    missing = size - guess.inputs.shape[1]
    if missing <= 0 or not guess.inputs.is_floating_point():
        return guess
    v, _, *shape = guess.inputs.shape
    gray = guess.inputs.new_full((v, missing, *shape), _GRAY if len(shape) == 3 else 0.0)
    empty = guess.inputs.isnan().flatten(1).all(1)
    gray[empty] = torch.nan
    return replace(
        guess,
        inputs=torch.cat([guess.inputs, gray], 1),
        labels=torch.cat([guess.labels, guess.labels.new_full((v, missing), -1)], 1),
        status=[Status.PARTIAL if status is Status.CONVERGED else status for status in guess.status],
        trace={},
    )


def select(victims: Victims, ids: Tensor) -> Victims:
    """Returns the victims with the ids `ids` `[V]`, in this order."""
    row = {int(victim): i for i, victim in enumerate(victims.ids.tolist())}
    index = torch.tensor([row[victim] for victim in ids.tolist()], device=victims.ids.device)
    return victims.take(index)
