"""The true labels, where the threat model grants them: the upper bound of label inference."""

from torch import Tensor

from bench.labels.base import LabelRule
from bench.messages.observation import Observation


class OracleRule(LabelRule):
    """The granted labels; it needs `threat=labels_known`, as many papers assume without saying so."""

    needs = frozenset({"batch_size", "labels"})

    def __call__(self, seen: Observation, seed: int = 0) -> Tensor:
        """See `LabelRule.__call__`."""
        assert seen.labels is not None
        return seen.labels
