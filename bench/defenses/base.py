"""The base classes of defences: parts of the computation that turns a private batch into what a client shares.

A client computes a `ClientStep`. The innermost step is the gradient of the mean loss over the batch, and each defence
of a stack wraps those before it. So the parts before `dp_sgd` act on each sample, the parts before `local_steps` on the
gradient of each local step, the parts before `clients` on each client, and the parts after them on the result. Every
step is written for one client; `torch.func.vmap` maps it over victims, samples and clients. No random number is drawn
in a step: `ClientStep.noise` draws them beforehand.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from torch import Tensor, nn

from bench.defenses.encoding import Encoding
from bench.defenses.example_form import ExampleForm
from bench.defenses.privacy import Privacy
from bench.engine.rng import Shapes, VictimRng

Tree = dict[str, Tensor]
Gradient = Callable[[Tree, Tree, Tensor, Tensor], Tree]


@dataclass(frozen=True, eq=False)
class ClientContext:
    """What a client knows about its own training step.

    Args:
        model: the model, for its forward pass through `torch.func.functional_call`.
        batch_size: B, or the part of it that belongs to one client, local step or sample; the expected size if sizes
            are random. Sums over samples are divided by it.
        last_linear: name of the weight of the linear layer that ends the model, or None.
        batch_statistics: whether a BatchNorm layer normalises by the batch (train mode), so that no sample has a
            gradient of its own.
        frozen_statistics: whether a BatchNorm layer normalises by its running statistics (eval mode).
        mappable: whether the gradient can be mapped with `torch.func.vmap`.
        examples: what form the examples have.
    """

    model: nn.Module
    batch_size: int
    last_linear: str | None
    batch_statistics: bool
    frozen_statistics: bool
    mappable: bool
    examples: ExampleForm


class ClientStep(ABC):
    """The computation of one client, from its batch to what it shares. It holds no tensors: all are arguments."""

    depth: int  # number of defences in it, which is the position of the next one

    @abstractmethod
    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        """Draws the random numbers of one call: a tree of tensors, empty if there are none.

        Args:
            shapes: `{name: shape}` of the parameters.
            batch_size: number of examples that the call will get.
            stream: the random numbers of this victim and, in training, of this step.
        """

    @abstractmethod
    def start(self, shapes: Shapes) -> Any:
        """Makes the state before the first call: a tree of tensors, empty if there is none."""

    @abstractmethod
    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        """Returns what is shared, `{name: tensor}` like the parameters, and the new state.

        Args:
            parameters: `{name: tensor}` of one model, by which the loss is differentiated.
            buffers: `{name: tensor}` of the model's buffers and frozen parameters.
            inputs: `[B, C, H, W]`, or packed sentences (`bench.models.text.base.pack`).
            labels: `[B]`, or `[B, T]` for tokens; probabilities `[B, classes]` if a defence around this step made them.
            noise: what `noise` returned.
            state: what `start` or the previous call returned.
        """


@dataclass(frozen=True, eq=False)
class PlainGradient(ClientStep):
    """The gradient of the mean loss over the batch, without a defence.

    Args:
        gradient: `(parameters, buffers, inputs, labels) -> {name: tensor}`.
    """

    gradient: Gradient
    depth: ClassVar[int] = 0  # type: ignore[misc]

    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        """Draws no random numbers.

        Args:
            shapes: not used.
            batch_size: not used.
            stream: not used.
        """
        return ()

    def start(self, shapes: Shapes) -> Any:
        """Returns an empty state, since the gradient needs none."""
        return ()

    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        """Returns the gradient, and the state as it is.

        Args:
            parameters: see `ClientStep.__call__`.
            buffers: see `ClientStep.__call__`.
            inputs: see `ClientStep.__call__`.
            labels: see `ClientStep.__call__`.
            noise: not used.
            state: returned unchanged.
        """
        return self.gradient(parameters, buffers, inputs, labels), state


class Defense(ABC):
    """One defence with its parameters: a frozen dataclass whose fields are those of its YAML."""

    level: ClassVar[str]  # what it acts on: model, label, sample, batch, gradient or update
    schedule: ClassVar[bool] = False  # whether it is a way of training (local steps, clients), granted by itself
    computable: ClassVar[bool] = False  # whether an attacker that is granted it computes it in its own gradient
    rounds: ClassVar[bool] = False  # whether it maps a range of entries to one value, so that it has no derivative

    def unit(self, local: ClientContext) -> float | None:
        """The factor by which this part makes what is shared longer than a gradient, if the schedule sets it.

        None if this part has no such factor, or if it depends on the data.
        """
        return None

    def as_known(self) -> Defense:
        """This part as an attacker computes it that is granted it: without what the client draws at random."""
        return self

    @property
    def changes_model(self) -> bool:
        """Whether it changes the model (see `change_model`)."""
        return False

    def change_model(self, model: nn.Module) -> nn.Module:
        """Returns the model that is trained and attacked in place of `model`; by default `model` itself.

        It is called right after a model was built, by the client and by a training. An attacker knows the changed
        model. Random weights come from torch's global generator, so that those of `model` stay what they are without
        the defence.

        Args:
            model: with its weights; it may be changed in place.

        Raises:
            NotApplicable: the model cannot be changed like this.
        """
        return model

    def gaussian_std(self, local: ClientContext) -> float | None:
        """The deviation of Gaussian noise whose Fisher information is that of the noise on each entry; None without.

        Parts before this one do not count. The unit is that of the gradient.
        """
        return None

    @property
    def must_change(self) -> bool:
        """Whether this part always changes what is shared; False if it may leave it as it is."""
        return True

    @abstractmethod
    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns the step with this defence around it.

        Raises:
            NotApplicable: it cannot be used with this model, mode or batch size.
        """

    def context_for_inner(self, local: ClientContext) -> ClientContext:
        """The context of the defences before this one; a part that splits the batch changes the batch size."""
        return local

    def encode(self, sent: Encoding) -> Encoding:
        """What is sent per step after this defence, given what would be sent before it; by default 32-bit floats."""
        return sent.dense()

    def privacy(self, inner: Privacy | None) -> Privacy | None:
        """The guarantee after this defence, given the one before it; by default unchanged, as by post-processing."""
        return inner

    def notes(self, local: ClientContext) -> list[str]:
        """Sentences that a reader of the results must know."""
        return []

    def facts(self, local: ClientContext) -> dict[str, Any]:
        """Plain values for the results: the class, what it acts on, and its parameters."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return {"defense": type(self).__name__, "level": self.level, **own}

    def flat(self, local: ClientContext) -> list[tuple[Defense, ClientContext]]:
        """The defences that it consists of, in order, each with its context; a single defence consists of itself."""
        return [(self, local)]


class ModelDefense(Defense):
    """A defence that changes the model, by `change_model`; its step is the undefended one of the changed model."""

    level = "model"

    @property
    def changes_model(self) -> bool:
        """Always."""
        return True

    @abstractmethod
    def change_model(self, model: nn.Module) -> nn.Module:
        """See `Defense.change_model`."""

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns the inner step as it is."""
        return inner


