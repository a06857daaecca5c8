"""Records examples that people read as text, such as the rows of a table, rather than look at."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bench.modalities.base import at

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from bench.messages.reconstruction import Reconstruction
    from bench.messages.victims import Victims
    from bench.metrics.scorer import Scores


def record_words(
    rows: list[dict[str, Any]],
    guess: Reconstruction,
    truth: Victims,
    scores: Scores,
    kept: Tensor,
    words: Callable[[Tensor], str],
) -> dict[str, np.ndarray] | None:
    """Adds the examples in words to their rows, and returns the curve of the objective; see `Modality.record`.

    Args:
        rows: see `Modality.record`; `text`, `text_guess` and `text_trace` are added.
        guess: see `Modality.record`.
        truth: see `Modality.record`.
        scores: see `Modality.record`.
        kept: see `Modality.record`.
        words: an example in words.
    """
    batch = truth.labels.shape[1]
    for v in kept.tolist():
        traces = _traces(guess, scores, v, words)
        for b in range(batch):
            rows[v * batch + b] |= {
                "text": words(truth.inputs[v, b]),
                "text_guess": words(scores.guess.inputs[v, b]) if scores.scored[v] else None,
                "text_trace": None if traces is None else json.dumps(traces[b], ensure_ascii=False),
            }
    if not len(kept) or "curve" not in guess.trace:
        return None
    return at({"ids": guess.ids, "curve_at": guess.trace["curve_at"], "curve": guess.trace["curve"]}, kept)


def _traces(
    guess: Reconstruction, scores: Scores, v: int, words: Callable[[Tensor], str]
) -> list[list[tuple[int, str]]] | None:
    """`(iteration, words)` at each moment of each of a victim's examples, assigned as the scores are; or None."""
    if "images" not in guess.trace:
        return None
    order = scores.permutation[v].to(guess.trace["images"].device)
    moments, examples = guess.trace["moments"][v].tolist(), guess.trace["images"][v][:, order].transpose(0, 1)
    return [[(at, words(one)) for at, one in zip(moments, each) if at >= 0] for each in examples]
