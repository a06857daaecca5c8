"""Labels that are drawn at random: the lower bound of label inference, which looks at no gradient."""

import torch
from torch import Tensor

from bench.engine.rng import draw
from bench.labels.base import LabelRule
from bench.messages.observation import Observation


class RandomRule(LabelRule):
    """B labels per victim, drawn uniformly over the classes from the attacker's seed and the victim's number."""

    needs = frozenset({"batch_size", "classes"})

    def __call__(self, seen: Observation, seed: int = 0) -> Tensor:
        """See `LabelRule.__call__`."""
        assert seen.batch_size is not None and seen.task.classes is not None
        shape, classes = (seen.batch_size,), seen.task.classes
        drawn = [draw("uniform", shape, seed, "random labels", number) for number in seen.ids.tolist()]
        return (torch.stack(drawn) * classes).long().clamp(max=classes - 1).to(seen.ids.device)