class GradientDefense(Defense):
    """A defence that acts on a gradient or update alone, by `protect`, with `draw` and `start` if it needs them."""

    level = "gradient"

    @abstractmethod
    def protect(self, gradients: Tree, noise: Any, state: Any) -> tuple[Tree, Any]:
        """Returns the gradients `{name: tensor}` of one client as they are shared, and the new state.

        Args:
            gradients: `{name: tensor}`, from the step before.
            noise: what `draw` returned, on the gradients' device.
            state: what `start` or the previous call returned.
        """

    def draw(self, shapes: Shapes, stream: VictimRng) -> Any:
        """Draws the random numbers of one call; by default none."""
        return ()

    def start(self, shapes: Shapes) -> Any:
        """Makes the state before the first call; by default none."""
        return ()

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns a step that runs the inner step and then `protect`."""
        return _Protected(inner, self, inner.depth + 1)


@dataclass(frozen=True, eq=False)
class _Protected(ClientStep):
    inner: ClientStep
    part: GradientDefense
    depth: int

    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        own = self.part.draw(shapes, rng_of(self.part, self.inner.depth, stream))
        return self.inner.noise(shapes, batch_size, stream), own

    def start(self, shapes: Shapes) -> Any:
        return self.inner.start(shapes), self.part.start(shapes)

    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        gradients, before = self.inner(parameters, buffers, inputs, labels, noise[0], state[0])
        shared, after = self.part.protect(gradients, noise[1], state[1])
        return shared, (before, after)


def rng_of(part: Defense, position: int, stream: VictimRng) -> VictimRng:
    """The random numbers of a part, which depend on its position in the stack and on its own seed, if it has one.

    Args:
        part: the defence.
        position: number of defences before it.
        stream: the random numbers of the victim.
    """
    return stream.child(position, getattr(part, "seed", 0))
