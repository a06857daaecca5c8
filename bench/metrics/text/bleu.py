"""BLEU of single sentences (Papineni et al. 2002; Post 2018, arXiv 1804.08771)."""

from __future__ import annotations

import importlib.util
from functools import cached_property
from typing import Any

from torch import Tensor

from bench.metrics.column import ScoreColumn
from bench.metrics.text.batch import TextBatch, TextMetric, each


class Bleu(TextMetric):
    """BLEU-4 of each sentence by sacrebleu, 0 to 100; higher is better.

    Sentence-level: exponential smoothing, and orders that a short sentence does not have are left out
    (`effective_order`). Its mean is not the BLEU of the corpus.
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
        """`[V, B]`, float64."""
        values = each(lambda g, t: self._bleu.sentence_score(g, [t]).score, guess.texts, truth.texts, truth.labels)
        return values.clamp(0.0, 100.0)  # an exact sentence comes out as 100.00000000000004

    def reason(self, shape: tuple[int, ...]) -> str | None:
        """As the base; also where sacrebleu is not installed."""
        if importlib.util.find_spec("sacrebleu") is None:
            return "needs the package sacrebleu: pip install 'leakbench[text]'"
        return super().reason(shape)

    def facts(self) -> dict[str, Any]:
        """The base's facts, which implementation, and sacrebleu's own signature of it where it is installed."""
        return super().facts() | {
            "implementation": "sacrebleu: sentence, 13a, case kept, exponential smoothing, effective order",
            "signature": self._signature(),
        }

    def _signature(self) -> str | None:
        """What Post (2018, section 3) asks every reported BLEU to carry; sacrebleu knows it once it has scored."""
        if importlib.util.find_spec("sacrebleu") is None:
            return None
        self._bleu.sentence_score("one", ["one"])
        return str(self._bleu.get_signature())
