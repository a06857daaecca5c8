"""Threat models: what the attacker is granted, as a list of yes and no (configs/threat/)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Threat:
    """A threat model: what an `Observation` contains in addition to the shared gradient and the model's parameters.

    Args:
        letter: A for an eavesdropper, B for basic knowledge, C for training details; a plus means that more is granted.
        buffers: the model's buffers, such as the running statistics of BatchNorm.
        batch_size: how many examples the gradient is the mean of.
        input_range: the interval that inputs lie in.
        classes: the number of classes.
        labels: the labels of the private batch, in order.
        defense_known: which defences the client uses, in order, and their parameters, but not their random numbers.
        local_training: how an update is computed: local steps, their learning rate and batches, and how many clients
            are summed. If it is granted, the attacker computes its own gradient in the same way. Otherwise it takes
            what is shared for one gradient of unknown length.
        lengths: for sentences, the number of tokens of each.
        word_embedding: for sentences, the gradient of the word embedding (a client may freeze it).
        surrogate: for sentences, other sentences of the same kind, for a language model of the attacker's own.
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
