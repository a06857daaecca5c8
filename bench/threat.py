"""What the attacker is granted (configs/threat/): a list of yes and no, after the systematisation's letters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# what is nothing to grant where the data are ...
_OF_OTHERS = {"images": ("lengths", "word_embedding", "surrogate"), "sentences": ("input_range",)}


@dataclass(frozen=True)
class Threat:
    """A threat model: what stands in an `Observation` beside the shared gradient and the model it belongs to.

    Args:
        letter: A eavesdropper, B basic knowledge, C training details; a plus where more is granted.
        buffers: the model's buffers (BatchNorm's running statistics among them).
        batch_size: how many examples the gradient is the mean of.
        input_range: the interval that inputs lie in.
        classes: how many classes there are.
        labels: the labels of the private batch, in order.
        defense_known: which defences the client uses, in order, and their parameters (not their random numbers).
        local_training: how an update comes about: local steps, their rate and batches, and how many clients are summed.
            Granted, the attacker computes its own gradient in that way; else it takes what is shared for one gradient
            of unknown length.
        lengths: of sentences: how many tokens each has.
        word_embedding: of sentences: the gradient of the word embedding (a client may freeze it).
        surrogate: of sentences: others of the same kind, for a language model of the attacker's own.
    """

    letter: str
    buffers: bool
    batch_size: bool
    input_range: bool
    classes: bool
    labels: bool
    defense_known: bool
    local_training: bool
    lengths: bool
    word_embedding: bool
    surrogate: bool


def relevant(grants: Mapping[str, Any], things: str) -> dict[str, Any]:
    """The grants that mean something where the data are `images` or `sentences`.

    >>> relevant({"labels": True, "input_range": True, "lengths": False}, "sentences")
    {'labels': True, 'lengths': False}
    """
    return {name: value for name, value in grants.items() if name not in _OF_OTHERS.get(things, ())}
