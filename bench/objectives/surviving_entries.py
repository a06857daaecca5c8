"""Against pruning: only the entries that were shared count, since a zero there says nothing of the gradient's value."""

from torch import Tensor

from bench.objectives.gradient_transforms import Gradients, GradientTransform


def surviving_entries(observed: Gradients) -> Gradients:
    """1 where an entry was shared, 0 where it is exactly zero: `{name: [V, ...]}`."""
    return {name: (value != 0).to(value.dtype) for name, value in observed.items()}


class SurvivingEntries(GradientTransform):
    """Leaves out the entries that are exactly zero in what was shared.

    Both gradients are multiplied by the root of (entries / survivors), so that a squared error is that of as many
    entries as there would be without pruning, and tolerances keep their meaning. A cosine does not see that factor.

    Needs no grant: zeros can be seen. Where a gradient has zeros of its own (behind a ReLU that is off) they go too:
    what they say of the input is lost. Without a zero it changes nothing.
    """

    def __call__(self, gradients: Gradients, observed: Gradients) -> tuple[Gradients, Gradients]:
        """`{name: [V, ...]}` twice, zero at what did not survive."""
        kept = surviving_entries(observed)
        entries = sum(value[0].numel() for value in kept.values())
        count: Tensor = sum(value.flatten(1).sum(1) for value in kept.values())  # type: ignore[assignment]
        factor = (entries / count.clamp(min=1)).sqrt()
        weight = {name: value * factor.view(-1, *[1] * (value.dim() - 1)) for name, value in kept.items()}
        return tuple({name: of[name] * w for name, w in weight.items()} for of in (gradients, observed))  # type: ignore[return-value]
