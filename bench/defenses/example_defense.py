"""The base class of defences that change the examples of a private batch before the client's step is computed."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from torch import Tensor

from bench.defenses.base import ClientContext, ClientStep, Defense, Tree, rng_of
from bench.defenses.encoding import Encoding
from bench.defenses.example_form import ExampleForm, probabilities
from bench.engine.rng import Shapes, VictimRng
from bench.errors import NotApplicable
from bench.models.text.base import TextModel


class ExampleDefense(Defense):
    """A defence that acts on inputs and labels alone, by `change_examples`, with `draw` if it needs random numbers.

    It changes the batch first, and the parts before it in a stack see the changed batch only. So in
    `[mixup, local_steps]` each local step mixes its own examples, and in `[local_steps, mixup]` the whole batch is
    mixed once. Of two such parts, the later one changes the batch first. Where several clients are summed, name it
    before `clients`: after it, examples of all clients are one batch. What comes back is scored against the examples
    before any change.

    Attributes:
        soft: whether `change_examples` works with probabilities, so that it is given labels `[B, classes]`.
        of_images: whether it changes inputs in a way that is defined for images only.
    """

    soft: ClassVar[bool]
    of_images: ClassVar[bool]

    @abstractmethod
    def change_examples(self, inputs: Tensor, labels: Tensor, noise: Any, form: ExampleForm) -> tuple[Tensor, Tensor]:
        """Returns the inputs and labels that the step is computed on, as many as before.

        Args:
            inputs: `[B, C, H, W]` in [0, 1], or packed sentences (`bench.models.text.base.pack`).
            labels: class indices `[B]`; probabilities `[B, classes]` if the part is `soft` or follows one that is.
            noise: what `draw` returned, on the inputs' device.
            form: see `ExampleForm`.
        """

    def draw(self, batch_size: int, form: ExampleForm, stream: VictimRng) -> Any:
        """Draws the random numbers of one call; by default none.

        Args:
            batch_size: B, the number of examples of this call.
            form: see `ExampleForm`.
            stream: the random numbers of this victim and this part.
        """
        return ()

    def check(self, local: ClientContext) -> None:
        """Refuses a model, a loss or a batch that it cannot serve.

        Raises:
            NotApplicable: the sentence says why.
        """
        form, name = local.examples, type(self).__name__
        if self.of_images and isinstance(local.model, TextModel):
            raise NotApplicable(f"defense {name} changes pixels, and the model reads sentences")
        if form.by_token:
            raise NotApplicable(
                f"defense {name} changes the label of an example, and a language model has one for each token "
                "(a model that classifies)"
            )
        if self.soft and form.refusal is not None:
            raise NotApplicable(f"defense {name} makes labels probabilities, and {form.refusal}")

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns a step that changes the examples and then runs the inner step.

        Raises:
            NotApplicable: see `check`.
        """
        self.check(local)
        return _Changed(inner, self, local.examples, inner.depth + 1)

    def context_for_inner(self, local: ClientContext) -> ClientContext:
        """The context in which labels are probabilities, if this part makes them so."""
        return replace(local, examples=replace(local.examples, soft=self.soft or local.examples.soft))

    def encode(self, sent: Encoding) -> Encoding:
        """What was sent before, since what is sent has the same form for any examples."""
        return sent


@dataclass(frozen=True, eq=False)
class _Changed(ClientStep):
    inner: ClientStep
    part: ExampleDefense
    form: ExampleForm
    depth: int

    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        own = self.part.draw(batch_size, self.form, rng_of(self.part, self.inner.depth, stream))
        return self.inner.noise(shapes, batch_size, stream), own

    def start(self, shapes: Shapes) -> Any:
        return self.inner.start(shapes)

    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        if self.part.soft:
            labels = probabilities(labels, self.form.classes, next(iter(parameters.values())).dtype)
        changed = self.part.change_examples(inputs, labels, noise[1], self.form)
        return self.inner(parameters, buffers, *changed, noise[0], state)
