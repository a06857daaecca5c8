"""What LAMP's two halves work on, made as the attack makes it."""

import torch

from bench.attacks.text.lamp_objective import KnownSentences
from bench.engine.embeddings import Embedded
from bench.messages.observation import Observation


def parts(attack, seen: Observation):
    """The layout, the sentences and a loaded objective of an attack's own making."""
    width = seen.parameters[seen.task.language.embedding].shape[-1]
    layout = Embedded(seen.batch_size, seen.task.input_shape[0], width, seen.task.classes)
    sentences = KnownSentences.of(seen, "cosine", torch.float64)
    return layout, sentences, attack._objective(seen, layout, sentences)
