"""Reconstruction of sentences by matching gradients over word embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bench.attacks.chunks import claimed
from bench.attacks.matcher import Matcher
from bench.engine.directions import Direction
from bench.engine.embeddings import Embedded
from bench.engine.matching import Arrangement, Matching, Objective
from bench.engine.rng import draw
from bench.engine.settings import EngineSettings
from bench.engine.state import Finished
from bench.engine.steps import StepRule
from bench.engine.stops import Stop
from bench.errors import NotApplicable
from bench.labels.base import LabelRule
from bench.labels.lengths import inferred_mask
from bench.messages.base import rows_of
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.task import Language
from bench.models.text.nearest_tokens import MEASURES
from bench.models.text.special_tokens import allowed_tokens, nearest_tokens, special_tokens
from bench.objectives.gradient_transforms import GradientTransform
from bench.priors.base import Prior


class TextMatching(Matcher):
    """Minimises the distance between the gradient of dummy word embeddings and the gradient that was shared.

    Tokens have no gradient, so a point in the space of embeddings is optimised for each place. In the end, each place
    gets the token whose embedding is nearest. If the threat model hides lengths, they are inferred
    (`bench.labels.lengths`). The tokens that every sentence starts and ends with are public. They are reconstructed as
    they are, while the embeddings at their places are free to move (`bench.attacks.text.fixed_special_tokens` fixes
    them).

    For a classifier, labels are classes. For a language model, they are the tokens to predict: every token but the
    first (causal), or every word (masked, if no token is hidden). The last token of a causal model's sentence is input
    to no prediction, so its embedding has no gradient; there the token of the largest label logit is taken. If a masked
    language model has hidden tokens, the threat model has to grant which ones. Tokens that are granted as labels are
    taken as they are.

    Args:
        objective: see `Matcher`.
        views: see `Matcher`.
        priors: penalties on embeddings `[S, B, T, D]`, added to the distance.
        labels: see `Matcher`.
        deviation: standard deviation of the normal numbers at which dummy embeddings start, >= 0.
        start_labels: see `Matcher`.
        token_scale: label logits of language models are this factor times the variables, > 0. A softmax over thousands
            of tokens starts flat, and so does its derivative: L-BFGS, which measures distances in its variables, would
            hardly move the logits without the factor.
        direction: see `Matcher`.
        step: see `Matcher`.
        stop: see `Matcher`.
        select: see `Matcher`.
        restarts: see `Matcher`.
        nearest: `euclidean` or `cosine`, by which the nearest token is found.
        engine: see `Matcher`.

    Raises:
        ValueError: a word is none of those named, restarts < 1, deviation < 0, or token_scale <= 0.
    """

    of_sentences = True

    def __init__(
        self,
        objective: Objective,
        views: Sequence[GradientTransform],
        priors: Sequence[Prior],
        labels: LabelRule | None,
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
        """Refuses an observation that the attack cannot serve, such as one without the hidden tokens.

        Raises:
            NotApplicable: the message names the first need that is not met.
        """
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
        """Drops the need for the number of classes of language models, whose vocabulary is public."""
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
        """Returns the initial variables `[n]` of one run: embeddings, then label logits.

        Args:
            seen: the observation.
            seed: seed of the attacker's random numbers.
            victim: position of the victim in the observation.
            restart: number of the run.
        """
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
        """Reconstructs tokens `[k, B, T]` from the iterates `x` `[k, n]` of `victims` `[k]`; -1 at padding."""
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
    """`[V, B, T]`, bool: every token but the first (causal), or every token that is not special (masked)."""
    assert seen.mask is not None
    language = _language(seen)
    if language.head == "masked":
        return seen.mask & (special_tokens(seen.mask, language.tokenizer) < 0)
    return seen.mask & (torch.arange(seen.mask.shape[-1], device=seen.mask.device) > 0)


def _last(mask: Tensor) -> Tensor:
    """`[..., T]`, bool: true at the last place of each sentence."""
    return mask & (mask.flip(-1).cumsum(-1).flip(-1) == 1)
