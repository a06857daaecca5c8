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

    @property
    def statistics(self) -> frozenset[str]:
        """Which BatchNorm statistics are granted as side information: `running`, `batch`, `updated`, or none.

        Running statistics by which a model normalises in eval mode are part of its buffers under every threat model.
        Whoever uses them as a prior needs this grant nevertheless.
        """
        return frozenset()

    @property
    def most_public_images(self) -> int:
        """How many images of the victims' kind are granted at most, none of them a victim's; 0 if none are."""
        return 0


@dataclass(frozen=True)
class StatisticsThreat(Threat):
    """A threat model that grants statistics of BatchNorm layers as side information (letter E).

    Args:
        letter: see `Threat`.
        buffers: see `Threat`.
        batch_size: see `Threat`.
        input_range: see `Threat`.
        classes: see `Threat`.
        labels: see `Threat`.
        defense_known: see `Threat`.
        local_training: see `Threat`.
        lengths: see `Threat`.
        word_embedding: see `Threat`.
        surrogate: see `Threat`.
        running_statistics: the running means and variances that the model has collected, in train mode too.
        batch_statistics: the means and variances of the private batch in the client's forward pass, if it normalises by
            them (train mode). Whoever sees the running statistics before and after one step can compute them.
    """

    running_statistics: bool
    batch_statistics: bool

    @property
    def statistics(self) -> frozenset[str]:
        """See `Threat.statistics`."""
        words = {"running": self.running_statistics, "batch": self.batch_statistics}
        return frozenset(word for word, granted in words.items() if granted)


@dataclass(frozen=True)
class UpdatedStatisticsThreat(Threat):
    """A threat model that grants the running statistics of BatchNorm after the client's step (letter E).

    They were known before the step too, so the attacker infers those of the private batch
    (`bench.models.inferred_statistics`).

    Args:
        letter: see `Threat`.
        buffers: see `Threat`.
        batch_size: see `Threat`.
        input_range: see `Threat`.
        classes: see `Threat`.
        labels: see `Threat`.
        defense_known: see `Threat`.
        local_training: see `Threat`.
        lengths: see `Threat`.
        word_embedding: see `Threat`.
        surrogate: see `Threat`.
        updated_statistics: the running means and variances after the step, if the client normalises by the batch (train
            mode).
    """

    updated_statistics: bool

    @property
    def statistics(self) -> frozenset[str]:
        """See `Threat.statistics`."""
        return frozenset({"updated"} if self.updated_statistics else ())


@dataclass(frozen=True)
class PublicImagesThreat(Threat):
    """A threat model that grants images of the victims' kind, none of them a victim's (letter D).

    Where the defences and the local training are granted too, the attacker can compute what a client would share of
    these images, with random numbers of its own (`bench.messages.public_images`).

    Args:
        letter: see `Threat`.
        buffers: see `Threat`.
        batch_size: see `Threat`.
        input_range: see `Threat`.
        classes: see `Threat`.
        labels: see `Threat`.
        defense_known: see `Threat`.
        local_training: see `Threat`.
        lengths: see `Threat`.
        word_embedding: see `Threat`.
        surrogate: see `Threat`.
        public_images: how many images are granted, with their labels; never more than half of the data set, so that
            the other half is left for victims (`bench.datamodules.public_images`).

    Raises:
        ValueError: `public_images` is negative.
    """

    public_images: int

    def __post_init__(self) -> None:
        if self.public_images < 0:
            raise ValueError(f"public_images={self.public_images}: must be >= 0 (images of the victims' kind)")

    @property
    def most_public_images(self) -> int:
        """See `Threat.most_public_images`."""
        return self.public_images
