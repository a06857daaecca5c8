"""The image of which a transformed one was made: what undoes `bench.defenses.ats`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product

import torch
from torch import Tensor

from bench.defenses.ats import transformed
from bench.priors.power_spectrum import PowerSpectrum

Policy = list[dict[str, float]]


@dataclass(frozen=True, eq=False)
class Undone:
    """One image before its transformation, and how it was transformed.

    Args:
        image: `[C, H, W]`.
        policy: number of the policy, `[]`, int64.
        negative: whether the strength of each operation is negative, `[operations]`, bool; False behind the last one.
    """

    image: Tensor
    policy: Tensor
    negative: Tensor


@dataclass(frozen=True)
class Undoing:
    """Looks for the most probable image and transformation under a list of policies.

    For each policy and each choice of signs T, |T(x) - u|^2 / (2 `error`^2) - log p(x) is minimised over x, by L-BFGS
    on the whitened spectrum of the prior, a `PowerSpectrum` around the median of u. The lowest of all is taken. What a
    shift pushed out is filled in by the prior, and so is what a contrast clips.

    Args:
        error: deviation of the transformed image that was found from the true one, > 0.
        iterations: of L-BFGS, >= 1.
        decay: of the prior, see `PowerSpectrum`.
        deviation: of the prior, see `PowerSpectrum`.

    Raises:
        ValueError: an argument is out of its range.
    """

    error: float
    iterations: int
    decay: float
    deviation: float

    def __post_init__(self) -> None:
        if not (self.error > 0 and self.iterations >= 1):
            raise ValueError(f"error={self.error}, iterations={self.iterations}: must be > 0 and >= 1")
        PowerSpectrum(self.decay, self.deviation, 0.5)  # refuses what is out of its range

    def __call__(self, image: Tensor, policies: list[Policy]) -> Undone:
        """Undoes the transformation of one image.

        Args:
            image: u, `[C, H, W]`, float64.
            policies: see `bench.defenses.ats.ATS`.
        """
        prior = PowerSpectrum(self.decay, self.deviation, float(image.median()))
        longest, best = max(map(len, policies)), None
        for number, policy in enumerate(policies):
            for signs in product((False, True), repeat=len(policy)):
                negative = torch.tensor([*signs, *[False] * (longest - len(policy))], device=image.device)
                found, cost = self._fitted(image, partial(_once, policy=policy, negative=negative), prior)
                if best is None or cost < best[1]:
                    best = Undone(found, torch.tensor(number, device=image.device), negative), cost
        assert best is not None
        return best[0]

    def _fitted(
        self, image: Tensor, transform: Callable[[Tensor], Tensor], prior: PowerSpectrum
    ) -> tuple[Tensor, float]:
        """The most probable image `[C, H, W]` under one transformation, and minus the logarithm of its probability."""
        z = torch.zeros_like(image, requires_grad=True)
        optimiser = torch.optim.LBFGS([z], max_iter=self.iterations, history_size=50, line_search_fn="strong_wolfe")

        def cost() -> Tensor:
            misfit = (transform(prior.drawn(z)) - image).square().sum() / (2 * self.error**2)
            return misfit + z.square().sum() / 2

        def closure() -> Tensor:
            value = cost()
            (z.grad,) = torch.autograd.grad(value, z)
            return value

        with torch.enable_grad():
            optimiser.step(closure)  # type: ignore[arg-type]
        with torch.no_grad():
            return prior.drawn(z), float(cost())


def _once(image: Tensor, policy: Policy, negative: Tensor) -> Tensor:
    """One image `[C, H, W]` after a policy with these signs."""
    return transformed(image[None], policy, negative[None])[0]
