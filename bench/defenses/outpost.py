"""OUTPOST: Wang, Hugh and Li, "More than Enough is Too Much: Adaptive Defenses against Gradient Leakage in Production
Federated Learning", 2024 (10.1109/TNET.2024.3377655).

The computation is that of the authors' code (github.com/TL-System/plato, examples/gradient_leakage_attacks/defense/
Outpost). That code computes the perturbed gradient and returns the one that it was given, so what it shares is not
defended at all. Here the perturbed gradient is shared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.defenses.base import ClientContext, ClientStep, Defense, Tree, rng_of
from bench.defenses.encoding import Encoding
from bench.engine.rng import Shapes, VictimRng
from bench.errors import NotApplicable


def threshold(values: Tensor, fraction: float) -> Tensor:
    """The value `[]` below which this fraction of `values` lies, as if by comparison with numpy's percentile.

    Args:
        values: a tensor of any shape.
        fraction: in [0, 1].

    Example:
        >>> threshold(torch.tensor([4.0, 1.0, 3.0, 2.0]), 0.5)
        tensor(3.)
    """
    ordered = values.flatten().sort().values
    return ordered[math.ceil(round(fraction * (len(ordered) - 1), 6))]


def risk(parameter: Tensor) -> Tensor:
    """How much a layer is at risk: the variance of its weights, at most 1. A single number has a risk of 0."""
    return parameter.var(correction=min(1, parameter.numel() - 1)).clamp(max=1)


def fisher(gradient: Tensor) -> Tensor:
    """The empirical Fisher information as the authors compute it: the mean square over the first dimension."""
    return gradient.square().mean(0) if gradient.dim() else gradient.square()


def perturbed(gradients: Tree, noise: Tree, risks: Tree, prune: float, share: float, strength: float) -> Tree:
    """Prunes each tensor, and adds noise where the Fisher information of the unpruned gradient is high.

    Args:
        gradients: `{name: tensor}`.
        noise: `{name: tensor}`, standard normal.
        risks: `{name: []}`.
        prune: fraction of each tensor's entries that become zero, those of smallest magnitude.
        share: fraction of all Fisher informations that count as high.
        strength: standard deviation of the noise at a risk of 1.
    """
    informations = {name: fisher(value) for name, value in gradients.items()}
    high = threshold(torch.cat([value.flatten() for value in informations.values()]), 1 - share)
    shared = {}
    for name, value in gradients.items():
        kept = torch.where(value.abs() < threshold(value.abs(), prune), 0.0, value)
        added = strength * risks[name] * noise[name].to(value.dtype)
        shared[name] = kept + torch.where(informations[name] >= high, added, 0.0)
    return shared


@dataclass(frozen=True)
class Outpost(Defense):
    """Prunes, and adds noise to the entries that matter most, with a probability that falls with every step.

    The step's number is t = `first`, `first` + 1, ...; a step is perturbed with probability 1 / (1 + `decay` t), and
    the others share the gradient as it is. The noise of a layer is as strong as its weights are spread.

    An attacker who leaves out zeros and gives little weight to entries that do not fit (`attack=dlg_robust`) reads the
    entries that have no noise. A client whose gradient has no zeros was not perturbed.

    Departs: the code counts t as the epoch times the number of the batch, and draws the same noise in every step,
    because it seeds the generator anew. Here t counts steps, and each step has noise of its own.

    Args:
        decay: beta, >= 0; 0 perturbs every step.
        first: t of the first step, >= 0.
        prune: fraction of each tensor's entries that become zero, in [0, 1).
        share: fraction of all Fisher informations that get noise, in [0, 1]; the highest one always does.
        strength: standard deviation of the noise on a layer whose weights have a variance of 1, >= 0.
        seed: seed of the random numbers, in addition to that of the run.

    Raises:
        ValueError: an argument is out of its range.
    """

    decay: float
    first: int
    prune: float
    share: float
    strength: float
    seed: int
    level = "gradient"

    def __post_init__(self) -> None:
        for name in ("decay", "first", "strength"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}={getattr(self, name)}: must be >= 0")
        if not 0 <= self.prune < 1:
            raise ValueError(f"prune={self.prune}: want 0 <= prune < 1, the share of entries that become zero")
        if not 0 <= self.share <= 1:
            raise ValueError(f"share={self.share}: want 0 <= share <= 1, the share of entries that get noise")

    @property
    def must_change(self) -> bool:
        """Whether the first step is certain to be perturbed, and pruned."""
        return self.decay * self.first == 0 and self.prune > 0

    def probability(self, step: Tensor | int) -> Tensor | float:
        """The probability that a step is perturbed.

        Args:
            step: number of steps before it.
        """
        return 1 / (1 + self.decay * (self.first + step))

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns a step that runs the inner step and then perturbs its result."""
        return _Perturbed(inner, self, inner.depth + 1)

    def gaussian_std(self, local: ClientContext) -> float | None:
        """See `Defense.gaussian_std`.

        Raises:
            NotApplicable: there is noise, which is on some entries only.
        """
        if self.strength > 0:
            raise NotApplicable(
                "defense Outpost adds noise to some entries only, and the limit of noise is for noise on every entry "
                "(defense.strength=0 for the limit of its pruning)"
            )
        return None

    def encode(self, sent: Encoding) -> Encoding:
        """Dense 32-bit floats: most steps of a training are not perturbed, and noise fills in pruned entries."""
        return sent.dense()

    def notes(self, local: ClientContext) -> list[str]:
        """A sentence about steps that are not perturbed, if there can be any."""
        share = 1 - self.probability(0)
        bare = (
            f"Outpost: a client's first step is shared as it is with probability {share:.2g}, and later ones more often"
        )
        return [bare] if self.decay > 0 else []

    def facts(self, local: ClientContext) -> dict[str, Any]:
        """The facts of every defence, with the probability that the attacked step is perturbed, and of what share."""
        noisy = self.share if self.strength > 0 else 0.0
        return super().facts(local) | {"probability": self.probability(0), "noisy_share": noisy}


@dataclass(frozen=True, eq=False)
class _Perturbed(ClientStep):
    inner: ClientStep
    part: Outpost
    depth: int

    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        own = rng_of(self.part, self.inner.depth, stream)
        chance = own.child("chance").uniform({"chance": ()})["chance"]
        return self.inner.noise(shapes, batch_size, stream), own.child("noise").normal(shapes), chance

    def start(self, shapes: Shapes) -> Any:
        return self.inner.start(shapes), torch.zeros((), dtype=torch.long)

    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        gradients, before = self.inner(parameters, buffers, inputs, labels, noise[0], state[0])
        part, risks = self.part, {name: risk(parameters[name]) for name in gradients}
        changed = perturbed(gradients, noise[1], risks, part.prune, part.share, part.strength)
        acts = noise[2] < part.probability(state[1])
        shared = {name: torch.where(acts, changed[name], value) for name, value in gradients.items()}
        return shared, (before, state[1] + 1)
