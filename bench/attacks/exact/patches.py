"""The start of a vision transformer for one victim, in float64: from tokens back to the image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.messages.structure import PatchAttention


@dataclass(frozen=True, eq=False)
class Patches:
    """What is public about the tokens h = [class token; patches P^T + b] + E, and the gradients of what reads them.

    Args:
        structure: the names behind it.
        shape: `(C, H, W)` of an image.
        positions: E, `[T, D]`.
        token: the class token, `[D]`, or None.
        weight: P, `[D, C p p]`.
        bias: b, `[D]`, or None.
        position_gradient: dL/dE, `[T, D]`, or zeros if it is not shared.
        readers: for each layer that reads the tokens, its weight and that weight's gradient, `[.., D]` each.
        norm: weight and bias `[D]` of the LayerNorm through which the tokens are read, or None.
        normalise: mean and standard deviation by which the image is normalised beforehand, or None.
    """

    structure: PatchAttention
    shape: tuple[int, ...]
    positions: Tensor
    token: Tensor | None
    weight: Tensor
    bias: Tensor | None
    position_gradient: Tensor
    readers: tuple[tuple[Tensor, Tensor], ...]
    norm: tuple[Tensor, Tensor] | None
    normalise: tuple[Tensor, Tensor] | None

    @classmethod
    def of(cls, seen: Observation, position: int) -> Patches:
        """Takes one victim's from an observation whose model starts with patches.

        Args:
            seen: the observation.
            position: of the victim in it.
        """
        found = seen.task.patches
        assert found is not None

        def held(name: str) -> Tensor:
            return seen.parameters[name][position].double()

        positions = held(found.position)
        width = positions.shape[-1]
        shared = seen.gradients.get(found.position)
        slope = torch.zeros_like(positions) if shared is None else shared[position].double()
        constants = None
        if found.normalise is not None:
            mean, std = (seen.buffers[name][position].double() for name in found.normalise)
            constants = (mean, std)
        return cls(
            structure=found,
            shape=seen.task.input_shape,
            positions=positions.reshape(-1, width),
            token=None if found.token is None else held(found.token).flatten(),
            weight=held(found.patch).flatten(1),
            bias=None if found.bias is None else held(found.bias),
            position_gradient=slope.reshape(-1, width),
            readers=tuple((held(name), seen.gradients[name][position].double()) for name in found.readers),
            norm=None if found.norm is None else (held(found.norm.weight), held(found.norm.bias)),
            normalise=constants,
        )

    def check_embedding(self, attack: str) -> None:
        """Refuses an embedding that loses part of a patch.

        Args:
            attack: the name of the attack, for the message.

        Raises:
            NotApplicable: the rank of the embedding is below the number of pixels of a patch.
        """
        width, pixels = self.weight.shape
        rank = int(torch.linalg.matrix_rank(self.weight)) if width >= pixels else width
        if rank < pixels:
            raise NotApplicable(
                f"attack {attack} cannot invert layer '{self.structure.patch}' of the model: it embeds the {pixels} "
                f"pixels of a patch with rank {rank} (model.width, model.patch)"
            )

    @property
    def known(self) -> Tensor:
        """The part of the tokens that does not depend on the image, `[N, D]` for the N patches: E and b."""
        rows = self.positions if self.token is None else self.positions[1:]
        return rows if self.bias is None else rows + self.bias

    def image(self, tokens: Tensor) -> Tensor:
        """The image `[C, H, W]` of tokens h `[T, D]`, or of those of its patches only, `[N, D]`, by least squares."""
        embedded = tokens[len(tokens) - len(self.known) :] - self.known
        pixels = torch.linalg.lstsq(self.weight, embedded.T).solution  # [C p p, N]
        side = self.structure.side
        image = functional.fold(pixels[None], self.shape[1:], side, stride=side)[0]
        if self.normalise is not None:
            mean, std = self.normalise
            image = image * std + mean
        return image
