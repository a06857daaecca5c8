"""One victim's update to a model of sentences, for attacks that treat one victim after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.messages.observation import Observation
from bench.messages.task import Language

Tree = dict[str, Tensor]


@dataclass(eq=False)
class TextUpdate:
    """What an attack sees of one victim.

    Args:
        language: what is public about the model.
        gradients: `{name: tensor}` of this victim, without a dimension V.
        parameters: as `gradients`.
        buffers: as `gradients`.
        lengths: the lengths of its sentences in tokens; None if they are not granted.
        count: B.
        length: T.
    """

    language: Language
    gradients: Tree
    parameters: Tree
    buffers: Tree
    lengths: list[int] | None
    count: int
    length: int

    @classmethod
    def of(cls, seen: Observation, position: int, dtype: torch.dtype) -> TextUpdate:
        """Takes one victim out of an observation that grants the batch size.

        Args:
            seen: the observation.
            position: position of the victim.
            dtype: type of the gradients and parameters.
        """
        assert seen.task.language is not None and seen.batch_size is not None
        return cls(
            language=seen.task.language,
            gradients={name: value[position].to(dtype) for name, value in seen.gradients.items()},
            parameters={name: value[position].to(dtype) for name, value in seen.parameters.items()},
            buffers={name: value[position] for name, value in seen.buffers.items()},
            lengths=None if seen.mask is None else seen.mask[position].sum(-1).tolist(),
            count=seen.batch_size,
            length=seen.task.input_shape[0],
        )

    @property
    def device(self) -> torch.device:
        """The device of the parameters."""
        return next(iter(self.parameters.values())).device

    @property
    def read(self) -> list[int] | None:
        """How many tokens of each sentence enter the gradient as inputs: all, but for a causal model's last one.

        That token is predicted, but nothing is predicted from it. None if lengths are not granted.
        """
        if self.lengths is None:
            return None
        return [length - 1 if self.language.head == "causal" else length for length in self.lengths]

    def alive(self, length: int) -> list[int]:
        """Returns how many sentences are known to reach each of `length` positions; 0 if lengths are not granted."""
        return [sum(one > place for one in self.read or []) for place in range(length)]

    @property
    def end(self) -> int | None:
        """The token that ends every sentence, if the tokeniser adds one; else None."""
        empty = self.language.tokenizer.encode("")
        return empty[-1] if len(empty) > 1 else None

    def laid_out(self, sentences: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Lays out sentences of tokens that enter the gradient: tokens `[B, T]`, -1 elsewhere, and mask `[B, T]`.

        A causal model's sentence has one further token, which is still unknown: there the mask is true and the token is
        -1.
        """
        tokens = torch.full((self.count, self.length), -1, device=self.device)
        mask = torch.zeros_like(tokens, dtype=torch.bool)
        for row, sentence in enumerate(sentences):
            tokens[row, : len(sentence)] = torch.tensor(sentence, dtype=torch.long, device=self.device)
            longer = self.language.head == "causal" and len(sentence) > 0
            mask[row, : len(sentence) + longer] = True
        return tokens, mask


def possible_lengths(candidates: Sequence[Sequence[int]], end: int | None) -> list[int]:
    """Returns the lengths that sentences may have, given the tokens that may stand at each position.

    A sentence may end at any position at which the end token may stand, or at any position if there is no end token. No
    position before it may be without tokens.

    Args:
        candidates: the tokens that may stand at each position.
        end: the token that ends every sentence, or None.

    Example:
        >>> possible_lengths([[7], [8, 2], [2], [], [2]], end=2)
        [2, 3]
    """
    gap = next((place for place, tokens in enumerate(candidates) if not tokens), len(candidates))
    return [place + 1 for place in range(gap) if end is None or end in candidates[place]]
