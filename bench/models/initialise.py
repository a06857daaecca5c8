"""Initialisation of weights from a uniform distribution, as in the code of Deep Leakage from Gradients."""

from torch import nn


def uniform(model: nn.Module, half_width: float | None) -> None:
    """Draws every weight and bias of convolutions and linear layers from U(-half_width, half_width), in place.

    This is the initialisation of the DLG code (`weights_init` with 0.5). None keeps PyTorch's own.

    Raises:
        ValueError: half_width is not above 0.
    """
    if half_width is None:
        return
    if half_width <= 0:
        raise ValueError(f"init_range={half_width}: must be > 0 (weights and biases are drawn from U(-r, r))")
    for layer in model.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear):
            nn.init.uniform_(layer.weight, -half_width, half_width)
            if layer.bias is not None:
                nn.init.uniform_(layer.bias, -half_width, half_width)
