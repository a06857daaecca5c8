"""ATS, automatic transformation search: Gao, Guo, Zhang, Qiu, Wen and Liu 2021 (arXiv 2011.12505).

The operations follow the authors' code (github.com/gaow0007/ATSPrivacy, autoaugment.py and policy.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.defenses.example_defense import ExampleDefense
from bench.defenses.example_form import ExampleForm
from bench.engine.rng import VictimRng

_LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, as PIL makes an image gray


def translated(images: Tensor, strength: float, axis: int) -> Tensor:
    """Shifts images by `strength` times their size along an axis; black comes in from behind.

    The shift is a whole number of pixels, as with PIL's nearest neighbour.

    Args:
        images: `[..., C, H, W]`.
        strength: share of the size; the content moves against the axis if it is positive.
        axis: -1 for columns, -2 for rows.
    """
    size = images.shape[axis]
    shift = max(-size, min(size, math.floor(strength * size + 0.5)))
    kept = images.narrow(axis, max(shift, 0), size - abs(shift))
    black = torch.zeros_like(images.narrow(axis, 0, abs(shift)))
    return torch.cat([kept, black] if shift >= 0 else [black, kept], axis)


def contrasted(images: Tensor, strength: float) -> Tensor:
    """Moves pixels away from the image's mean brightness m: m + (1 + strength) (x - m), clipped to [0, 1].

    Args:
        images: `[..., C, H, W]` in [0, 1]; with three channels the brightness is PIL's, otherwise the mean.
        strength: > -1; negative for less contrast.
    """
    weights = images.new_tensor(_LUMA).view(3, 1, 1) if images.shape[-3] == 3 else 1 / images.shape[-3]
    mean = (images * weights).sum(-3, keepdim=True).mean((-2, -1), keepdim=True)
    return (mean + (1 + strength) * (images - mean)).clamp(0, 1)


def brightened(images: Tensor, strength: float) -> Tensor:
    """(1 + strength) x, clipped to [0, 1].

    Args:
        images: `[..., C, H, W]` in [0, 1].
        strength: >= -1; negative for a darker image.
    """
    return ((1 + strength) * images).clamp(0, 1)


OPERATIONS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "translate_x": lambda images, strength: translated(images, strength, -1),
    "translate_y": lambda images, strength: translated(images, strength, -2),
    "contrast": contrasted,
    "brightness": brightened,
}


def transformed(images: Tensor, policy: list[dict[str, float]], negative: Tensor) -> Tensor:
    """The images `[B, C, H, W]` after one policy; both signs are computed, since which one is drawn differs.

    Args:
        images: `[B, C, H, W]` in [0, 1].
        policy: operations, each `{name: strength}`.
        negative: whether the strength of each operation is negative, `[B, operations]`, bool.
    """
    for place, operation in enumerate(policy):
        ((name, strength),) = operation.items()
        apply = OPERATIONS[name]
        less, more = apply(images, -strength), apply(images, strength)
        images = torch.where(_per_image(negative[:, place]), less, more)
    return images


def by_policy(images: Tensor, policies: list[list[dict[str, float]]], chosen: Tensor, negative: Tensor) -> Tensor:
    """The images `[B, C, H, W]`, each after the policy that was drawn for it.

    Args:
        images: see `transformed`.
        policies: see `ATS`.
        chosen: number of each image's policy, `[B]`.
        negative: see `transformed`.
    """
    found = images
    for place, policy in enumerate(policies):
        found = torch.where(_per_image(chosen == place), transformed(images, policy, negative), found)
    return found


@dataclass(frozen=True)
class ATS(ExampleDefense):
    """Trains on transformed images: each is given one of the policies, whose operations act one after the other.

    Each operation acts with its strength, whose sign is drawn for each image. The attacker may know the policies, but
    not the draws. What comes back is scored against the images before the transformation, so a reconstruction that
    shows the transformed image perfectly counts as its distance from the original says.

    Departs: the search for policies is not part of it. Of the code's operations only those stand here that have a
    derivative by the pixels; the code's policies 3-1-7 and 43-18-18 consist of them. Pixels are not rounded to 256
    levels, and neither is the mean brightness.

    Args:
        policies: lists of operations, each `{name: strength}` with one name of `translate_x`, `translate_y` (share of
            the size), `contrast`, `brightness`, and a strength in [0, 1].
        seed: seed of the policies and signs, in addition to that of the run.

    Raises:
        ValueError: there is no policy, an operation has another name, or a strength is out of its range.
    """

    policies: list[list[dict[str, float]]]
    seed: int
    level = "sample"
    soft = False
    of_images = True

    def __post_init__(self) -> None:
        if not self.policies or not all(self.policies):
            raise ValueError(f"policies={self.policies}: want at least one, each with at least one operation")
        for operation in [one for policy in self.policies for one in policy]:
            if len(operation) != 1 or not set(operation) <= set(OPERATIONS):
                raise ValueError(f"policies: {operation}: want one of {', '.join(OPERATIONS)} with its strength")
            (strength,) = operation.values()
            if not 0 <= strength <= 1:
                raise ValueError(f"policies: {operation}: want a strength in [0, 1]")

    @property
    def must_change(self) -> bool:
        """Whether every policy has an operation with a strength above 0."""
        return all(any(strength > 0 for one in policy for strength in one.values()) for policy in self.policies)

    def draw(self, batch_size: int, form: ExampleForm, stream: VictimRng) -> Any:
        """Draws each image's policy, `[B]` (int64), and the signs of its operations, `[B, operations]` (bool).

        Args:
            batch_size: B.
            form: see `ExampleForm`.
            stream: the random numbers of this victim and this part.
        """
        longest = max(len(policy) for policy in self.policies)
        drawn = stream.uniform({"policy": (batch_size,), "signs": (batch_size, longest)})
        return (drawn["policy"].double() * len(self.policies)).long(), drawn["signs"] < 0.5

    def change_examples(self, inputs: Tensor, labels: Tensor, noise: Any, form: ExampleForm) -> tuple[Tensor, Tensor]:
        """Returns the transformed images, and the labels as they are.

        Args:
            inputs: `[B, C, H, W]`.
            labels: `[B]`, or probabilities `[B, K]`.
            noise: what `draw` returned.
            form: see `ExampleForm`.
        """
        return by_policy(inputs, self.policies, *noise), labels


def _per_image(value: Tensor) -> Tensor:
    """`[B]` -> `[B, 1, 1, 1]`."""
    return value[:, None, None, None]
