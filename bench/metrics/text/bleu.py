"""BLEU of single sentences (Papineni et al. 2002; Post 2018, arXiv 1804.08771)."""

from __future__ import annotations

import importlib.util
from functools import cached_property
from typing import Any

from torch import Tensor

from bench.metrics.column import ScoreColumn
from bench.metrics.text.batch import TextBatch, TextMetric, each


class Bleu(TextMetric):
    """BLEU-4 of each sentence, computed by sacrebleu, from 0 to 100; higher is better.

    Sentences are scored with exponential smoothing, and n-gram orders that a short sentence does not have are left out
    (`effective_order`). The mean over sentences is not the BLEU of the corpus.
    """

    unit = "BLEU"
    higher_is_better = True
    value_range = (0.0, 100.0)
    column = ScoreColumn("BLEU", unit="0 to 100", places=1, short=None)

    @cached_property
    def _bleu(self) -> Any:
        from sacrebleu.metrics import BLEU

        return BLEU(lowercase=False, tokenize="13a", smooth_method="exp", effective_order=True)

    def score(self, guess: TextBatch, truth: TextBatch) -> Tensor:
        """BLEU-4 per sentence, from 0 to 100, `[V, B]`, float64."""
        values = each(lambda g, t: self._bleu.sentence_score(g, [t]).score, guess.texts, truth.texts, truth.labels)
        return values.clamp(0.0, 100.0)  # sacrebleu gives 100.00000000000004 for an exact sentence

    def reason(self, shape: tuple[int, ...]) -> str | None:
        """Says in a sentence why there is no BLEU here, for example because sacrebleu is not installed; else None."""
        if importlib.util.find_spec("sacrebleu") is None:
            return "needs the package sacrebleu: pip install 'leakbench[text]'"
        return super().reason(shape)

    def facts(self) -> dict[str, Any]:
        """The facts of the base, the implementation, and sacrebleu's own signature if sacrebleu is installed."""
        return super().facts() | {
            "implementation": "sacrebleu: sentence, 13a, case kept, exponential smoothing, effective order",
            "signature": self._signature(),
        }

    def _signature(self) -> str | None:
        """The signature that every reported BLEU should carry (Post 2018, section 3); it exists after a first score."""
        if importlib.util.find_spec("sacrebleu") is None:
            return None
        self._bleu.sentence_score("one", ["one"])
        return str(self._bleu.get_signature())
