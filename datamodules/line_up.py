"""Line-ups: the batch of a victim, and the same batch with other examples of the data set in its first place."""

from __future__ import annotations

import numpy as np
import torch

from bench.datamodules.base import VictimDataModule
from bench.datamodules.dealing import LINE_UP, shuffled
from bench.errors import NotApplicable
from bench.messages.victims import Victims


def check_possible(data: VictimDataModule, candidates: int) -> None:
    """Refuses a data set that is too small for a line-up.

    Args:
        data: the data set.
        candidates: K, the victim's example among them.

    Raises:
        NotApplicable: there are fewer than B + K - 1 examples.
    """
    needed = data.batch_size + candidates - 1
    if data.size_of_pool < needed:
        raise NotApplicable(
            f"data '{data.title}' has {data.size_of_pool} {data.modality}; a line-up of {candidates} beside batches of "
            f"{data.batch_size} needs {needed}"
        )


def line_up(data: VictimDataModule, victim: int, candidates: int) -> Victims:
    """The batches that an attacker compares if it knows all of a victim's batch but the first example.

    The other examples are those that an attacker knows to be equally likely: drawn from the data set, none of them in
    the batch, each with its own label. If labels are drawn (`data.labels=random`), all have the victim's.

    Args:
        data: the data set.
        victim: number of the victim.
        candidates: K, the victim's example among them.

    Returns:
        `[K, B, ...]`, all with the victim's number. The first is the victim's own batch.
    """
    own = data.deal([victim])
    batch = own.samples[0].numpy()
    order = shuffled(data.size_of_pool, data.seed, LINE_UP, victim)
    others = order[~np.isin(order, batch)][: candidates - 1]
    samples = np.repeat(batch[None], candidates, 0)
    samples[1:, 0] = others
    labels = data.pool.labels[samples]
    if data.labels == "random" and data.pool.classes is not None:
        labels[:] = own.classes[0].numpy()
    ids = [victim] * candidates
    return Victims(
        **data.private(ids, samples, labels),
        columns=data.columns,
        ids=torch.tensor(ids),
        samples=torch.from_numpy(samples),
        repeats=own.repeats.repeat(candidates),
    )
