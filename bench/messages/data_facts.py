"""What is known of the data: facts that a client, its model and a threat model need, without any victim."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bench.messages.columns import TableColumns
from bench.messages.task import TokenizerProtocol


@dataclass(frozen=True)
class DataFacts:
    """Facts about the data that the client and the threat model need.

    Args:
        shape: `(C, H, W)` of an image, `(T,)` of a sentence, `(F,)` of a row, `(C, T)` of a series.
        classes: number of classes; for a language model, of tokens.
        mean_image: `[C, H, W]`, or the usual row `[F]` or series `[C, T]`; None for sentences.
        tokenizer: for sentences, the tokeniser of the model (`bench.models.text.tokenizer`).
        surrogate: sentences as tokens, none of them a victim's.
        hidden: share of the tokens that a masked language model has to predict, in [0, 1].
        public: images `[P, C, H, W]` of which none is a victim's, and their labels `[P]`; None if none are granted.
        columns: what the numbers of a row are; None if the data are no rows.
        input_range: the interval of inputs; for rows and series, which have no bounds, their usual scale.
    """

    shape: tuple[int, ...]
    classes: int
    mean_image: Tensor | None
    tokenizer: TokenizerProtocol | None = None
    surrogate: tuple[tuple[int, ...], ...] = ()
    hidden: float = 0.0
    public: tuple[Tensor, Tensor] | None = None
    columns: TableColumns | None = None
    input_range: tuple[float, float] = (0.0, 1.0)
