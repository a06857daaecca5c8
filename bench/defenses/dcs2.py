"""DCS-2: Wu, Hayat, Zhou and Harandi, "Concealing Sensitive Samples against Gradient Leakage in Federated Learning",
2024 (arXiv 2209.05724), as the authors' code computes it (github.com/JingWu321/DCS-2, dlg/defenses/dcs.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad

from bench.defenses.base import ClientContext, ClientStep, Defense, Tree, rng_of
from bench.defenses.encoding import Encoding
from bench.defenses.example_form import probabilities
from bench.defenses.privacy import Privacy
from bench.engine.rng import Shapes, VictimRng
from bench.errors import NotApplicable
from bench.models.text.base import TextModel
from bench.objectives.cosine import cosine_distance

_MOMENTS, _TINY = (0.9, 0.999), 1e-8  # of Adam, as torch.optim.Adam has them
_FALLS = (3 / 8, 5 / 8, 7 / 8)  # fractions of the iterations after which the step is a tenth
_MARGIN, _RIDGE = 0.5, 1e-3  # of the published projection


def repaired(shared: Tree, plain: Tree) -> Tree:
    """Adds a multiple of `plain` to `shared` if they point away from each other.

    The multiple is the solution of the published quadratic program, max(1/2, -<shared, plain> / (|plain|^2 + 1e-3)).

    Args:
        shared: `{name: tensor}`.
        plain: `{name: tensor}`, the undefended gradient.
    """
    product = torch.stack([(shared[name] * value).sum() for name, value in plain.items()]).sum()
    square = torch.stack([value.square().sum() for value in plain.values()]).sum()
    multiple = torch.where(product < 0, (-product / (square + _RIDGE)).clamp(min=_MARGIN), 0.0)
    return {name: value + multiple * plain[name] for name, value in shared.items()}


@dataclass(frozen=True)
class DCS2(Defense):
    """Shares the gradient of the batch and of concealing images, which have the gradient of the private ones.

    Each of the last `sensitive` examples x of the batch has one concealing image p, which is moved by Adam to make

        1 - cos(g(p), g(x)) + exp(-separation |p - x|) + outputs |f(p) - f(x)| / |f(x)|

    small, with f the logits (means over the examples; the gradients g are those of the mean losses). It begins at the
    mixture `share` u + (1 - `share`) x, with u uniform in [0, 1], and is not kept within the range of pixels. Its
    label y' is drawn at random. What is shared is

        (share g(p, y') + (1 - share) g(p, y) + g(batch)) / 3

    with 2 in place of 3 if `share` is 0 or 1; if this points away from the gradient of the batch, `repaired` turns it.
    Nothing is proven about it. The gradient of the batch itself is in what is shared, so an attacker who optimises the
    concealing image and its label beside the private image finds the latter (`attack=dlg_concealed`).

    Departs: the authors begin at other images of the same kind, or at normal noise. Distances and steps are in units of
    pixels here, and theirs are in units of the normalised ones. Their stop at a distance of `xsim_thr` is left out.

    Args:
        sensitive: number of examples that are concealed, >= 1.
        iterations: steps of Adam, >= 1.
        lr: first step size of Adam, > 0; a tenth of it after 3/8, 5/8 and 7/8 of the iterations.
        separation: lambda_x, per unit of distance, >= 0.
        outputs: lambda_z, >= 0.
        share: lambda_y, in [0, 1].
        seed: seed of the random numbers, in addition to that of the run.

    Raises:
        ValueError: an argument is out of its range.
    """

    sensitive: int
    iterations: int
    lr: float
    separation: float
    outputs: float
    share: float
    seed: int
    level = "batch"

    def __post_init__(self) -> None:
        for name in ("sensitive", "iterations"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: must be >= 1")
        if not 0 < self.lr < math.inf:
            raise ValueError(f"lr={self.lr}: must be > 0")
        for name in ("separation", "outputs"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}={getattr(self, name)}: must be >= 0")
        if not 0 <= self.share <= 1:
            raise ValueError(f"share={self.share}: want 0 <= share <= 1, the weight of the drawn label")

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns a step that crafts the concealing images and shares the gradient of both.

        Raises:
            NotApplicable: the model reads sentences, BatchNorm normalises by the batch, another part acts before this
                one, or there are fewer examples than are to be concealed.
        """
        if isinstance(local.model, TextModel):
            raise NotApplicable("defense DCS2 moves pixels, and the model reads sentences")
        if local.batch_statistics:
            raise NotApplicable(
                "defense DCS2 computes the gradient of concealing images apart, and BatchNorm in train mode mixes them "
                "with the batch (model.mode=eval, or a model with another normalisation)"
            )
        if inner.depth:
            raise NotApplicable("defense DCS2 crafts images by the undefended gradient: name it first in a stack")
        if self.sensitive > local.batch_size:
            raise NotApplicable(
                f"defense DCS2 conceals {self.sensitive} examples: data.batch_size={local.batch_size} is fewer "
                f"(defense.sensitive={local.batch_size})"
            )
        return _Concealed(inner, self, local, inner.depth + 1)

    def gaussian_std(self, local: ClientContext) -> float | None:
        """Refuses, because what is shared is the end of an optimisation.

        Raises:
            NotApplicable: always.
        """
        raise NotApplicable(
            "defense DCS2 shares the gradient of images that an optimisation made: no derivative is taken through it"
        )

    def privacy(self, inner: Privacy | None) -> Privacy | None:
        """Returns None, because the concealing images are made from the private ones."""
        return None

    def encode(self, sent: Encoding) -> Encoding:
        """What was sent before."""
        return sent

    def step_size(self, taken: int) -> float:
        """The step size of Adam.

        Args:
            taken: number of steps before it.
        """
        return float(self.lr * 0.1 ** sum(taken >= fraction * self.iterations for fraction in _FALLS))


@dataclass(frozen=True, eq=False)
class _Concealed(ClientStep):
    inner: ClientStep
    part: DCS2
    local: ClientContext
    depth: int

    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        own, form, count = rng_of(self.part, self.inner.depth, stream), self.local.examples, self.part.sensitive
        start = own.child("start").uniform({"start": (count, *form.shape)})["start"]
        label = own.child("label").uniform({"label": (count,)})["label"]
        return start, (label * form.classes).long().clamp(max=form.classes - 1)

    def start(self, shapes: Shapes) -> Any:
        return self.inner.start(shapes)

    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        part, weight = self.part, self.part.share
        other = noise[1]
        if labels.is_floating_point():
            other = probabilities(other, self.local.examples.classes, labels.dtype)
        private, own = inputs[-part.sensitive :], labels[-part.sensitive :]

        def gradient(images: Tensor, targets: Tensor) -> Tree:
            return self.inner(parameters, buffers, images, targets, (), ())[0]

        def logits(images: Tensor) -> Tensor:
            output: Tensor = functional_call(self.local.model, (parameters, buffers), (images,))
            return output

        wanted, reached = _row(gradient(private, own)), logits(private)

        def objective(images: Tensor) -> Tensor:
            angle = cosine_distance(_row(gradient(images, other)), wanted)[0]
            apart = _lengths(images - private).mean()
            moved = (_lengths(logits(images) - reached) / _lengths(reached)).mean()
            return angle + (-part.separation * apart).exp() + part.outputs * moved

        begun = weight * noise[0].to(inputs.dtype) + (1 - weight) * private
        images = self._crafted(objective, begun)
        plain = gradient(inputs, labels)
        drawn, true = gradient(images, other), gradient(images, own)
        count = 2 if weight in (0, 1) else 3
        mixed = {
            name: (weight * drawn[name] + (1 - weight) * true[name] + value) / count for name, value in plain.items()
        }
        return repaired(mixed, plain), state

    def _crafted(self, objective: Any, images: Tensor) -> Tensor:
        slope, (early, late) = grad(objective), _MOMENTS
        first, second = torch.zeros_like(images), torch.zeros_like(images)
        for taken in range(self.part.iterations):
            found = slope(images)
            first = early * first + (1 - early) * found
            second = late * second + (1 - late) * found.square()
            size = (second / (1 - late ** (taken + 1))).sqrt() + _TINY
            images = images - self.part.step_size(taken) * first / (1 - early ** (taken + 1)) / size
        return images


def _row(gradients: Tree) -> Tree:
    return {name: value[None] for name, value in gradients.items()}


def _lengths(values: Tensor) -> Tensor:
    """`[n, ...]` -> `[n]`; the derivative of a length of zero is zero."""
    squares = values.flatten(1).square().sum(1)
    return torch.where(squares > 0, squares, 1.0).sqrt() * (squares > 0)
