"""What is known of the data: facts that a client, its model and a threat model need, without any victim."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bench.messages.task import TokenizerProtocol


@dataclass(frozen=True)
class DataFacts:
    """Facts about the data that the client and the threat model need.

    Args:
        shape: `(C, H, W)` of an image, `(T,)` of a sentence.
        classes: number of classes; for a language model, of tokens.
        mean_image: `[C, H, W]`; None for sentences.
        tokenizer: for sentences, the tokeniser of the model (`bench.models.text.tokenizer`).
        surrogate: sentences as tokens, none of them a victim's.
        hidden: share of the tokens that a masked language model has to predict, in [0, 1].
        public: images `[P, C, H, W]` of which none is a victim's, and their labels `[P]`; None if none are granted.
        input_range: the interval in which an input lies.
    """

    shape: tuple[int, ...]
    classes: int
    mean_image: Tensor | None
    tokenizer: TokenizerProtocol | None = None
    surrogate: tuple[tuple[int, ...], ...] = ()
    hidden: float = 0.0
    public: tuple[Tensor, Tensor] | None = None
    input_range: tuple[float, float] = (0.0, 1.0)
