"""What every defence is: a part of the computation that turns a private batch into what a client shares.

A client computes a `ClientStep`. The innermost one is the gradient of the mean loss over the batch; each defence of a
stack wraps those before it. So what stands before `dp_sgd` is done for each sample, what stands before `local_steps`
for the gradient of each local step, what stands before `clients` by each client, and what follows them acts on the
result. All of it is written for one client; `torch.func.vmap` maps it over victims, samples and clients. No random
number is drawn in a step: `ClientStep.noise` makes them beforehand.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from torch import Tensor, nn

from bench.defenses.encoding import Encoding
from bench.defenses.privacy import Privacy
from bench.engine.rng import Shapes, VictimRng

Tree = dict[str, Tensor]
Gradient = Callable[[Tree, Tree, Tensor, Tensor], Tree]


@dataclass(frozen=True, eq=False)
class ClientContext:
    """What a client knows of its own training step.

    Args:
        model: for its forward pass, with `torch.func.functional_call`.
        batch_size: B, or the part of it that is dealt to a client, a local step or a sample; the expected one where
            sizes are random. What is summed over samples is divided by it.
        last_linear: name of the weight of the linear layer that ends the model, or None.
        batch_statistics: whether a BatchNorm layer normalises by the batch (train mode), so that no sample has a
            gradient of its own.
        frozen_statistics: whether a BatchNorm layer normalises by its running statistics (eval mode).
        mappable: whether the gradient can be mapped with `torch.func.vmap`.
    """

    model: nn.Module
    batch_size: int
    last_linear: str | None
    batch_statistics: bool
    frozen_statistics: bool
    mappable: bool


class ClientStep(ABC):
    """How one client comes from its batch to what it shares. Holds no tensors: everything is an argument."""

    depth: int  # how many defences it holds: the position of the next one

    @abstractmethod
    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        """The random numbers of one call: a tree of tensors (empty where there are none).

        Args:
            shapes: of the parameters, `{name: shape}`.
            batch_size: examples that the call will get.
            stream: of this victim, and in training of this step.
        """

    @abstractmethod
    def start(self, shapes: Shapes) -> Any:
        """The state before the first call: a tree of tensors (empty where there is none)."""

    @abstractmethod
    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        """What is shared, `{name: tensor}` like the parameters, and the state after it.

        Args:
            parameters, buffers: of one model.
            inputs: `[B, C, H, W]`.
            labels: `[B]`.
            noise, state: of `noise` and `start`.
        """


@dataclass(frozen=True, eq=False)
class PlainGradient(ClientStep):
    """The gradient of the mean loss over the batch, undefended."""

    gradient: Gradient
    depth: ClassVar[int] = 0  # type: ignore[misc]

    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        """None."""
        return ()

    def start(self, shapes: Shapes) -> Any:
        """None."""
        return ()

    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        """The gradient."""
        return self.gradient(parameters, buffers, inputs, labels), state


class Defense(ABC):
    """One defence with its parameters; a frozen dataclass whose fields are those of its YAML."""

    level: ClassVar[str]  # where: sample, batch, gradient or update
    schedule: ClassVar[bool] = False  # whether it is a way of training (local steps, clients) that a threat may grant

    @property
    def unit(self) -> float | None:
        """How many times as long as a gradient what is shared is, by what this part does to its length.

        None where that is no matter of the schedule: nothing, or what the data decide.
        """
        return None

    @property
    def must_change(self) -> bool:
        """Whether it must change what is shared; False where it may leave it as it is."""
        return True

    @abstractmethod
    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """The step with this defence around it.

        Raises:
            NotApplicable: it cannot be used with this model, mode or batch size.
        """

    def context_for_inner(self, local: ClientContext) -> ClientContext:
        """What a defence before this one knows of the step: another batch size where this one deals it."""
        return local

    def encode(self, sent: Encoding) -> Encoding:
        """What is sent per step after this defence, given what would be sent before it. Here: dense 32-bit floats."""
        return sent.dense()

    def privacy(self, inner: Privacy | None) -> Privacy | None:
        """The guarantee after this defence, given the one before it. Here: unchanged, as by any post-processing."""
        return inner

    def notes(self, local: ClientContext) -> list[str]:
        """What a reader of the row must know: sentences."""
        return []

    def facts(self, local: ClientContext) -> dict[str, Any]:
        """Plain values for the row: the class, where it acts, and its parameters."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return {"defense": type(self).__name__, "level": self.level, **own}

    def flat(self, local: ClientContext) -> list[tuple[Defense, ClientContext]]:
        """The defences that it consists of, in order, and what each knows of the step; itself where it is one."""
        return [(self, local)]


class GradientDefense(Defense):
    """A defence that acts on a gradient or update alone: `protect`, and `draw` and `start` if need be."""

    level = "gradient"

    @abstractmethod
    def protect(self, gradients: Tree, noise: Any, state: Any) -> tuple[Tree, Any]:
        """The gradients `{name: tensor}` of one client as they are shared, and the state after it.

        Args:
            gradients: in, as they come from the step before.
            noise: of `draw`, on the gradients' device.
            state: of `start`, or of the call before.
        """

    def draw(self, shapes: Shapes, stream: VictimRng) -> Any:
        """The random numbers of one call; none here."""
        return ()

    def start(self, shapes: Shapes) -> Any:
        """The state before the first call; none here."""
        return ()

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """The inner step, then `protect`."""
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
    """The stream of a part: it depends on the part's place in the stack and on its own seed, if it has one."""
    return stream.child(position, getattr(part, "seed", 0))
