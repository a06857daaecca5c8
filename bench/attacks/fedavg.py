"""Inverting Gradients on updates of FedAvg, through local epochs (Dimitrov et al. 2022, arXiv 2206.12395)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from bench.attacks.gradient_matching import GradientMatching
from bench.engine.matching import Arrangement, Layout, Matching
from bench.engine.state import Finished
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.priors.epoch_means import EpochMeans

_NEVER = 1e12  # the distance of images of two labels, which are never of one example


class FedAvg(GradientMatching):
    """Matches an update by walking the client's local epochs, whose rate, number and batch size are granted.

    The order of the examples in each epoch is not granted. So each example has an image of its own in each epoch, and
    the images of one epoch are taken in the order of the dummy batch. A term keeps the mean image of the epochs equal,
    because it does not depend on their order (`bench.priors.epoch_means`). In the end the images of the epochs are
    assigned to each other by their squared distance, and each example is the mean of its images.

    Labels must be granted or inferred: each image of an example has the example's label. The labels stay in the order
    of the dummy batch in every epoch, so images make up for a wrong order fully only among examples of one label.

    Departs: the distance is the cosine of Inverting Gradients under L-BFGS on the image's spectrum, the invariant
    function is the mean, all epochs start from one image, and labels are not inferred from the update. The paper was
    not at hand: this is written from a summary of it.
    """

    @property
    def needs(self) -> frozenset[str]:
        """The needs of `GradientMatching`, and the client's local epochs."""
        return super().needs | {"local_epochs"}

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve.

        Raises:
            NotApplicable: the message names the need that is not met.
        """
        super().check(seen)
        self._refuse_weights()
        if not self._labelled(seen):
            raise NotApplicable("attack FedAvg needs labels that are inferred or granted (threat.labels=true)")

    def _layout(self, seen: Observation) -> Layout:
        assert seen.batch_size is not None
        return Layout(seen.batch_size * _epochs(seen), seen.task.input_shape, 0, self.variables)

    def start_of(self, seen: Observation, seed: int, victim: int, restart: int = 0) -> Tensor:
        """Returns the initial variables `[n]` of one run: the same image in all epochs of an example.

        Args:
            seen: the observation.
            seed: seed of the attacker's random numbers.
            victim: position of the victim in the observation.
            restart: number of the run.
        """
        once = super().start_of(seen, seed, victim, restart).reshape(seen.batch_size or 1, -1)
        return once.repeat_interleave(_epochs(seen), 0).flatten()

    def _matching(self, seen: Observation, layout: Arrangement, labels: Tensor | None) -> Matching:
        epochs, by_epoch = _epochs(seen), seen.task.by_epoch
        assert by_epoch is not None

        def gradient(
            parameters: dict[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor, targets: Tensor
        ) -> dict[str, Tensor]:
            return by_epoch(parameters, buffers, inputs.unflatten(0, (-1, epochs)), targets)

        walked = replace(seen, task=replace(seen.task, gradient=gradient))
        priors = [prior.of(epochs) if isinstance(prior, EpochMeans) else prior for prior in self.priors]
        return Matching(walked, layout, self.objective, labels, self.engine.dtype, priors)

    def _claim(
        self, finished: list[Finished], layout: Arrangement, seen: Observation, labels: Tensor | None
    ) -> Reconstruction:
        assert labels is not None
        epochs = _epochs(seen)
        found = super()._claim(finished, layout, seen, labels.repeat_interleave(epochs, 1))
        known, moments = found.labels[:, ::epochs], found.trace["images"]
        return replace(
            found,
            inputs=torch.stack([merged(*one, epochs) for one in zip(found.inputs, known)]),
            labels=known,
            trace={**found.trace, "images": moments.unflatten(2, (-1, epochs)).mean(3)},
        )


def _epochs(seen: Observation) -> int:
    assert seen.task.epochs is not None
    return seen.task.epochs


def merged(images: Tensor, labels: Tensor, epochs: int) -> Tensor:
    """Assigns the images of later epochs to those of the first, and returns each example's mean over epochs.

    Args:
        images: `[B x E, C, H, W]`, those of one example beside each other.
        labels: `[B]`; only images of one label are assigned to each other.
        epochs: E.

    Returns:
        `[B, C, H, W]`.
    """
    first, *later = images.unflatten(0, (-1, epochs)).unbind(1)
    total = first.clone()
    apart = labels.unsqueeze(1) != labels
    for other in later:
        cost = torch.cdist(first.flatten(1).double(), other.flatten(1).double()).square().masked_fill(apart, _NEVER)
        _, column = linear_sum_assignment(np.nan_to_num(cost.cpu().numpy(), nan=_NEVER, posinf=_NEVER))
        total += other[torch.as_tensor(column, device=other.device)]
    return total / epochs
