"""Against pruning: only entries that were shared count, since a zero says nothing about the gradient's value."""

from torch import Tensor

from bench.messages.flat import flat
from bench.objectives.gradient_transforms import Gradients, GradientTransform


def surviving_entries(observed: Gradients) -> Gradients:
    """1 where an entry was shared, 0 where it is exactly zero: `{name: [V, ...]}`."""
    return {name: (value != 0).to(value.dtype) for name, value in observed.items()}


class SurvivingEntries(GradientTransform):
    """Leaves out the entries that are exactly zero in what was shared.

    Both gradients are multiplied by the square root of (entries / survivors). A squared error is then that of as many
    entries as there would be without pruning, and tolerances keep their meaning. A cosine does not depend on that
    factor.

    It needs no grant, because zeros are visible. Zeros that the gradient has by itself (behind a ReLU that is off) are
    left out too, and what they say about the input is lost. If there is no zero, nothing changes.
    """

    def __call__(self, gradients: Gradients, observed: Gradients) -> tuple[Gradients, Gradients]:
        """Returns both gradients `{name: [V, ...]}`, with zeros at the entries that did not survive."""
        kept = surviving_entries(observed)
        entries = sum(value[0].numel() for value in kept.values())
        count: Tensor = sum(flat(value).sum(1) for value in kept.values())  # type: ignore[assignment]
        factor = (entries / count.clamp(min=1)).sqrt()
        weight = {name: value * factor.view(-1, *[1] * (value.dim() - 1)) for name, value in kept.items()}
        return tuple({name: of[name] * w for name, w in weight.items()} for of in (gradients, observed))  # type: ignore[return-value]
