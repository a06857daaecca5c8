"""A network that maps features of a gradient to an image, and its training."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.engine.rng import seeded
from bench.host import signals

_LATE, _SLOWER = 0.75, 0.1  # the share of the epochs after which the learning rate falls, and to which share of itself
_DARKEST = 1e-3  # a pixel that is 0 or 1 in every image starts so far from it, where the sigmoid has a derivative


@dataclass(frozen=True)
class InversionTraining:
    """A multilayer perceptron with ReLU and a sigmoid at its end, trained by Adam on the mean squared error of pixels.

    Before the first epoch it returns the mean of the training images, whatever it reads. After three quarters of the
    epochs the learning rate falls to a tenth, as in the authors' code. Some of the images are not trained on: the epoch
    that has the least error on them is kept, the mean image included. So where noise leaves nothing to learn, the mean
    image is what comes out.

    Args:
        held_out: share of the images that choose the epoch, in (0, 1).
        width: units of each hidden layer, >= 1.
        depth: hidden layers, >= 1.
        epochs: passes over the training images, >= 1.
        batch_size: examples per step, >= 1.
        lr: learning rate of Adam, > 0.

    Raises:
        ValueError: a number is out of its range.
    """

    held_out: float
    width: int
    depth: int
    epochs: int
    batch_size: int
    lr: float

    def __post_init__(self) -> None:
        if not 0 < self.held_out < 1:
            raise ValueError(
                f"held_out={self.held_out}: must lie in (0, 1) (share of the images that choose the epoch)"
            )
        for name in ("width", "depth", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: must be >= 1")
        if self.lr <= 0:
            raise ValueError(f"lr={self.lr}: must be > 0 (learning rate of Adam)")

    def __call__(self, features: Sequence[Tensor], images: Tensor, seed: int) -> nn.Module:
        """Returns the trained network `[N, F] -> [N, pixels]`, values in (0, 1).

        Args:
            features: one tensor `[P, F]` per draw of the defence's random numbers; the epochs take them in turn. The
                last images are held out.
            images: `[P, pixels]` in [0, 1], float32, P >= 2.
            seed: of the initial weights and of the order of the examples.
        """
        kept = len(images) - min(max(1, round(self.held_out * len(images))), len(images) - 1)
        check = features[0][kept:], images[kept:]
        with seeded(seed, "learning to invert"), torch.enable_grad():
            network = self._network(features[0].shape[1], images[:kept].mean(0)).to(images.device)
            optimiser = torch.optim.Adam(network.parameters(), lr=self.lr)
            late = torch.optim.lr_scheduler.MultiStepLR(optimiser, [max(1, int(_LATE * self.epochs))], _SLOWER)
            least, best = _error(network, *check), copy.deepcopy(network)
            for epoch in range(self.epochs):
                self._epoch(network, optimiser, features[epoch % len(features)][:kept], images[:kept])
                late.step()
                error = _error(network, *check)
                if error < least:
                    least, best = error, copy.deepcopy(network)
        return best.requires_grad_(False)

    def _network(self, inputs: int, mean: Tensor) -> nn.Sequential:
        """The network before training, which returns `mean` `[pixels]`."""
        widths = [inputs, *[self.width] * self.depth]
        hidden = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
        last = nn.Linear(self.width, len(mean))
        with torch.no_grad():
            last.weight.zero_()
            last.bias.copy_(mean.clamp(_DARKEST, 1 - _DARKEST).logit())
        return nn.Sequential(*hidden, last, nn.Sigmoid())

    def _epoch(self, network: nn.Module, optimiser: torch.optim.Adam, features: Tensor, images: Tensor) -> None:
        for batch in torch.randperm(len(images)).split(self.batch_size):
            signals.check()
            optimiser.zero_grad()
            chosen = batch.to(images.device)
            functional.mse_loss(network(features[chosen]), images[chosen]).backward()
            optimiser.step()


def _error(network: nn.Module, features: Tensor, images: Tensor) -> float:
    with torch.no_grad():
        return float(functional.mse_loss(network(features), images))
