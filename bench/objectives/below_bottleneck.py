"""Against PRECODE: the gradients of the bottleneck and of the layer behind it do not count."""

from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.models.bottleneck import layers_behind
from bench.objectives.gradient_transforms import Gradients, GradientTransform


class BelowBottleneck(GradientTransform):
    """Leaves out the gradients of each layer behind a variational bottleneck, and of the bottleneck.

    These gradients are the longest, and say of the images what the few entries of a latent say. Without them the others
    are matched sooner, if the noise of the latent is optimised as well; with a noise of zero, the gradients below the
    bottleneck have another direction than those that were shared.
    """

    @property
    def needs(self) -> frozenset[str]:
        """Knowledge of the defence."""
        return frozenset({"defense_known"})

    def check(self, seen: Observation) -> None:
        """Refuses a model without a bottleneck, and one whose other layers share nothing.

        Raises:
            NotApplicable: the message says which.
        """
        if not layers_behind(seen.gradients):
            raise NotApplicable("leaves out a variational bottleneck, and the model has none (defense=precode)")
        if not self(seen.gradients, seen.gradients)[0]:
            raise NotApplicable("leaves out the bottleneck and the layer behind it, and nothing else is shared")

    def __call__(self, gradients: Gradients, observed: Gradients) -> tuple[Gradients, Gradients]:
        """Returns both gradients `{name: [V, ...]}` without those of the bottleneck and of the layer behind it."""
        behind = layers_behind(observed)
        left = [name for name in observed if not name.startswith(behind)]
        return {name: gradients[name] for name in left}, {name: observed[name] for name in left}
