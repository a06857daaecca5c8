"""Activations by name; all of them have a second derivative, as gradient matching needs."""

from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "leaky_relu": nn.LeakyReLU,
    "relu": nn.ReLU,
}


def activation(name: str) -> nn.Module:
    """Makes the activation of that name; the second derivative of `relu` and `leaky_relu` is zero almost everywhere.

    Raises:
        ValueError: the name is none of `ACTIVATIONS`.
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"activation: no {name!r}; there is {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]()
