"""Fully connected networks: that of SPEAR (Dimitrov et al. 2024, arXiv 2403.03945), and that of Inverting Gradients."""

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

from bench.models.activations import activation as activation_of
from bench.models.initialise import uniform
from bench.models.normalise import first_layer


class MLP(nn.Module):
    """`layers` linear layers of `width` units, an activation after each, and one linear layer for the logits.

    `[B, C, H, W]` in [0, 1] -> logits `[B, classes]`. With two layers and ReLU it is the network of SPEAR, and with
    three layers of 1,024 units that of the Inverting Gradients code (Geiping et al. 2020, arXiv 2003.14053;
    `inversefed/nn/models.py`). The images enter the first layer as they are, flattened, so the gradient of this layer
    holds them exactly.

    Args:
        width: units of each layer, >= 1.
        layers: linear layers with an activation, >= 1.
        activation: a name from `bench.models.activations`.
        init_range: r; weights and biases are drawn from U(-r, r); null for PyTorch's own initialisation.
        mean: mean, one number for all channels or one per channel, for a normalisation as the first layer; null for
            none.
        std: standard deviation, likewise; null for none.
        shape: `(C, H, W)` of an image, or that of another input, which is flattened.
        classes: number of logits.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        width: int,
        layers: int,
        activation: str,
        init_range: float | None,
        mean: float | Sequence[float] | None,
        std: float | Sequence[float] | None,
        *,
        shape: tuple[int, ...],
        classes: int,
    ) -> None:
        super().__init__()
        if width < 1 or layers < 1:
            raise ValueError(f"width={width}, layers={layers}: must both be >= 1 (units of a layer, and layers)")
        body: list[nn.Module] = [first_layer(mean, std, shape[0]), nn.Flatten()]
        inside = prod(shape)
        for _ in range(layers):
            body += [nn.Linear(inside, width), activation_of(activation)]
            inside = width
        self.body = nn.Sequential(*body)
        self.fc = nn.Linear(inside, classes)
        uniform(self, init_range)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, C, H, W]` in [0, 1] -> logits `[B, classes]`."""
        return self.fc(self.body(x))
