"""Reconstruction of sentences by matching gradients over word embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bench.attacks.matcher import Matcher, claimed
from bench.engine.directions import Direction
from bench.engine.embeddings import Embedded
from bench.engine.matching import Arrangement, Matching, Objective
from bench.engine.rng import draw
from bench.engine.settings import EngineSettings
from bench.engine.state import Finished
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.errors import NotApplicable
from bench.labels.last_layer import LastLayer
from bench.labels.lengths import inferred_mask
from bench.messages import Language, Observation, Reconstruction, rows_of
from bench.models.text.nearest_tokens import MEASURES
from bench.models.text.special_tokens import allowed_tokens, nearest_tokens, special_tokens
from bench.objectives.gradient_transforms import GradientTransform
from bench.priors.base import Prior


class TextMatching(Matcher):
    """Minimises the distance between the gradient of dummy word embeddings and the gradient that was shared.

    Tokens have no gradient, so what is moved is a point in the space of embeddings for each place; in the end each
    place is claimed to hold the token whose embedding is nearest. Where the threat model hides lengths, they are
    inferred (`bench.labels.lengths`). The tokens that every sentence starts and ends with are public: they are claimed
    as they are, and the embeddings there are free to move (`bench.attacks.text.fixed_special_tokens` holds them).

    Labels are classes for a classifier. For a language model they are the tokens to predict: every one but the first
    (causal), or every word (masked, where nothing is hidden). A causal model's last token is input to no prediction, so
    its embedding has no gradient; there the token that its label logits name is claimed. Where a masked language model
    has hidden tokens, which they are has to be granted; there, and wherever else a token is granted as a label, it is
    claimed.

    Args:
        objective, views, labels, start_labels, direction, step, stop, select, restarts, engine: see `Matcher`.
        priors: penalties on embeddings `[V, B, T, D]`, added to the distance.
        deviation: standard deviation of the normal numbers that dummy embeddings start as, >= 0.
        token_scale: label logits of language models are this times what is optimised, > 0. A softmax over thousands of
            tokens starts flat, and so does its derivative: L-BFGS, which measures distances in its variables, would
            hardly move the logits.
        nearest: `euclidean`, or `cosine`.

    Raises:
        ValueError: a word is none of those named, restarts < 1, deviation < 0, or token_scale <= 0.
    """

    of_sentences = True

    def __init__(
        self,
        objective: Objective,
        views: Sequence[GradientTransform],
        priors: Sequence[Prior],
        labels: LastLayer | None,
        deviation: float,
        start_labels: str,
        token_scale: float,
        direction: Direction,
        step: StepRule,
        stop: Stop,
        select: str,
        restarts: int,
        nearest: str,
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__(
            objective, views, priors, labels, start_labels, direction, step, stop, select, restarts, engine=engine
        )
        if deviation < 0:
            raise ValueError(f"deviation={deviation}: must be >= 0 (of the embeddings at the start)")
        if token_scale <= 0:
            raise ValueError(f"token_scale={token_scale}: must be > 0")
        if nearest not in MEASURES:
            raise ValueError(f"nearest={nearest!r}: want one of {', '.join(MEASURES)}")
        self.deviation, self.token_scale, self.nearest = deviation, token_scale, nearest

    def check(self, seen: Observation) -> None:
        """Language models have tokens for labels."""
        self._check_kind(seen)
        self._check_targets(seen)
        super().check(seen)

    def _check_targets(self, seen: Observation) -> None:
        language = seen.task.language
        if seen.labels is not None or language is None or language.head == "classification":
            return
        name = type(self).__name__
        if language.hidden > 0:
            raise NotApplicable(
                f"attack {name} cannot know which tokens a masked language model has hidden (set data.hidden=0, or "
                "threat=labels_known)"
            )
        if self.labels is not None:
            raise NotApplicable(f"attack {name} infers labels of classifiers only (attack.labels=null for others)")

    def _needed(self, seen: Observation) -> frozenset[str]:
        """A language model's classes are its vocabulary, which is public."""
        needed, language = super()._needed(seen), seen.task.language
        return needed - {"classes"} if language is not None and language.head != "classification" else needed

    def _completed(self, seen: Observation) -> Observation:
        return seen if seen.mask is not None else replace(seen, mask=inferred_mask(seen))

    def _layout(self, seen: Observation) -> Embedded:
        assert seen.batch_size is not None
        language, length = _language(seen), seen.task.input_shape[0]
        tokens, width = seen.parameters[language.embedding].shape[1:]
        if language.head == "classification":
            logits = 0 if self._labelled(seen) else seen.task.classes or 0
            return Embedded(seen.batch_size, length, width, logits)
        logits = 0 if self._labelled(seen) else tokens
        return Embedded(seen.batch_size, length, width, logits, places=length, scale=self.token_scale)

    def _matching(self, seen: Observation, layout: Arrangement, labels: Tensor | None) -> Matching:
        predicted = _predicted(seen) if labels is None and _language(seen).head != "classification" else None
        dtype = self.engine.dtype
        return Matching(seen, layout, self.objective, labels, dtype, self.priors, mask=seen.mask, predicted=predicted)

    def start_of(self, seen: Observation, seed: int, victim: int, restart: int = 0) -> Tensor:
        """The initial variables `[n]` of the victim at this position: embeddings, then label logits."""
        layout = self._layout(seen)
        shape = (layout.batch_size, layout.length, layout.width)
        embeddings = self.deviation * draw("normal", shape, seed, "dummy words", int(seen.ids[victim]), restart)
        logits = self._start_logits(seen, seed, victim, restart, layout.n - layout.inputs)
        return torch.cat([embeddings.flatten(), logits / layout.scale]).to(self.engine.dtype)

    def _claim(
        self, finished: list[Finished], layout: Arrangement, seen: Observation, labels: Tensor | None
    ) -> Reconstruction:
        victims = torch.tensor([one.victim for one in finished], device=seen.ids.device)
        x = torch.stack([one.x for one in finished])
        tokens = self._tokens(x, layout, seen, victims)
        classes = torch.full(tokens.shape[:2], -1, device=tokens.device)
        if _language(seen).head == "classification":
            _, logits = layout.split(x)
            classes = labels[victims] if labels is not None else logits.argmax(-1)  # type: ignore[union-attr]
        at = torch.stack([one.at for one in finished])
        iterates = torch.stack([one.images for one in finished]).to(x.device).unbind(1)
        moments = torch.stack([self._tokens(iterate, layout, seen, victims) for iterate in iterates], 1)
        moments = moments.masked_fill((at < 0).to(x.device)[:, :, None, None], -1)
        return claimed(finished, seen, tokens, classes, {"tokens": moments})

    def _tokens(self, x: Tensor, layout: Arrangement, seen: Observation, victims: Tensor) -> Tensor:
        """What is claimed at the iterates `x` `[k, n]` of `victims` `[k]`: `[k, B, T]`, -1 at padding."""
        assert seen.mask is not None
        language, mask = _language(seen), seen.mask[victims]
        embeddings, logits = layout.split(x)
        table = rows_of(seen.parameters[language.embedding], victims)
        allowed = allowed_tokens(language.tokenizer, table.shape[1], x.device)
        frame = special_tokens(mask, language.tokenizer)
        tokens = nearest_tokens(embeddings.to(table.dtype), table, mask, frame, allowed, self.nearest)
        if logits is not None and language.head == "causal":
            predicted = logits.masked_fill(~allowed, -torch.inf).argmax(-1)
            tokens = torch.where(_last(mask) & (frame < 0), predicted, tokens)
        if seen.labels is not None and language.head != "classification":
            known = seen.labels[victims]
            tokens = torch.where(known >= 0, known, tokens)
        return tokens


def _language(seen: Observation) -> Language:
    assert seen.task.language is not None
    return seen.task.language


def _predicted(seen: Observation) -> Tensor:
    """`[V, B, T]`, bool: every token but the first (causal), or every one but the frame (masked)."""
    assert seen.mask is not None
    language = _language(seen)
    if language.head == "masked":
        return seen.mask & (special_tokens(seen.mask, language.tokenizer) < 0)
    return seen.mask & (torch.arange(seen.mask.shape[-1], device=seen.mask.device) > 0)


def _last(mask: Tensor) -> Tensor:
    """`[..., T]`, bool: the last place of each sentence."""
    return mask & (mask.flip(-1).cumsum(-1).flip(-1) == 1)
