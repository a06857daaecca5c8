"""What travels between the parties: `Victims` -> client -> `Observation` -> attack -> `Reconstruction` -> scorer.

Dataclasses with `eq=False` (tensors have no truth value), shape checks where they are made, and a `.to()` of their own
(Lightning moves batches with it). `V` counts victims (independent updates), `B` the examples in each private batch.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

T = TypeVar("T", bound="Message")

NO_TARGET = -100  # a label where nothing is to be predicted; the number that torch's cross entropy leaves out


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
        """What the status says, in words."""
        return _SENTENCES[self]

    @property
    def failed(self) -> bool:
        """Whether the victim counts as a failure of the run (a converged run to a wrong image is not one)."""
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
        """The same message with every tensor on `device`."""
        changes = {f.name: _move(getattr(self, f.name), device) for f in fields(self) if f.init}  # type: ignore[arg-type]
        return replace(self, **changes)  # type: ignore[type-var]


def rows_of(value: Tensor, index: Tensor) -> Tensor:
    """`value[index]` of `[V, ...]`, without copies where all rows are one (a model shared by all victims, expanded)."""
    return value[:1].expand(len(index), *value.shape[1:]) if value.stride(0) == 0 else value[index]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclass(eq=False)
class Victims(Message):
    """V private batches of B examples: the truth. Goes to the client and to the scorer, and to nobody else.

    Args:
        inputs: images `[V, B, C, H, W]` in [0, 1] (no normalisation: that is the model's first layer), or sentences
            `[V, B, T]`, int64: the tokens that the model is given.
        labels: `[V, B]`, int64, class indices; `[V, B, T]` where a language model predicts tokens: the token at each
            position that is to be predicted, -100 (`NO_TARGET`) elsewhere.
        ids: `[V]`, int64. Victim `i` is the same batch for every attack.
        samples: `[V, B]`, int64, which example of the dataset each one is.
        repeats: `[V]`, int64, how often the dataset had been dealt out completely before this victim (0: never, so
            its images are new).
        mask: `[V, B, T]`, bool, of sentences: True at tokens, False at padding. None for images.

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
        """`[V, B, T]`, the private tokens: those that the model has to predict in place of what it is given there."""
        if self.labels.dim() == 2:
            return self.inputs
        return torch.where(self.labels == NO_TARGET, self.inputs, self.labels)

    @property
    def classes(self) -> Tensor:
        """`[V, B]`, the class of each example; -1 where tokens are predicted."""
        return self.labels if self.labels.dim() == 2 else torch.full_like(self.samples, -1)


class Tokenizer(Protocol):
    """Cuts a sentence into the pieces of a vocabulary, and puts pieces together again. Belongs to the model: public.

    `pad` fills a sentence up; `mask` hides a token (None where the vocabulary has no such piece); `special` are the
    pieces that belong to no sentence (padding, start, end, mask).
    """

    pad: int
    mask: int | None
    special: frozenset[int]

    @property
    def digest(self) -> str:
        """The same for the same behaviour only."""

    def __len__(self) -> int: ...

    def encode(self, sentence: str) -> list[int]:
        """The tokens, with those that the model wants at start and end."""

    def decode(self, tokens: Sequence[int]) -> str:
        """The words of a sentence without special tokens."""

    def allowed(self) -> list[bool]:
        """For each token, whether it can be part of a sentence."""


@dataclass(frozen=True, eq=False)
class Language:
    """What is public about a model that reads sentences.

    Args:
        head: what it predicts: `classification` (one class a sentence), `masked` or `causal` (tokens).
        embedding: name of the parameter whose rows are the word embeddings `[N, D]`.
        position: name of the learned position embeddings `[positions, D]`, or None.
        tied: whether the output layer is the word embedding too.
        looks_back: whether a position sees only those before it.
        tokenizer: see `Tokenizer`.
        first_input: `(parameters, tokens [..., T]) -> [..., T, D]` of one victim, what the first attention layer reads
            (each position alone: embeddings, and a normalisation where there is one); None where it is not known.
        first_attention: names of the weights that the first attention layer multiplies it with: query, key and value,
            `[out, D]` each; or one name where they are fused, `[D, 3 out]` (GPT-2); () where they are not known.
        second_input: `(parameters, tokens [B, T], mask [B, T]) -> [B, T, D]`, what the second attention layer reads;
            None where it is not known, or there is none.
        second_attention: as `first_attention`.
        attention_layers: how many attention layers there are; None where it is not known.
        hidden: share of the tokens that a masked language model has to predict, hidden behind the mask token.
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
    """What the attacker knows of the training step: enough to compute a gradient for inputs of its own.

    Args:
        gradient: `(parameters, buffers, inputs, targets) -> {name: gradient}` for one victim, without a V dimension
            (the engine maps it over victims); of those parameters that the client trains. `inputs` are images
            `[B, C, H, W]`, or sentences as `bench.models.text.base.pack` makes them of tokens or of embeddings;
            `targets` are class indices `[B]` or probabilities `[B, K]`, of language models tokens `[B, T]` (-100 where
            nothing is predicted) or probabilities `[B, T, K]`.
        input_shape: `(C, H, W)`, or `(T,)` of sentences.
        classes: how many classes there are (of a language model, tokens); None where it is not granted.
        input_range: the interval that inputs lie in; None where the threat model does not grant it.
        has_buffers: whether the model has buffers at all (normalisation constants and running statistics).
        last_linear: name of the weight of a linear layer that ends the model (rows are classes), or None.
        last_bias: name of that layer's bias, or None.
        mappable: whether `gradient` can be mapped over victims with `torch.func.vmap`.
        language: what is public about a model that reads sentences; None where it sees images.
        unit: how many times as long what is shared is as a gradient, by local steps and sums over clients: rate times
            steps, and so on; `gradient` then yields as much. 1 where a gradient is shared, None where this is not
            granted.
        hard_labels: why `gradient` takes class indices only, or gives another gradient for one-hot probabilities, the
            end of a sentence; None where it takes probabilities as it takes indices.
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
    """All that an attack receives. What the threat model does not grant is None or absent.

    Args:
        gradients: `{parameter name: [V, ...]}`, what the client shared, after its defences: of the parameters that it
            trains; without the word embedding's where the threat model hides it; empty where the mean image is granted.
        parameters: `{parameter name: [V, ...]}` at that moment, those that are frozen too: they are public.
        buffers: `{buffer name: [V, ...]}` (empty where the model has none or they are not granted).
        ids: `[V]`, public numbers of the updates; they seed the attacker's own random numbers.
        task: see `Task`.
        batch_size: B, or None.
        labels: as `Victims.labels`, or None.
        mask: `[V, B, T]`, bool, where the tokens of each sentence stand; None where lengths are not granted.
        surrogate: sentences of the same kind, as tokens, none of them a victim's; None where they are not granted.
        mean_image: `[C, H, W]`, the mean of a public dataset, granted to a control that needs it, in place of the
            gradient.
        defense: what is known of the client's defences, a mapping a part in the order in which they act: `defense` (its
            class's name), `position`, `acts` and its parameters, without seeds; None where it is not granted.
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
        """The observation of the victims at these positions only."""
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
    """What an attack claims for the victims `ids` (any part of an observation's, in any order).

    Args:
        ids: `[V]`.
        inputs: images `[V, B, C, H, W]`, not clipped: may leave [0, 1] and may hold non-finite values; or sentences
            `[V, B, T]`, int64 tokens, -1 where no token is claimed.
        labels: `[V, B]`, int64; -1 where the attack makes no claim.
        objective: `[V]`, the attacker's own objective at the returned iterate (NaN where it has none).
        iterations, evaluations: `[V]`, int64; an evaluation is one value-and-gradient of the objective. Of an attack
            with restarts all its runs count, here and in `seconds`.
        seconds: `[V]`, wall time; V victims worked on at once share it.
        status: one `Status` a victim.
        trace: a few moments of the run; empty where the attack keeps none. `moments` `[V, M]` iteration numbers (-1
            where there is none), `images` `[V, M, B, C, H, W]` the iterates there or, of sentences, `tokens`
            `[V, M, B, T]` (-1 where none is claimed), `curve_at` and `curve` `[V, K]` iteration numbers (-1 where there
            is none) and the objective there.
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
        """The claims for the victims one by one, in order."""
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
