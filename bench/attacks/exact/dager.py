"""DAGER: exact sentences from the space that the gradients span (Petrov et al. 2024, arXiv 2405.15586)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.attacks.base import Attack
from bench.attacks.exact.sentence_check import SentenceCheck, checks_prefixes, second_span
from bench.attacks.exact.sentence_search import Descent, Found, ended, from_left_to_right
from bench.attacks.exact.span_check import distances, nearest_first, projections, span_of
from bench.attacks.exact.targets import TargetSearch, targets_of
from bench.attacks.exact.text_update import TextUpdate, possible_lengths
from bench.engine.rng import draw
from bench.engine.settings import EngineSettings
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.models.text.base import pack

_AT_ONCE = 2**19  # entries of a layer's inputs per chunk: 2 MiB in float32, which fits a processor's cache


@dataclass(eq=False)
class _Claim:
    """The reconstruction of one victim, and what it cost."""

    tokens: Tensor  # [B, T]
    labels: Tensor  # [B]
    objective: float
    checked: int
    evaluations: int
    status: Status


class Dager(Attack):
    """Exact search for tokens and sentences, without optimisation and without labels.

    1. The gradient of the first attention layer spans the inputs of that layer (`bench.attacks.exact.span_check`).
    Every token of the vocabulary is tested at every position, independently of the others.
    2. Sentences of the tokens found are tested in the same way against the second attention layer
    (`bench.attacks.exact.sentence_check`): a decoder's sentences token by token from the left, an encoder's sentences
    by descent (`bench.attacks.exact.sentence_search`).
    3. The targets of the prediction are labels, hidden words, or the last word of a causal model's sentence, which is
    an input to nothing else. They are chosen such that they explain the whole gradient (`bench.attacks.exact.targets`).
    The objective is the relative squared distance between the shared gradient and that of the reconstruction. The paper
    has no such step.

    The search is exact if the batch has fewer tokens than the network is wide and the gradient is not perturbed. A
    victim has converged if the reconstruction explains its gradient. If the gradients span everything (because of too
    many tokens, or of noise), no token is claimed. If there is noise but the rank is known (lengths are granted), the
    nearest tokens are claimed.

    Lengths are those granted (`seen.mask`). Otherwise a sentence ends where the token that ends every sentence passes
    the test or, for a decoder, where no token continues it. Labels are neither needed nor used. `iterations` counts the
    sentences tested, and `evaluations` the gradients computed in step 3.

    Args:
        rank_tolerance: singular values below this share of the largest count as noise, in (0, 1); the rounding of
            float32 leaves 1e-7.
        token_threshold: a token passes up to this relative distance from the first span, in (0, 1) (the paper's tau_1).
        sentence_threshold: a sentence passes up to this mean relative distance from the second span, in (0, 1) (the
            paper's tau_2).
        candidates: the most tokens per position, >= 1; the nearest are kept.
        tries: starts per victim of the search for an encoder's sentences, >= 1.
        enough: the reconstruction is verified at or below this relative squared distance between gradients.
        steps: the most steps of the search for targets, >= 1.
        engine: settings, of which the type of the computation is used.

    Raises:
        ValueError: a number is out of its range.
    """

    of_sentences = True

    def __init__(
        self,
        rank_tolerance: float,
        token_threshold: float,
        sentence_threshold: float,
        candidates: int,
        tries: int,
        enough: float,
        steps: int,
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__()
        shares = {"rank_tolerance": rank_tolerance, "token_threshold": token_threshold}
        shares["sentence_threshold"] = sentence_threshold
        for name, value in shares.items():
            if not 0 < value < 1:
                raise ValueError(f"{name}={value}: must be between 0 and 1")
        for name, count in {"candidates": candidates, "tries": tries, "steps": steps}.items():
            if count < 1:
                raise ValueError(f"{name}={count}: must be >= 1")
        self.rank_tolerance, self.token_threshold = rank_tolerance, token_threshold
        self.sentence_threshold, self.candidates, self.tries = sentence_threshold, candidates, tries
        self.enough, self.steps, self.engine = enough, steps, engine

    @property
    def needs(self) -> frozenset[str]:
        """Batch size, classes, buffers, soft labels, and two attention layers, known and with shared gradients."""
        needs = {"batch_size", "classes", "buffers", "soft_labels", "two_attention_layers", "attention_shared"}
        return frozenset(needs)

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Yields the reconstruction of each victim, one victim after the other.

        Args:
            seen: see `Attack.reconstruct`.
            seed: see `Attack.reconstruct`.
        """
        self.check(seen)
        for position in range(len(seen)):
            begin = time.perf_counter()
            claim = self._claim(seen, position, seed)
            yield Reconstruction(
                ids=seen.ids[position : position + 1],
                inputs=claim.tokens[None],
                labels=claim.labels[None],
                objective=torch.tensor([claim.objective], dtype=torch.float64),
                iterations=torch.tensor([claim.checked]),
                evaluations=torch.tensor([claim.evaluations]),
                seconds=torch.tensor([time.perf_counter() - begin], dtype=torch.float64),
                status=[claim.status],
            )

    def _claim(self, seen: Observation, position: int, seed: int) -> _Claim:
        victim = TextUpdate.of(seen, position, self.engine.dtype)
        if not all(bool(torch.isfinite(value).all()) for value in victim.gradients.values()):
            return _nothing(victim, seen.ids.device, Status.NONFINITE)
        candidates = self.tokens(victim)
        if candidates is None:
            return _nothing(victim, seen.ids.device, Status.BUDGET)
        check = self._second(victim)
        number = int(seen.ids[position])
        found = self._sentences(victim, check, candidates, seed, number)
        claim = self._with_targets(seen, victim, found)
        claim.checked = check.checked
        return claim

    def tokens(self, victim: TextUpdate) -> list[list[int]] | None:
        """Returns the tokens of each position that pass the first test, the nearest first.

        Returns None if most of the vocabulary passes. Normalised inputs lie in a hyperplane, so a span that lacks one
        dimension of the whole space distinguishes nothing.
        """
        language, read = victim.language, victim.read
        blocks = projections(victim.gradients, language.first_attention)
        width = blocks[0].shape[1]
        span = span_of(blocks, self.rank_tolerance, width if read is None else sum(read))
        length = victim.length if read is None else max(read)
        first = language.first_input
        assert first is not None
        with torch.no_grad():
            distance = distances(
                lambda tokens: first(victim.parameters, tokens),
                span,
                len(language.tokenizer),
                length,
                max(1, _AT_ONCE // (length * width)),
            )
        if not len(span.basis) or distance.median() <= self.token_threshold:
            return None
        return [
            nearest_first(column, self.token_threshold, least, self.candidates)
            for column, least in zip(distance.unbind(1), victim.alive(length))
        ]

    def _second(self, victim: TextUpdate) -> SentenceCheck:
        language = victim.language
        width = projections(victim.gradients, language.second_attention)[0].shape[1]
        most = width if victim.read is None else sum(victim.read)
        span = second_span(language, victim.gradients, self.rank_tolerance, most)
        # the widest tensor inside a layer is four times as wide
        return SentenceCheck(language, victim.parameters, span, max(1, _AT_ONCE // (4 * victim.length * width)))

    def _sentences(
        self, victim: TextUpdate, check: SentenceCheck, candidates: list[list[int]], seed: int, number: int
    ) -> list[Found]:
        device, read = check.span.basis.device, victim.read
        if checks_prefixes(victim.language):
            levels = from_left_to_right(
                lambda tokens: check.rows(tokens)[:, -1],
                candidates,
                victim.alive(len(candidates)),
                self.sentence_threshold,
                self.candidates,
                device,
            )
            return ended(levels, read, victim.count)
        end = victim.end
        lengths = read if read is not None else possible_lengths(candidates, end)
        random = draw("uniform", (self.tries, victim.length), seed, "dager", number)
        descent = Descent(check, self.sentence_threshold, self.tries, device)
        return descent(candidates, lengths, read is not None, victim.count, random, end)

    def _with_targets(self, seen: Observation, victim: TextUpdate, found: list[Found]) -> _Claim:
        """The reconstruction of one victim, completed by the targets of its prediction."""
        device, language, classes = seen.ids.device, victim.language, seen.task.classes
        assert classes is not None
        tokens, mask = victim.laid_out([one.tokens for one in found])
        claim = _nothing(victim, device, Status.BUDGET)
        claim.tokens = tokens
        if not mask.any(1).all():
            return claim
        targets, still_open = targets_of(language, tokens, mask, classes)
        targets = targets.to(self.engine.dtype)
        inputs = pack(tokens.clamp(min=0), mask)
        search = TargetSearch(
            lambda wanted: seen.task.gradient(victim.parameters, victim.buffers, inputs, wanted),
            victim.gradients,
            seen.task.unit,
            self.enough,
            self.steps if all(one.distance <= self.sentence_threshold for one in found) else 1,
        )
        targets, claim.objective = search(targets, still_open)
        claim.evaluations = search.evaluations
        if language.head == "classification":
            claim.labels = targets.argmax(-1)
        else:
            claim.tokens = torch.where(still_open, targets.argmax(-1), claim.tokens)
        claim.status = Status.CONVERGED if claim.objective <= self.enough else Status.BUDGET
        return claim


def _nothing(victim: TextUpdate, device: torch.device, status: Status) -> _Claim:
    tokens = torch.full((victim.count, victim.length), -1, device=device)
    return _Claim(tokens, tokens[:, 0].clone(), torch.nan, 0, 0, status)
