"""What the first two attention layers of a network read, and who may look at whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call

Tree = dict[str, Tensor]


class Reader(Protocol):
    """The lower end of a network of transformers, computed from any weights."""

    @property
    def weights(self) -> tuple[tuple[str, ...], ...]:
        """Names of the weights of query, key and value, a tuple a layer: of the first, of the second if there is one.

        One name where they are fused, as `Language.first_attention` has it.
        """

    @property
    def layers(self) -> int:
        """How many attention layers the network has."""

    def first(self, parameters: Tree, tokens: Tensor) -> Tensor:
        """What the first attention layer reads: tokens `[..., T]` -> `[..., T, D]`."""

    def second(self, parameters: Tree, tokens: Tensor, mask: Tensor) -> Tensor:
        """What the second reads: tokens and mask `[B, T]` -> `[B, T, D]`."""


@dataclass(frozen=True, eq=False)
class Encoder:
    """BERT, RoBERTa and their like: word, position and type embeddings, normalised once, go into every projection.

    Args:
        base: the network without its head. name: what its parameters' names begin with in the whole model.
        words: name of the word embedding. causal: whether positions look at those before them only.
        weights, layers: see `Reader`.
    """

    base: Any
    name: str
    words: str
    causal: bool
    weights: tuple[tuple[str, ...], ...]
    layers: int

    def first(self, parameters: Tree, tokens: Tensor) -> Tensor:
        """See `Reader`."""
        flat = tokens.reshape(-1, tokens.shape[-1])
        embedded = nn.functional.embedding(flat, parameters[self.words])
        inside = _inside(parameters, f"{self.name}embeddings.")
        states: Tensor = functional_call(self.base.embeddings, inside, (), {"inputs_embeds": embedded})
        return states.reshape(*tokens.shape, -1)

    def second(self, parameters: Tree, tokens: Tensor, mask: Tensor) -> Tensor:
        """See `Reader`."""
        states = self.first(parameters, tokens)
        inside = _inside(parameters, f"{self.name}encoder.layer.0.")
        seen = additive(mask, states.dtype, self.causal)
        return _tensor(functional_call(self.base.encoder.layer[0], inside, (states, seen)))


@dataclass(frozen=True, eq=False)
class Decoder:
    """GPT-2: word and position embeddings, normalised in front of each fused projection.

    Args:
        base, name, words, causal, weights, layers: as of `Encoder`.
    """

    base: Any
    name: str
    words: str
    causal: bool
    weights: tuple[tuple[str, ...], ...]
    layers: int

    def first(self, parameters: Tree, tokens: Tensor) -> Tensor:
        """See `Reader`."""
        return self._normalised(parameters, self._embedded(parameters, tokens), 0)

    def second(self, parameters: Tree, tokens: Tensor, mask: Tensor) -> Tensor:
        """See `Reader`."""
        states = self._embedded(parameters, tokens)
        inside = _inside(parameters, f"{self.name}h.0.")
        seen = additive(mask, states.dtype, self.causal)
        states = _tensor(functional_call(self.base.h[0], inside, (states, None, seen)))
        return self._normalised(parameters, states, 1)

    def _embedded(self, parameters: Tree, tokens: Tensor) -> Tensor:
        words = nn.functional.embedding(tokens, parameters[self.words])
        return words + parameters[f"{self.name}wpe.weight"][: tokens.shape[-1]]

    def _normalised(self, parameters: Tree, states: Tensor, layer: int) -> Tensor:
        inside = _inside(parameters, f"{self.name}h.{layer}.ln_1.")
        normalised: Tensor = functional_call(self.base.h[layer].ln_1, inside, (states,))
        return normalised


def reader_of(model: nn.Module, base: Any, words: str, causal: bool) -> Reader | None:
    """What reads the lower end of `base`; None where its architecture is neither of those known here.

    Args:
        model: the whole model, which parameters are named after. base: the network of transformers without its head.
        words: name of the word embedding. causal: whether positions look at those before them only.
    """
    name = next((f"{name}." for name, module in model.named_modules() if module is base), None)
    if name is None:
        return None
    if _is_encoder(base):
        layers = base.encoder.layer
        parts = ("query", "key", "value")
        weights = tuple(
            tuple(f"{name}encoder.layer.{i}.attention.self.{part}.weight" for part in parts)
            for i in range(min(2, len(layers)))
        )
        return Encoder(base, name, words, causal, weights, len(layers))
    if _is_decoder(base):
        fused = tuple((f"{name}h.{i}.attn.c_attn.weight",) for i in range(min(2, len(base.h))))
        return Decoder(base, name, words, causal, fused, len(base.h))
    return None


def _is_encoder(base: Any) -> bool:
    if not all(hasattr(base, part) for part in ("embeddings", "encoder")) or hasattr(base, "embeddings_project"):
        return False
    layers = getattr(base.encoder, "layer", None)
    attention = getattr(getattr(layers[0], "attention", None), "self", None) if layers else None
    return all(isinstance(getattr(attention, part, None), nn.Linear) for part in ("query", "key", "value"))


def _is_decoder(base: Any) -> bool:
    if not all(hasattr(base, part) for part in ("wte", "wpe", "h")):
        return False
    fused = getattr(getattr(base.h[0], "attn", None), "c_attn", None)
    return type(fused).__name__ == "Conv1D" and hasattr(base.h[0], "ln_1")


def _inside(parameters: Tree, name: str) -> Tree:
    """The parameters of the part of this name, named as the part names them."""
    return {key[len(name) :]: value for key, value in parameters.items() if key.startswith(name)}


def _tensor(output: Any) -> Tensor:
    """Some versions of transformers return states alone, others a tuple that begins with them."""
    found: Tensor = output if isinstance(output, Tensor) else output[0]
    return found


def additive(mask: Tensor, dtype: torch.dtype, causal: bool) -> Tensor:
    """`[B, 1, T, T]`: 0 where the position of a row may look at that of a column, the most negative number elsewhere.

    Args:
        mask: `[B, T]`, bool, True at tokens.
        dtype: of the attention scores.
        causal: whether positions look at those before them only.

    Example:
        >>> additive(torch.tensor([[True, True, False]]), torch.float32, causal=True)[0, 0] == 0
        tensor([[ True, False, False],
                [ True,  True, False],
                [ True,  True, False]])
    """
    length = mask.shape[1]
    seen = mask[:, None, None, :].expand(-1, 1, length, -1)
    if causal:
        seen = seen & torch.ones(length, length, dtype=torch.bool, device=mask.device).tril()
    zero = torch.zeros((), dtype=dtype, device=mask.device)
    return torch.where(seen, zero, torch.full_like(zero, torch.finfo(dtype).min))
