"""What a kind of inputs is to an audit.

Attacks reconstruct images `[B, C, H, W]` in units of their own. A kind lays its inputs out as such images, and says
what an attacker knows of them without having seen any: a range, or a mean and a deviation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from bench.engine.parametrisation import ImageMap
from bench.errors import UserError
from bench.models.normalise import Normalise

Numbers = float | Sequence[float] | Tensor | None


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What an attacker knows of inputs; nothing here is read from the private batch.

    Args:
        range: the interval of inputs before any normalisation by mean and std; None if it was not given.
        mean: per channel or column, or one number for all; None if it was not given.
        std: likewise.
        public: `[P, ...]`, inputs of the same kind that are public; None if there are none.
        categories: of rows of a table, the columns that hold one category each, as the user gave them.
    """

    range: tuple[float, float] | None = None
    mean: Numbers = None
    std: Numbers = None
    public: Tensor | None = None
    categories: Sequence[Sequence[int]] = ()


@dataclass(frozen=True, eq=False)
class Kind(ABC):
    """Inputs of one kind, `[B, *shape]` in the user's units, and their images `[B, *packed]` in the attacker's.

    Args:
        shape: of one input.
        knowledge: see `Knowledge`.

    Attributes:
        name: plural noun.
        noun: singular noun.
        dims: dimensions of a batch; a kind that is chosen only by its name has none.
        bounded: whether the range of inputs is known.
        span: the interval of the attacker's units.
        settings: overrides for the attack `strongest`, as on the command line.
        blanks: names of the controls that know an even input and nothing else.
        known: what the attacker knows of inputs, in words.
        unit: what one of the attacker's units is in the unit of an error, and that unit in words.
        has_categories: whether columns of it can hold categories.
    """

    shape: tuple[int, ...]
    knowledge: Knowledge

    name: ClassVar[str]
    noun: ClassVar[str]
    dims: ClassVar[int | None]
    bounded: ClassVar[bool]
    span: ClassVar[tuple[float, float]]
    settings: ClassVar[tuple[str, ...]] = ()
    blanks: ClassVar[tuple[str, ...]]
    known: ClassVar[str]
    unit: ClassVar[tuple[float, str]]
    has_categories: ClassVar[bool] = False

    @property
    @abstractmethod
    def packed(self) -> tuple[int, int, int]:
        """`(C, H, W)`, the form in which an attack reconstructs an input; C counts what has a mean of its own."""

    @abstractmethod
    def affine(self) -> tuple[Tensor, Tensor]:
        """`(scale, shift)`, `[C]` each: the attacker's units are `x * scale + shift`."""

    @abstractmethod
    def controls(self, truth: Tensor) -> dict[str, Tensor]:
        """Guesses that look at no gradient, `{name: [B, *packed]}`, in the attacker's units.

        Args:
            truth: `[B, *packed]`; a control may know less than a picture of it, such as its mean colour.
        """

    @abstractmethod
    def scores(self, guess: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """`{name: [B]}` for a guess and the truth, both `[B, *packed]` in the attacker's units."""

    def reshape(self) -> nn.Module:
        """From `[B, *packed]` to `[B, *shape]`."""
        return nn.Identity()

    def to_user(self) -> nn.Module:
        """From the attacker's images `[B, *packed]` to the user's inputs `[B, *shape]`."""
        scale, shift = self.affine()
        plain = bool((scale == 1).all() and (shift == 0).all())
        units = nn.Identity() if plain else Normalise(shift.tolist(), scale.tolist())
        return nn.Sequential(OrderedDict(units=units, form=self.reshape()))

    def pack(self, inputs: Tensor) -> Tensor:
        """From the user's inputs `[B, *shape]` to the attacker's images `[B, *packed]`.

        Raises:
            UserError: they are not finite, or reach beyond what is known of them; the message says what to pass.
        """
        if not inputs.isfinite().all():
            raise UserError(f"batch: the {self.name} hold NaN or infinity")
        scale, shift = (value.to(inputs.device) for value in self.affine())
        found = inputs.float().reshape(-1, *self.packed) * scale.view(-1, 1, 1) + shift.view(-1, 1, 1)
        low, high = self.span
        slack = 1e-4 * (high - low)  # rounding of a normalisation and its inverse
        if not (float(found.min()) >= low - slack and float(found.max()) <= high + slack):
            raise UserError(self.beyond(float(inputs.min()), float(inputs.max())))
        return found.clamp(low, high)

    @abstractmethod
    def beyond(self, low: float, high: float) -> str:
        """The message for inputs that reach beyond what is known of them.

        Args:
            low: their lowest value.
            high: their highest value.
        """

    def hard(self, packed: Tensor) -> Tensor:
        """A reconstruction `[B, *packed]` in which what can have a few values only, such as a category, has one."""
        return packed

    def variables(self, further: int) -> ImageMap | None:
        """How attacks have to represent dummies; None for their own way.

        Args:
            further: channels behind those of the inputs, which code targets.
        """
        return None

    @property
    def told(self) -> str:
        """What the attacker knows of these inputs, in words."""
        return self.known

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The columns of each category of rows of a table; none of other inputs."""
        return ()

    def public_mean(self, truth: Tensor) -> dict[str, Tensor]:
        """The mean of public data as a control, in the attacker's units; nothing if there are none."""
        if self.knowledge.public is None:
            return {}
        scale, shift = (value.to(truth.device).view(-1, 1, 1) for value in self.affine())
        mean = self.knowledge.public.float().mean(0).to(truth.device).reshape(self.packed) * scale + shift
        return {"the mean of public data": mean.expand_as(truth)}

    @property
    def note(self) -> str | None:
        """A sentence about what was assumed; None if nothing was."""
        return None


def per_channel(value: Numbers, count: int, what: str, otherwise: float) -> Tensor:
    """`[count]`: one number for all, or one each.

    Raises:
        UserError: their number is another one.
    """
    found = torch.as_tensor(otherwise if value is None else value, dtype=torch.float64).flatten()
    if len(found) not in (1, count):
        raise UserError(f"{what}: want one number or {count}, got {len(found)}")
    return found.expand(count).float()


def relative_error(guess: Tensor, truth: Tensor) -> Tensor:
    """`[B]`: the length of the difference over the length of the truth."""
    return (guess - truth).double().flatten(1).norm(dim=1) / truth.double().flatten(1).norm(dim=1)


def mean_squares(guess: Tensor, truth: Tensor) -> Tensor:
    """`[B]`: the mean squared error of each example, in double precision."""
    return (guess - truth).double().square().flatten(1).mean(1)
