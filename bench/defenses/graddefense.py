"""GradDefense: Wang, Guo, Xie and Qi, "Protect Privacy from Gradient Leakage Attack in Federated Learning", 2022
(10.1109/INFOCOM48880.2022.9796841)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import jacrev

from bench.defenses.base import ClientContext, ClientStep, Defense, Tree, rng_of
from bench.defenses.privacy import Privacy
from bench.engine.rng import Shapes, VictimRng
from bench.errors import NotApplicable
from bench.models.text.base import TextModel

_AT_ONCE = 8  # number of tensors whose sensitivities are computed together, which bounds the memory of activations


def slices(entries: list[int], sensitivity: Tensor, count: int) -> list[Tensor]:
    """The slice of each entry, for slices of equal sensitivity over all tensors in their order.

    Each entry has its tensor's sensitivity over the number of entries. If no tensor is sensitive, slices have equal
    numbers of entries.

    Args:
        entries: L numbers of entries.
        sensitivity: `[L]`, >= 0.
        count: number of slices.

    Returns:
        For each tensor the slices `[n]` of its entries, int64, in [0, count).

    Example:
        >>> slices([2, 4], torch.tensor([1.0, 1.0]), 2)
        [tensor([0, 0]), tensor([1, 1, 1, 1])]
    """
    size = torch.tensor(entries, dtype=torch.double, device=sensitivity.device)
    weight = torch.where(sensitivity.sum() > 0, sensitivity.double(), size)
    ends = weight.cumsum(0)
    found = []
    for layer, n in enumerate(entries):
        inside = torch.arange(n, dtype=torch.double, device=sensitivity.device) / n
        before = ends[layer] - weight[layer] + weight[layer] * inside
        found.append((count * before / ends[-1]).floor().clamp(max=count - 1).long())
    return found


def chosen(drawn: Tensor, count: int) -> Tensor:
    """A mask `[n]` of `count` positions, each equally likely, made of independent uniform numbers `[n]`."""
    return drawn.argsort().argsort() < count


@dataclass(frozen=True)
class GradDefense(Defense):
    """Divides all entries into slices to which the layers contribute equal sensitivity, and adds noise to some slices.

    The sensitivity of a tensor is the norm of the derivative, by an input, of the sum of its gradient's entries; it is
    the mean over inputs. The other slices are shared as they are, and an attacker who gives little weight to
    entries that do not fit (`attack=dlg_robust`) reads them.

    Departs: the authors measure sensitivities on fifty images that the server gives out; here a client measures them
    on its own batch, because no such images are granted. Slices are cut between entries and not between blocks of
    the greatest common divisor of all sizes, and no entry belongs to two slices (in the authors' code,
    github.com/wangjunxiao/GradDefense, both ends of a slice count). The denoising at the server, after clients are
    summed, and the optional clipping are left out: they are not what a client does to a gradient.

    Args:
        slices: number of slices, >= 1.
        perturbed: number of slices that get noise, in [0, slices].
        std: standard deviation of the noise on their entries, >= 0.
        seed: seed of the random numbers, in addition to that of the run.

    Raises:
        ValueError: an argument is out of its range.
    """

    slices: int
    perturbed: int
    std: float
    seed: int
    level = "gradient"

    def __post_init__(self) -> None:
        if self.slices < 1:
            raise ValueError(f"slices={self.slices}: must be >= 1")
        if not 0 <= self.perturbed <= self.slices:
            raise ValueError(f"perturbed={self.perturbed}: want 0 <= perturbed <= slices, which is {self.slices}")
        if not 0 <= self.std < math.inf:
            raise ValueError(f"std={self.std}: must be >= 0")

    @property
    def must_change(self) -> bool:
        """Whether any slice gets noise."""
        return self.perturbed > 0 and self.std > 0

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns a step that runs the inner step and then adds noise to slices.

        Raises:
            NotApplicable: the model reads sentences.
        """
        if isinstance(local.model, TextModel):
            raise NotApplicable(
                "defense GradDefense takes the derivative of gradients by the input, and tokens have none "
                "(defense=pruning, dropout, gaussian, ... protect sentences too)"
            )
        return _Sliced(inner, self, inner.depth + 1)

    def gaussian_std(self, local: ClientContext) -> float | None:
        """See `Defense.gaussian_std`: the standard deviation if every slice has noise; None without noise.

        Raises:
            NotApplicable: some slices have noise and others have none.
        """
        if self.must_change and self.perturbed < self.slices:
            raise NotApplicable(
                "defense GradDefense adds noise to some slices only, and the limit of noise is for noise on every "
                f"entry (defense.perturbed={self.slices})"
            )
        return self.std if self.must_change else None

    def facts(self, local: ClientContext) -> dict[str, Any]:
        """The facts of every defence, with the variance of the noise and the share of the entries that have it."""
        noisy = self.perturbed / self.slices if self.must_change else 0.0
        return super().facts(local) | {"variance": self.std**2, "noisy_share": noisy}

    def privacy(self, inner: Privacy | None) -> Privacy | None:
        """Returns None, because the slices are computed from the private inputs again."""
        return None


@dataclass(frozen=True, eq=False)
class _Sliced(ClientStep):
    inner: ClientStep
    part: GradDefense
    depth: int

    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        own = rng_of(self.part, self.inner.depth, stream)
        drawn = own.child("slices").uniform({"slices": (self.part.slices,)})["slices"]
        return self.inner.noise(shapes, batch_size, stream), own.child("noise").normal(shapes), drawn

    def start(self, shapes: Shapes) -> Any:
        return self.inner.start(shapes)

    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        gradients, after = self.inner(parameters, buffers, inputs, labels, noise[0], state)

        def sums(x: Tensor) -> Tensor:
            shared = self.inner(parameters, buffers, x, labels, noise[0], state)[0]
            return torch.stack([value.sum() for value in shared.values()])

        # Slices are constant between the values at which an entry changes its slice: no derivative is taken of them.
        jacobian = jacrev(sums, chunk_size=_AT_ONCE)(inputs.detach())  # [L, B, C, H, W]
        sensitivity = jacobian.flatten(2).norm(dim=2).mean(1)
        part, mask = self.part, chosen(noise[2], self.part.perturbed)
        cut = slices([value.numel() for value in gradients.values()], sensitivity, part.slices)
        shared = {}
        for (name, value), own in zip(gradients.items(), cut, strict=True):
            added = part.std * noise[1][name].to(value.dtype)
            shared[name] = value + torch.where(mask[own].reshape(value.shape), added, 0.0)
        return shared, after
