"""What is public about the training step: enough to compute a gradient for inputs of the attacker's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from bench.messages.base import Message
from bench.messages.columns import TableColumns
from bench.messages.structure import ChainLayer, PatchAttention


class TokenizerProtocol(Protocol):
    """Splits a sentence into tokens of a vocabulary, and joins tokens again. It belongs to the model, and so is public.

    Attributes:
        pad: the token that fills up a sentence.
        mask: the token that hides another one; None if the vocabulary has none.
        special: tokens that belong to no sentence (padding, start, end, mask).
    """

    pad: int
    mask: int | None
    special: frozenset[int]

    @property
    def digest(self) -> str:
        """A hash that is equal for two tokenisers only if they behave alike."""

    def __len__(self) -> int: ...

    def encode(self, sentence: str) -> list[int]:
        """Returns the tokens of a sentence, with those that the model expects at its start and end."""

    def decode(self, tokens: Sequence[int]) -> str:
        """Returns the words of a sentence, without special tokens."""

    def allowed(self) -> list[bool]:
        """Says for each token of the vocabulary whether it can be part of a sentence."""


@dataclass(frozen=True, eq=False)
class Language:
    """What is public about a model that reads sentences.

    Args:
        head: what it predicts: `classification` (one class per sentence), or tokens, `masked` or `causal`.
        embedding: name of the parameter whose rows are the word embeddings `[N, D]`.
        position: name of the learned position embeddings `[positions, D]`, or None.
        tied: whether the word embedding is also the output layer.
        looks_back: whether a position sees only positions before it.
        tokenizer: see `TokenizerProtocol`.
        first_input: `(parameters, tokens [..., T]) -> [..., T, D]` of one victim: the inputs of the first attention
            layer, each position on its own (embeddings, and a normalisation if there is one). None if they are not
            known.
        first_attention: names of the weights of the first attention layer: query, key and value, `[out, D]` each, or
            one name `[D, 3 out]` if they are fused (GPT-2). Empty if they are not known.
        second_input: `(parameters, tokens [B, T], mask [B, T]) -> [B, T, D]`: the inputs of the second attention layer.
            None if they are not known, or if there is no such layer.
        second_attention: as `first_attention`.
        attention_layers: number of attention layers; None if it is not known.
        hidden: share of the tokens that a masked language model has to predict, in [0, 1]; they are replaced by the
            mask token.
    """

    head: str
    embedding: str
    position: str | None
    tied: bool
    looks_back: bool
    tokenizer: TokenizerProtocol
    first_input: Callable[[dict[str, Tensor], Tensor], Tensor] | None
    first_attention: tuple[str, ...]
    second_input: Callable[[dict[str, Tensor], Tensor, Tensor], Tensor] | None
    second_attention: tuple[str, ...]
    attention_layers: int | None
    hidden: float


@dataclass(eq=False)
class Task(Message):
    """What the attacker knows of the training step: enough to compute a gradient for its own inputs.

    Args:
        gradient: `(parameters, buffers, inputs, targets) -> {name: gradient}` for one victim, without a dimension V
            (the engine maps it over victims), for the parameters that the client trains. What is granted of the
            client's step and can be computed (local steps, label smoothing) is part of it. `inputs` are images
            `[B, C, H, W]`, rows `[B, F]`, series `[B, C, T]`, or sentences as `bench.models.text.base.pack` makes them
            of tokens or of embeddings.
            `targets` are class indices `[B]` or probabilities `[B, K]`; for language models, they are tokens `[B, T]`
            (-100 at places without a prediction) or probabilities `[B, T, K]`.
        input_shape: `(C, H, W)` of images, `(T,)` of sentences, `(F,)` of rows, `(C, T)` of series.
        classes: number of classes (for a language model, of tokens); None if it is not granted.
        input_range: the interval of inputs; None if it is not granted. Rows and series have no bounds: theirs is the
            interval of what is usual, from which dummies start and from which noise is drawn.
        has_buffers: whether the model has any buffers (normalisation constants and running statistics).
        last_linear: name of the weight of a linear layer that ends the model (its rows are classes), or None.
        last_bias: name of that layer's bias, or None.
        mappable: whether `gradient` can be mapped over victims with `torch.func.vmap`.
        language: what is public about a model that reads sentences; None for images.
        unit: the factor by which local steps and sums over clients make the shared update longer than a gradient, such
            as learning rate times steps; `gradient` includes the same factor. It is 1 if a gradient is shared, and None
            if the factor is not granted.
        hard_labels: the end of a sentence that says why `gradient` takes only class indices, or why it gives another
            gradient for one-hot probabilities. None if it takes probabilities like indices.
        chain: the layers of a model of images in their order, if each reads what the one before it returns; else None.
        patches: the start of a vision transformer, if the model has such a start; else None.
        statistics: `(parameters, buffers, inputs) -> {layer name: [2, C]}` of one victim: the mean and variance per
            channel of what enters each BatchNorm layer (`bench.models.batch_statistics`); None if there is no such
            layer, and for sentences.
        epochs: E, how often the client's local training goes through the batch, if that is granted; else None.
        by_epoch: as `gradient`, for `inputs` `[B, E, ...]`: each example has an input of its own in each local epoch,
            and every epoch takes the examples in the order of the batch. None without `epochs`.
        columns: what the numbers of a row are, granted with the range of inputs; None if the data are no rows.
    """

    gradient: Callable[..., dict[str, Tensor]]
    input_shape: tuple[int, ...]
    classes: int | None
    input_range: tuple[float, float] | None
    has_buffers: bool = False
    last_linear: str | None = None
    last_bias: str | None = None
    mappable: bool = True
    language: Language | None = None
    unit: float | None = 1.0
    hard_labels: str | None = None
    chain: tuple[ChainLayer, ...] | None = None
    patches: PatchAttention | None = None
    statistics: Callable[..., dict[str, Tensor]] | None = None
    epochs: int | None = None
    by_epoch: Callable[..., dict[str, Tensor]] | None = None
    columns: TableColumns | None = None

    @property
    def kind(self) -> str:
        """What the private data are, by their form: `images`, `sentences`, `rows` or `series`."""
        if self.language is not None:
            return "sentences"
        return {1: "rows", 2: "series"}.get(len(self.input_shape), "images")
