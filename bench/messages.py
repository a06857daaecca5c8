"""The messages between the parties: `Victims` -> client -> `Observation` -> attack -> `Reconstruction` -> scorer.

They are dataclasses with `eq=False`, since a comparison of tensors has no single truth value. Each checks its shapes
when it is made, and has its own `.to()`, with which Lightning moves batches. `V` is the number of victims (independent
updates), `B` the number of examples in each private batch.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

T = TypeVar("T", bound="Message")

NO_TARGET = -100  # label of a place at which nothing is predicted; torch's cross entropy ignores this number


class Status(enum.Enum):
    """How the work on one victim ended; the value is the word that the tables print."""

    CONVERGED = "converged"
    BUDGET = "budget"
    DIVERGED = "diverged"
    NONFINITE = "nonfinite"
    OUT_OF_MEMORY = "out_of_memory"
    ERROR = "error"
    NOT_APPLICABLE = "not_applicable"

    @property
    def sentence(self) -> str:
        """The meaning of the status, as a full sentence for the reader."""
        return _SENTENCES[self]

    @property
    def failed(self) -> bool:
        """Whether the victim counts as a failure of the run; a run that converged to a wrong image is not a failure."""
        return self not in (Status.CONVERGED, Status.BUDGET)


_SENTENCES = {
    Status.CONVERGED: "a stopping rule of the attack was met",
    Status.BUDGET: "the budget of iterations or evaluations was used up",
    Status.DIVERGED: (
        "the objective ended above its start or above ten times its best, or was not finite, or the inputs ended more "
        "than ten ranges outside their range; the best finite iterate was kept"
    ),
    Status.NONFINITE: "the objective or its gradient was not finite from the start",
    Status.OUT_OF_MEMORY: "the device ran out of memory",
    Status.ERROR: "an exception was raised",
    Status.NOT_APPLICABLE: "the attack cannot serve this model or threat model",
}


def _move(value: Any, device: torch.device | str) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: _move(item, device) for key, item in value.items()}
    return value


class Message:
    """A dataclass of tensors that Lightning can move to a device."""

    def to(self: T, device: torch.device | str) -> T:
        """Returns the same message with every tensor on `device`."""
        changes = {f.name: _move(getattr(self, f.name), device) for f in fields(self) if f.init}  # type: ignore[arg-type]
        return replace(self, **changes)  # type: ignore[type-var]


def rows_of(value: Tensor, index: Tensor) -> Tensor:
    """Returns `value[index]` of `[V, ...]`, without a copy if all rows are one expanded tensor (a shared model)."""
    return value[:1].expand(len(index), *value.shape[1:]) if value.stride(0) == 0 else value[index]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclass(eq=False)
class Victims(Message):
    """V private batches of B examples: the truth, which only the client and the scorer receive.

    Args:
        inputs: images `[V, B, C, H, W]` in [0, 1], not normalised (that is the model's first layer), or sentences
            `[V, B, T]`, int64: the tokens that the model is given.
        labels: `[V, B]`, int64, class indices. If a language model predicts tokens, `[V, B, T]`: the token at each
            place that is to be predicted, and -100 (`NO_TARGET`) elsewhere.
        ids: `[V]`, int64. Victim `i` is the same batch for every attack.
        samples: `[V, B]`, int64, the number of each example in the dataset.
        repeats: `[V]`, int64, how often the whole dataset had been dealt before this victim; 0 means that its examples
            are new.
        mask: `[V, B, T]`, bool, for sentences: true at tokens, false at padding. None for images.

    Raises:
        ValueError: shapes disagree, or images leave [0, 1].
    """

    inputs: Tensor
    labels: Tensor
    ids: Tensor
    samples: Tensor
    repeats: Tensor
    mask: Tensor | None = None

    def __post_init__(self) -> None:
        v, b = self.inputs.shape[:2]
        if self.mask is None:
            self._check_images()
        else:
            self._check_sentences(self.mask)
        _require(self.samples.shape == (v, b), f"samples: want [{v}, {b}], got {list(self.samples.shape)}")
        _require(self.ids.shape == (v,), f"ids: want [{v}], got {list(self.ids.shape)}")
        _require(self.repeats.shape == (v,), f"repeats: want [{v}], got {list(self.repeats.shape)}")

    def _check_images(self) -> None:
        v, b = self.inputs.shape[:2]
        _require(self.inputs.dim() == 5, f"inputs: want [V, B, C, H, W], got {list(self.inputs.shape)}")
        _require(self.labels.shape == (v, b), f"labels: want [{v}, {b}], got {list(self.labels.shape)}")
        if v:
            low, high = self.inputs.min().item(), self.inputs.max().item()
            _require(low >= 0.0 and high <= 1.0, f"inputs: want values in [0, 1], got [{low:.3g}, {high:.3g}]")

    def _check_sentences(self, mask: Tensor) -> None:
        shape, labels = self.inputs.shape, self.labels.shape
        whole = self.inputs.dim() == 3 and self.inputs.dtype == torch.int64
        _require(whole, f"inputs: want int64 tokens [V, B, T], got {self.inputs.dtype} {list(shape)}")
        _require(mask.shape == shape, f"mask: want {list(shape)}, got {list(mask.shape)}")
        _require(mask.dtype == torch.bool, f"mask: want bool, got {mask.dtype}")
        _require(labels in (shape, shape[:2]), f"labels: want {list(shape[:2])} or {list(shape)}, got {list(labels)}")

    def __len__(self) -> int:
        return self.inputs.shape[0]

    @property
    def sentences(self) -> Tensor:
        """`[V, B, T]`, the private tokens: those given to the model, and those to predict in their places."""
        if self.labels.dim() == 2:
            return self.inputs
        return torch.where(self.labels == NO_TARGET, self.inputs, self.labels)

    @property
    def classes(self) -> Tensor:
        """`[V, B]`, the class of each example; -1 if the model predicts tokens."""
        return self.labels if self.labels.dim() == 2 else torch.full_like(self.samples, -1)


class Tokenizer(Protocol):
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
        tokenizer: see `Tokenizer`.
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
    tokenizer: Tokenizer
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
            (the engine maps it over victims), for the parameters that the client trains. `inputs` are images
            `[B, C, H, W]`, or sentences as `bench.models.text.base.pack` makes them of tokens or of embeddings.
            `targets` are class indices `[B]` or probabilities `[B, K]`; for language models, they are tokens `[B, T]`
            (-100 at places without a prediction) or probabilities `[B, T, K]`.
        input_shape: `(C, H, W)` of images, `(T,)` of sentences.
        classes: number of classes (for a language model, of tokens); None if it is not granted.
        input_range: the interval of inputs; None if it is not granted.
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


@dataclass(eq=False)
class Observation(Message):
    """All that an attack receives; what the threat model does not grant is None or absent.

    Args:
        gradients: `{parameter name: [V, ...]}`, what the client shared after its defences, for the parameters that it
            trains. The word embedding is left out if the threat model withholds it. Empty if the mean image is granted.
        parameters: `{parameter name: [V, ...]}` at that moment, those that are frozen included; they are public.
        buffers: `{buffer name: [V, ...]}`, empty if the model has none or they are not granted.
        ids: `[V]`, int64, public numbers of the updates; they seed the attacker's own random numbers.
        task: see `Task`.
        batch_size: B, or None.
        labels: as `Victims.labels`, or None.
        mask: `[V, B, T]`, bool, true at the tokens of each sentence; None if lengths are not granted.
        surrogate: sentences of the same kind, as tokens, none of them a victim's; None if they are not granted.
        mean_image: `[C, H, W]`, the mean of a public dataset, granted in place of the gradient to a control that needs
            it.
        defense: what is known of the client's defences: one mapping per part, in the order in which the parts act, with
            `defense` (its class's name), `position`, `level` and its parameters, without seeds. None if it is not
            granted.

    Raises:
        ValueError: shapes disagree.
    """

    gradients: dict[str, Tensor]
    parameters: dict[str, Tensor]
    buffers: dict[str, Tensor]
    ids: Tensor
    task: Task
    batch_size: int | None = None
    labels: Tensor | None = None
    mask: Tensor | None = None
    surrogate: tuple[tuple[int, ...], ...] | None = None
    mean_image: Tensor | None = None
    defense: tuple[Mapping[str, Any], ...] | None = None

    def __post_init__(self) -> None:
        v = self.ids.shape[0]
        for group in (self.gradients, self.parameters, self.buffers):
            for name, value in group.items():
                _require(value.shape[:1] == (v,), f"{name}: want [{v}, ...], got {list(value.shape)}")

    def __len__(self) -> int:
        return self.ids.shape[0]

    def take(self, index: Tensor) -> Observation:
        """Returns the observation of the victims at the positions `index` only."""
        return replace(
            self,
            gradients={name: value[index] for name, value in self.gradients.items()},
            parameters={name: rows_of(value, index) for name, value in self.parameters.items()},
            buffers={name: rows_of(value, index) for name, value in self.buffers.items()},
            ids=self.ids[index],
            labels=None if self.labels is None else self.labels[index],
            mask=None if self.mask is None else self.mask[index],
        )


@dataclass(eq=False)
class Reconstruction(Message):
    """What an attack reconstructs for the victims `ids` (any subset of an observation's victims, in any order).

    Args:
        ids: `[V]`, int64.
        inputs: images `[V, B, C, H, W]`, which may leave [0, 1] and may hold non-finite values, or sentences
            `[V, B, T]`, int64 tokens, -1 where no token is claimed.
        labels: `[V, B]`, int64; -1 if the attack makes no claim.
        objective: `[V]`, the attacker's own objective at the returned iterate (NaN if it has none).
        iterations: `[V]`, int64, summed over restarts.
        evaluations: `[V]`, int64, evaluations of the objective's value and gradient, summed over restarts.
        seconds: `[V]`, wall time, summed over restarts; victims worked on at once share it equally.
        status: one `Status` per victim.
        trace: a few iterates of the run; empty if the attack keeps none. `moments` `[V, M]` are iteration numbers (-1
            at unused entries). `images` `[V, M, B, C, H, W]` are the iterates there; for sentences, `tokens`
            `[V, M, B, T]` (-1 where none is claimed). `curve_at` `[V, K]` are iteration numbers (-1 at unused entries),
            and `curve` `[V, K]` the objective there.

    Raises:
        ValueError: shapes disagree.
    """

    ids: Tensor
    inputs: Tensor
    labels: Tensor
    objective: Tensor
    iterations: Tensor
    evaluations: Tensor
    seconds: Tensor
    status: list[Status]
    trace: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        v, b = self.inputs.shape[:2]
        known = self.inputs.dim() == 5 or (self.inputs.dim() == 3 and self.inputs.dtype == torch.int64)
        _require(known, f"inputs: want [V, B, C, H, W], or int64 tokens [V, B, T], got {list(self.inputs.shape)}")
        _require(self.labels.shape == (v, b), f"labels: want [{v}, {b}], got {list(self.labels.shape)}")
        for name in ("ids", "objective", "iterations", "evaluations", "seconds"):
            _require(getattr(self, name).shape == (v,), f"{name}: want [{v}], got {list(getattr(self, name).shape)}")
        _require(len(self.status) == v, f"status: want {v} entries, got {len(self.status)}")

    def __len__(self) -> int:
        return self.inputs.shape[0]

    def each(self) -> Iterator[Reconstruction]:
        """Yields the reconstructions of the victims one by one, in order."""
        for v in range(len(self)):
            of = slice(v, v + 1)
            yield Reconstruction(
                ids=self.ids[of],
                inputs=self.inputs[of],
                labels=self.labels[of],
                objective=self.objective[of],
                iterations=self.iterations[of],
                evaluations=self.evaluations[of],
                seconds=self.seconds[of],
                status=self.status[of],
                trace={name: value[of] for name, value in self.trace.items()},
            )
