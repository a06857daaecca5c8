"""PRECODE: Scheliga, Maeder and Seeland, a model extension against gradient leakage, 2022 (arXiv 2108.04725)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from bench.defenses.base import ClientContext, ClientStep, ModelDefense, Tree, rng_of
from bench.engine.rng import Shapes, VictimRng
from bench.errors import NotApplicable
from bench.models.bottleneck import NOISE, add_bottleneck, layers_behind
from bench.models.low_rank import is_adapter
from bench.models.text.base import TextModel


@dataclass(frozen=True)
class Precode(ModelDefense):
    """Puts a variational bottleneck before the last linear layer; its latent is drawn anew in each step.

    What the layer reads is W_d z + b_d with z = mu + sigma * noise, (mu, softplus^-1(sigma)) = W_e h + b_e, and the
    loss has beta * KL(N(mu, sigma^2) || N(0, 1)) / ln 2 as one more term. The other weights are those that the model
    has without the defence under the same seed, because the bottleneck is drawn after them.

    An attacker knows the bottleneck and the loss, and not the noise. Its own gradient has a noise of zero, the mean of
    the latent: the attack of the paper draws new noise for each gradient instead, which leaves it a random objective.
    `attack=dlg_latent` knows the defence and optimises the noise together with the images. Whatever reads the inputs of
    a linear layer from the layer's own gradient (`linear_layer`, `spear`) is not disturbed, because only the gradient
    by the layer's outputs changes (Balunovic et al. 2022, arXiv 2111.04706, read fully connected networks so).

    In a limit (`measure=limit`), the drawn noise counts as known, so that the attacker is stronger than any real one.

    Args:
        width: k, entries of the latent, >= 1 (published: 256).
        beta: weight of the divergence in bits, >= 0 (published code: 1e-3).
        layer: name of the linear layer before which the bottleneck stands; null for the one that ends the model.
        seed: seed of the latent's noise, in addition to that of the run.

    Raises:
        ValueError: an argument is out of its range.
    """

    width: int
    beta: float
    layer: str | None
    seed: int

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"width={self.width}: must be >= 1 (entries of the latent)")
        if not self.beta >= 0:
            raise ValueError(f"beta={self.beta}: must be >= 0 (weight of the divergence)")

    def change_model(self, model: nn.Module) -> nn.Module:
        """Returns the model with a bottleneck, in place.

        Args:
            model: see `Defense.change_model`.

        Raises:
            NotApplicable: the model predicts tokens, or has no such linear layer.
        """
        if isinstance(model, TextModel) and model.head != "classification":
            raise NotApplicable(
                "defense Precode has one latent for each example, and this model predicts each token "
                "(model.head=classification)"
            )
        linear = {
            name: module
            for name, module in model.named_modules()
            if isinstance(module, nn.Linear) and not is_adapter(f"{name}.weight")
        }
        name = self.layer if self.layer is not None else next(reversed(linear), None)
        if name not in linear:
            there = ", ".join(linear) or "none"
            raise NotApplicable(f"defense Precode: the model has no linear layer {name!r} (there are: {there})")
        if layers_behind(name for name, _ in model.named_parameters()):
            raise NotApplicable("defense Precode: the model has a bottleneck already, and one is what it can have")
        add_bottleneck(linear[name], self.width, self.beta)
        return model

    def wrap(self, inner: ClientStep, local: ClientContext) -> ClientStep:
        """Returns a step that draws the noise of the latent for the inner step.

        Raises:
            NotApplicable: another part of the defence comes before this one, or the bottleneck does not stand before
                the layer that ends the model, and none was named.
        """
        if inner.depth:
            raise NotApplicable(
                "defense Precode draws the latent of each example in the model, so it comes before the parts that act "
                "on gradients, inputs and steps (defense.parts=[precode, ...])"
            )
        noise = self.noise_in(local.model)
        if self.layer is None and local.last_linear != f"{noise.removesuffix(NOISE)}weight":
            raise NotApplicable("defense Precode needs a model that ends in a linear layer, or defense.layer=NAME")
        return _Sampled(inner, self, noise, inner.depth + 1)

    def noise_in(self, model: nn.Module) -> str:
        """The name of the buffer that holds the latent's noise in the changed model."""
        return next(name for name, _ in model.named_buffers() if f".{name}".endswith(f".{NOISE}"))

    def facts(self, local: ClientContext) -> dict[str, Any]:
        """The facts of every defence, with the name of the buffer that holds the latent's noise."""
        return super().facts(local) | {"latent": self.noise_in(local.model)}


@dataclass(frozen=True, eq=False)
class _Sampled(ClientStep):
    inner: ClientStep
    part: Precode
    buffer: str
    depth: int

    def noise(self, shapes: Shapes, batch_size: int, stream: VictimRng) -> Any:
        own = rng_of(self.part, self.inner.depth, stream).normal({self.buffer: (batch_size, self.part.width)})
        return self.inner.noise(shapes, batch_size, stream), own

    def start(self, shapes: Shapes) -> Any:
        return self.inner.start(shapes)

    def __call__(
        self, parameters: Tree, buffers: Tree, inputs: Tensor, labels: Tensor, noise: Any, state: Any
    ) -> tuple[Tree, Any]:
        drawn = {name: value.to(buffers[name].dtype) for name, value in noise[1].items()}
        return self.inner(parameters, {**buffers, **drawn}, inputs, labels, noise[0], state)
