"""What the attacker is granted (configs/threat/): a list of yes and no, after the systematisation's letters."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Threat:
    """A threat model: what stands in an `Observation` beside the shared gradient and the model it belongs to.

    Args:
        letter: A eavesdropper, B basic knowledge; a plus where more is granted.
        buffers: the model's buffers (BatchNorm's running statistics among them).
        batch_size: how many examples the gradient is the mean of.
        input_range: the interval that inputs lie in.
        classes: how many classes there are.
        labels: the labels of the private batch, in order.
    """

    letter: str
    buffers: bool
    batch_size: bool
    input_range: bool
    classes: bool
    labels: bool
