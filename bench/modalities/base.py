"""The base of all kinds of private data.

A report reads this room, so no file of it imports torch when it is imported; a method may.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from bench.modalities.scale import LeakageScale

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from bench.messages.reconstruction import Reconstruction
    from bench.messages.victims import Victims
    from bench.metrics.base import SampleMetric
    from bench.metrics.scorer import Scorer, Scores
    from bench.models.text.tokenizer import Tokenizer


class Modality:
    """A kind of private data: the words of its reports, the order of its boards, its scorer and its recorder.

    A subclass sets the attributes without a default, and those whose default does not fit. The defaults suit data in
    the form of images, `[V, B, C, H, W]` in [0, 1]. The file of a kind has one instance, which it calls `MODALITY`
    (see `bench.modalities.lookup`).

    Attributes:
        name: what its examples are called, in the plural (`images`). Datamodules, metrics and stored cells name the
            kind by it, and it is the name of its file.
        noun: one example (`image`).
        metric: the option with the scores that every example has, `metric=image`.
        model: an option of a model that takes such data, for the message on one that does not.
        tokenized: whether the model brings a tokeniser, which turns the data into tokens.
        meaningless: the grants of a threat model that have no meaning for such data.
        scale: the scale of its leakage.
        success: `{bound in words: bound}` of the mean squared error (column `mse`) at or below which an example counts
            as recovered in the success rates; empty if its boards have no success rates.
        unlabelled: the sentence that says why its examples may have no labels; None if they have some.
        groups: the groups of columns on its boards, from left to right: `success` (the success rates), `labels`,
            `scores` (the metrics) and `costs`.
        ranking: `(metric, "up" or "down")`, whose means rank the rows of a board behind the success rates.
        by_batch: whether rows of one batch size stand together on a board; a terminal then shows B.
        squared: whether its boards have mean squared errors, whose intervals the foot explains.
        heading: the words before a board's threat model.
        linked: the words of the link from a board to a cell's stored examples, and the header of these links.
        trainable: whether `leakbench train` can train a classifier of such data.
        claimed: whether the claims of Deep Leakage from Gradients on defences (`bench.report.hypotheses`) are about it.
    """

    name: ClassVar[str]
    noun: ClassVar[str]
    metric: ClassVar[str]
    model: ClassVar[str]
    scale: ClassVar[LeakageScale]
    ranking: ClassVar[tuple[tuple[str, str], ...]]
    tokenized: ClassVar[bool] = False
    meaningless: ClassVar[tuple[str, ...]] = ("lengths", "word_embedding", "surrogate")
    success: ClassVar[Mapping[str, float]] = {}
    unlabelled: ClassVar[str | None] = None
    groups: ClassVar[tuple[str, ...]] = ("success", "labels", "scores", "costs")
    by_batch: ClassVar[bool] = False
    squared: ClassVar[bool] = False
    linked: ClassVar[tuple[str, str]] = ("grid", "pictures")
    trainable: ClassVar[bool] = False
    claimed: ClassVar[bool] = False

    @property
    def heading(self) -> str:
        """See the attributes above."""
        return f"{self.name.capitalize()}, threat model"

    def relevant(self, grants: Mapping[str, Any]) -> dict[str, Any]:
        """The grants `{name: granted}` of a threat model that have a meaning for such data."""
        return {name: value for name, value in grants.items() if name not in self.meaningless}

    def describe_shape(self, shape: tuple[int, ...]) -> str:
        """The shape of an example in words: `3x32x32`."""
        return "x".join(str(n) for n in shape)

    def scorer(self, metrics: Mapping[str, SampleMetric], tokenizer: Tokenizer | None) -> Scorer:
        """What compares reconstructions with the truth.

        Args:
            metrics: `{metric key: metric}`.
            tokenizer: the model's tokeniser; None if the kind of data is not tokenised.
        """
        from bench.metrics.scorer import Scorer

        return Scorer(metrics, self.name, self.metric)

    def record(
        self, rows: list[dict[str, Any]], guess: Reconstruction, truth: Victims, scores: Scores, kept: Tensor
    ) -> dict[str, np.ndarray] | None:
        """What is stored for people to look at, of the first victims: pictures `[C, H, W]`, and the objective.

        Args:
            rows: a row per private example, in the order of victims and positions; columns of text may be added (see
                `bench.results.stored_leak.StoredLeak.append`).
            guess: the result of the attack.
            truth: the private examples.
            scores: the scores, with the reconstructions in the order of the truth.
            kept: `[n]`, the positions in `guess` of the victims whose examples are stored.

        Returns:
            Tensors with a leading dimension n, as `StoredLeak.append` takes them; None if there are none.
        """
        if not len(kept):
            return None
        tensors = {"ids": guess.ids, "truth": truth.inputs, "guess": scores.guess.inputs, **guess.trace}
        if "images" in guess.trace:  # the same assignment as the scores, at every moment
            order = scores.permutation[:, None, :, None, None, None].to(guess.trace["images"].device)
            tensors["images"] = guess.trace["images"].take_along_dim(order, 2)
        return at(tensors, kept)


def at(tensors: Mapping[str, Tensor], kept: Tensor) -> dict[str, np.ndarray]:
    """The rows `kept` `[n]` of each tensor `[V, ...]`, as arrays."""
    return {name: value.detach().cpu()[kept].numpy() for name, value in tensors.items()}
