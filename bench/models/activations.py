"""Activations by name; those of a gradient-matching benchmark, all with a second derivative."""

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
    """The activation of that name (`relu` and `leaky_relu` have a second derivative that is zero almost everywhere).

    Raises:
        ValueError: the name is none of `ACTIVATIONS`.
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"activation: no {name!r}; there is {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]()
