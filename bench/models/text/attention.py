"""The inputs of a network's first two attention layers, and which positions attend to which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call

Tree = dict[str, Tensor]


class Reader(Protocol):
    """Computes the inputs of the first two attention layers of a network of transformers, from any weights."""

    @property
    def weights(self) -> tuple[tuple[str, ...], ...]:
        """Names of the weights of query, key and value: one tuple for the first layer, and one for the second if any.

        A tuple has one name if the weights are fused, see `Language.first_attention`.
        """

    @property
    def layers(self) -> int:
        """The number of attention layers of the network."""

    def first(self, parameters: Tree, tokens: Tensor) -> Tensor:
        """Returns the inputs of the first attention layer: tokens `[..., T]` -> `[..., T, D]`."""

    def second(self, parameters: Tree, tokens: Tensor, mask: Tensor) -> Tensor:
        """Returns the inputs of the second attention layer, `[B, T, D]`.

        Args:
            parameters: `{name: tensor}` of the whole model.
            tokens: `[B, T]`.
            mask: `[B, T]`, bool, true at tokens.
        """


@dataclass(frozen=True, eq=False)
class Encoder:
    """BERT, RoBERTa and similar networks: the sum of word, position and type embeddings is normalised once.

    Args:
        base: the network without its head.
        name: what the names of its parameters begin with in the whole model.
        words: name of the word embedding.
        causal: whether positions attend only to those before them.
        weights: see `Reader`.
        layers: see `Reader`.
    """

    base: Any
    name: str
    words: str
    causal: bool
    weights: tuple[tuple[str, ...], ...]
    layers: int

    def first(self, parameters: Tree, tokens: Tensor) -> Tensor:
        """Returns the inputs of the first attention layer: tokens `[..., T]` -> `[..., T, D]`."""
        flat = tokens.reshape(-1, tokens.shape[-1])
        embedded = nn.functional.embedding(flat, parameters[self.words])
        inside = _inside(parameters, f"{self.name}embeddings.")
        states: Tensor = functional_call(self.base.embeddings, inside, (), {"inputs_embeds": embedded})
        return states.reshape(*tokens.shape, -1)

    def second(self, parameters: Tree, tokens: Tensor, mask: Tensor) -> Tensor:
        """Returns the inputs of the second attention layer, `[B, T, D]`.

        Args:
            parameters: `{name: tensor}` of the whole model.
            tokens: `[B, T]`.
            mask: `[B, T]`, bool, true at tokens.
        """
        states = self.first(parameters, tokens)
        inside = _inside(parameters, f"{self.name}encoder.layer.0.")
        seen = additive(mask, states.dtype, self.causal)
        return _tensor(functional_call(self.base.encoder.layer[0], inside, (states, seen)))


@dataclass(frozen=True, eq=False)
class Decoder:
    """GPT-2: the sum of word and position embeddings is normalised before each fused projection.

    Args:
        base: see `Encoder`.
        name: see `Encoder`.
        words: see `Encoder`.
        causal: see `Encoder`.
        weights: see `Reader`.
        layers: see `Reader`.
    """

    base: Any
    name: str
    words: str
    causal: bool
    weights: tuple[tuple[str, ...], ...]
    layers: int

    def first(self, parameters: Tree, tokens: Tensor) -> Tensor:
        """Returns the inputs of the first attention layer: tokens `[..., T]` -> `[..., T, D]`."""
        return self._normalised(parameters, self._embedded(parameters, tokens), 0)

    def second(self, parameters: Tree, tokens: Tensor, mask: Tensor) -> Tensor:
        """Returns the inputs of the second attention layer, `[B, T, D]`.

        Args:
            parameters: `{name: tensor}` of the whole model.
            tokens: `[B, T]`.
            mask: `[B, T]`, bool, true at tokens.
        """
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
    """Makes the reader for `base`; None if its architecture is not known here.

    Args:
        model: the whole model, in which parameters have their names.
        base: the network of transformers without its head.
        words: name of the word embedding.
        causal: whether positions attend only to those before them.
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
    """The parameters of the part whose names begin with `name`, named as that part names them."""
    return {key[len(name) :]: value for key, value in parameters.items() if key.startswith(name)}


def _tensor(output: Any) -> Tensor:
    """Returns the states: some versions of transformers return them alone, others as the first entry of a tuple."""
    found: Tensor = output if isinstance(output, Tensor) else output[0]
    return found


def additive(mask: Tensor, dtype: torch.dtype, causal: bool) -> Tensor:
    """Returns the mask that is added to attention scores, `[B, 1, T, T]`.

    It is 0 if the position of the row may attend to that of the column, and the most negative number otherwise.

    Args:
        mask: `[B, T]`, bool, true at tokens.
        dtype: type of the attention scores.
        causal: whether positions attend only to those before them and themselves.

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
