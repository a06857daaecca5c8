"""The base class of attacks: an attack sees an `Observation` and returns a `Reconstruction`."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import ClassVar

from torch import Tensor, nn

from bench.defenses.base import Gradient
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction


def _shares(seen: Observation, name: str | None) -> bool:
    """Whether the gradient of the parameter of this name was shared."""
    return name in seen.gradients


# What an attack may need -> a test whether the observation has it, and the sentence that is shown if it has not.
_NEEDS: dict[str, tuple[Callable[[Observation], bool], str | Callable[[Observation], str]]] = {
    "batch_size": (lambda s: s.batch_size is not None, "needs to know the batch size"),
    "classes": (lambda s: s.task.classes is not None, "needs to know the number of classes"),
    "input_range": (lambda s: s.task.input_range is not None, "needs to know the range of inputs"),
    "columns": (lambda s: s.task.columns is not None, "needs rows of a table whose columns are known (data=table)"),
    "series": (lambda s: len(s.task.input_shape) == 2, "needs time series (data=series)"),
    "labels": (lambda s: s.labels is not None, "needs to know the labels (threat=labels_known)"),
    "mean_image": (
        lambda s: s.mean_image is not None,
        "needs the mean image of a public data set, which is granted to controls (control: true) only; a batch at hand "
        "has none, nor has a folder with fewer than 100 images for each image of a batch",
    ),
    "soft_labels": (
        lambda s: s.task.hard_labels is None,
        lambda s: (
            f"searches labels as probabilities, and {s.task.hard_labels}: use an attack with label inference "
            "(attack=idlg, for batches of one), or threat=labels_known"
        ),
    ),
    "last_linear": (lambda s: s.task.last_linear is not None, "needs a model that ends in a linear layer"),
    "last_layer_shared": (
        lambda s: s.task.last_linear is None or _shares(s, s.task.last_linear) or _shares(s, s.task.last_bias),
        "needs the gradient of the last layer's weight or bias, and the client shares neither (model.shared; "
        "requires_grad)",
    ),
    "update_length": (
        lambda s: s.task.unit is not None,
        "needs the length of the update: the learning rate and the number of local steps (threat=training_details)",
    ),
    "local_epochs": (
        lambda s: s.task.epochs is not None,
        "needs a client that trains for local epochs of a granted rate and number (defense=local_epochs "
        "threat=training_details)",
    ),
    "batch_of_one": (lambda s: s.batch_size in (None, 1), "needs a batch of one example (data.batch_size=1)"),
    "defense_known": (lambda s: s.defense is not None, "needs to know the client's defences (threat=adaptive)"),
    "two_attention_layers": (
        lambda s: s.task.language is not None and s.task.language.second_input is not None,
        "needs a model whose first two attention layers are known (BERT, RoBERTa or GPT-2, of two layers at least)",
    ),
    "attention_shared": (
        lambda s: (
            s.task.language is not None
            and all(_shares(s, n) for n in (*s.task.language.first_attention, *s.task.language.second_attention))
        ),
        "needs the gradients of the first two attention layers' query, key and value, and the client does not share "
        "them all (model.shared; requires_grad)",
    ),
    "untied": (
        lambda s: s.task.language is not None and not s.task.language.tied,
        "needs a word embedding that is not the output layer too, where every row has a gradient "
        "(model.head=classification)",
    ),
    "word_embedding": (
        lambda s: s.task.language is not None and _shares(s, s.task.language.embedding),
        "needs the word embedding's gradient",
    ),
    "surrogate": (
        lambda s: bool(s.surrogate),
        "needs other sentences of the same kind, for a language model (threat=surrogate, data.surrogate above 0)",
    ),
    "chain": (
        lambda s: s.task.chain is not None,
        "needs a model whose layers follow one another, without skips and branches (cnn6, lenet)",
    ),
    "patches": (
        lambda s: s.task.patches is not None,
        "needs a vision transformer with learned positions (model=vit_tiny)",
    ),
    "patches_shared": (
        lambda s: s.task.patches is None or all(_shares(s, name) for name in s.task.patches.readers),
        "needs the gradients of the first attention layer's query, key and value, and the client does not share them "
        "all (model.shared; requires_grad)",
    ),
    "positions_shared": (
        lambda s: s.task.patches is None or _shares(s, s.task.patches.position),
        "needs the gradient of the learned positions",
    ),
    "patches_only": (
        lambda s: s.task.patches is None or s.task.patches.only,
        "needs tokens that only the first attention reads, without a LayerNorm before it and a skip connection around "
        "it (model.first_norm=false model.first_skip=false)",
    ),
    "batchnorm_statistics": (
        lambda s: bool(s.statistics),
        "needs a model with BatchNorm, and its statistics as side information (threat=batchnorm_running, or "
        "threat=batchnorm_exact or batchnorm_inferred with model.mode=train)",
    ),
    "public_images": (
        lambda s: s.public is not None and len(s.public) > 0,
        "needs other images of the same kind (threat=public_images; a batch at hand has none)",
    ),
    "known_update": (
        lambda s: s.public is None or s.public.update is not None,
        "needs what the client's defences make of other images (threat=public_images)",
    ),
    "one_model": (
        lambda s: all(value.stride(0) == 0 for value in s.parameters.values()),
        "needs one model that all victims share (model.per_victim=false)",
    ),
    "buffers": (lambda s: bool(s.buffers) or not s.task.has_buffers, "needs the model's buffers"),
}


_WITHHELD = re.compile(
    r", and the client (shares neither|does not share them all) \(.*\)$"
)  # said if a need is not met


def in_words(needs: Iterable[str]) -> list[str]:
    """What each need asks for, as `leakbench list NAME` prints it; a need whose sentence depends on the model, by name.

    >>> in_words({"batch_size", "soft_labels", "last_layer_shared"})
    ['to know the batch size', "the gradient of the last layer's weight or bias", 'soft labels']
    """
    sentences = {need: _NEEDS[need][1] for need in sorted(needs)}
    return [
        _WITHHELD.sub("", sentence.removeprefix("needs ")) if isinstance(sentence, str) else need.replace("_", " ")
        for need, sentence in sentences.items()
    ]


def unmet(needs: Iterable[str], seen: Observation) -> str | None:
    """The sentence, without its subject, of the first need that an observation does not meet; None if it meets all."""
    for need in sorted(needs):
        met, sentence = _NEEDS[need]
        if not met(seen):
            return sentence if isinstance(sentence, str) else sentence(seen)
    return None


class Attack(nn.Module, ABC):
    """An attack: it holds its parts, and has no reference to a client or to the victims.

    Attributes:
        of_sentences: True if it reconstructs sentences, False if it reconstructs images, None if it takes both.
        of_vectors: whether an attack on images takes rows of a table and time series as well.
        undoes_changes: whether it undoes what a defence did to the examples. Its claim is then of the examples before,
            and those of other attacks are of the examples after.
    """

    of_sentences: ClassVar[bool | None] = False
    of_vectors: ClassVar[bool] = False
    undoes_changes: ClassVar[bool] = False

    @property
    @abstractmethod
    def needs(self) -> frozenset[str]:
        """What the observation must contain: words of `_NEEDS`."""

    @abstractmethod
    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Yields reconstructions of the victims of `seen`, each victim once, in any order and grouping.

        Args:
            seen: all that the threat model grants.
            seed: seed of the attacker's own random numbers, which are drawn per victim.
        """

    def explained(self, seen: Observation, unknowns: Mapping[str, Tensor]) -> Gradient:
        """What a client would share of one victim's claim, `(parameters, buffers, inputs, targets) -> {name: tensor}`.

        By default this is the attacker's own gradient (`Task.gradient`). An attack that looks for other numbers which
        the client drew computes with those that it found, so that its claim can be compared with what was shared.

        Args:
            seen: the observation.
            unknowns: those of one victim, `{name: [...]}`; see `Reconstruction.unknowns`.
        """
        return seen.task.gradient

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve.

        Raises:
            NotApplicable: the message names the first need that is not met.
        """
        self._check_kind(seen)
        self._require(self.needs, seen)

    def _check_kind(self, seen: Observation) -> None:
        """Refuses data of a kind that the attack does not reconstruct."""
        kind = seen.task.kind
        vectors = kind in ("rows", "series")
        if self.of_sentences not in (None, kind == "sentences") or (vectors and not self.of_vectors):
            mine, other = "sentences" if self.of_sentences else "images", "dlg_text" if kind == "sentences" else "dlg"
            raise NotApplicable(
                f"attack {type(self).__name__} reconstructs {mine}, and the data are {kind} (try attack={other})"
            )

    def _require(self, needs: frozenset[str], seen: Observation) -> None:
        if lack := unmet(needs, seen):
            raise NotApplicable(f"attack {type(self).__name__} {lack}")
