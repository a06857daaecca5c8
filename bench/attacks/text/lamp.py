"""LAMP (Balunovic, Dimitrov, Jovanovic, Vechev 2022, arXiv 2202.08827)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from bench.attacks.base import Attack
from bench.attacks.chunks import claimed, in_chunks, tuned_once
from bench.attacks.text.lamp_objective import KnownSentences, LampObjective
from bench.attacks.text.order_search import Edits, OrderSearch, Places, Spent, Starts
from bench.engine.adaptive import Adam, AdamW
from bench.engine.embeddings import Embedded
from bench.engine.loop import Minimiser
from bench.engine.matching import Matching, Objective
from bench.engine.settings import EngineSettings
from bench.engine.state import Finished
from bench.engine.steps import StepRule
from bench.engine.stops import Tolerances
from bench.engine.trace import WORDS
from bench.engine.tuning import Tuned
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.priors.embedding_length import EmbeddingLength
from bench.priors.language_model import LanguageModel


class LAMP(Attack):
    """Gradient steps on word embeddings, and between them edits of the word order, judged also by a language model.

    Continuous part: minimise distance(g(x), g*) + lambda_reg (mean ||x_i|| - mean length)^2 over embeddings x, by Adam.
    Discrete part: in regular rounds, some edits of each sentence are tried (swap two tokens, move a token or a span,
    move a prefix to the end), and compared by distance + lambda_lm log-perplexity. The best replaces the sentence if it
    is better. The start is the best of some random ones, and then of some permutations of it. The reconstructed tokens
    are those of the nearest embeddings.

    All evaluations are counted: gradient steps, starts, permutations, and candidates of edits, whose objective is
    computed without its gradient.

    Departs:
        The paper knows the labels. Here they are known if the threat model grants them, and are otherwise optimised
        jointly as logits, which are drawn with each random start. The paper knows the lengths; here they are inferred
        if they are not granted (`bench.labels.lengths`).
        Candidates for the start are scaled to the length of a word embedding before they are compared (the published
        code scales the chosen one afterwards), and each sentence of a batch has its own permutation (the code: one for
        all).
        The regulariser's target is the mean length of the victim's own embeddings (`bench.priors.embedding_length`),
        the language model is configured, and the log-perplexity is that of the sentence without start, end and padding,
        a mean over the batch. In a batch of several sentences, a candidate is compared with the present state (the
        code: with the best candidate of the previous sentence).
        Only gradients larger than rounding count, so those of the keys' biases do not; the value of the objective
        differs from that of the code (`bench.objectives.layer_cosine`).

    Args:
        objective: distance, `(gradients, observed) -> [S]`.
        length: the regulariser.
        language_model: judges edits.
        edits: see `bench.attacks.text.order_search.Edits`.
        starts: number of random starts, >= 1.
        permutations: number of permutations of the best start, >= 0.
        iterations: gradient steps, >= 1.
        direction: see `bench.engine.adaptive`; the direction must be elementwise, so that fixed places stay.
        step: see `bench.engine.steps`.
        measure: `cosine` or `euclidean`, by which the nearest token is found.
        engine: settings of the loop, such as the number of victims at once and the precision.

    Raises:
        ValueError: an argument is out of its range.
    """

    of_sentences = True

    def __init__(
        self,
        objective: Objective,
        length: EmbeddingLength,
        language_model: LanguageModel,
        edits: Edits,
        starts: int,
        permutations: int,
        iterations: int,
        direction: Adam | AdamW,
        step: StepRule,
        measure: str,
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__()
        if starts < 1 or permutations < 0:
            raise ValueError(f"starts={starts}, permutations={permutations}: must be >= 1 and >= 0")
        if measure not in ("cosine", "euclidean"):
            raise ValueError(f"measure={measure!r}: want cosine or euclidean")
        self.objective, self.length, self.language_model = objective, length, language_model
        self.edits, self.starts, self.permutations = edits, starts, permutations
        self.iterations, self.measure, self.engine = iterations, measure, engine
        # The budget allows for a second evaluation after each move of the search.
        stop = Tolerances(iterations, 2 * iterations + 1, 0.0, 0.0, None, 0.0)
        self.minimiser = Minimiser(direction, step, stop, "best", WORDS)

    @property
    def needs(self) -> frozenset[str]:
        """Batch size, buffers, classes, a loss that takes probabilities, and the needs of the language model."""
        return frozenset({"batch_size", "buffers", "classes", "soft_labels"}) | self.language_model.needs

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve; known labels make the number of classes needless.

        Raises:
            NotApplicable: the message names the first need that is not met.
            UserError: there is no such language model.
        """
        self._check_kind(seen)
        for_labels = frozenset({"classes", "soft_labels"})
        self._require(self.needs - (frozenset() if seen.labels is None else for_labels), seen)
        assert seen.task.language is not None
        if seen.task.language.head != "classification":
            raise NotApplicable(
                f"attack LAMP needs a model that classifies sentences; this one has a {seen.task.language.head} head "
                "(set model.head=classification)"
            )
        self.language_model.check(seen)

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Runs the loop over all victims, and yields each victim's reconstruction when it has finished.

        Args:
            seen: see `Attack.reconstruct`.
            seed: see `Attack.reconstruct`.
        """
        self.check(seen)
        language = seen.task.language
        assert seen.batch_size is not None and language is not None
        width = seen.parameters[language.embedding].shape[-1]
        logits = 0 if seen.labels is not None else seen.task.classes or 0
        layout = Embedded(seen.batch_size, seen.task.input_shape[0], width, logits)
        tuned = self._tuned(seen, layout, seed)

        def run(left: Tensor, slots: int) -> Iterator[Reconstruction]:
            return self._run(seen.take(left), layout, seed, tuned, slots)

        yield from in_chunks(seen, tuned.slots, self.engine, run)

    def _run(
        self, seen: Observation, layout: Embedded, seed: int, tuned: Tuned, slots: int
    ) -> Iterator[Reconstruction]:
        sentences = KnownSentences.of(seen, self.measure, self.engine.dtype)
        objective, for_starts = (self._objective(seen, layout, sentences) for _ in range(2))
        for one in (objective, for_starts):
            tuned.apply(one.matching)
        spent = Spent.nothing(len(seen))
        disfluency = self.language_model.learn(seen)
        search = OrderSearch(self.edits, objective, disfluency, self.iterations, seed, spent)
        seats = tuned.seats(seen.ids, 1, slots)
        places = None if seats is None else Places(seats, slots)
        start = Starts(for_starts, seed, self.starts, self.permutations, spent, places)
        watch = self.engine.watch
        for finished in self.minimiser.run(objective, start, len(seen), slots, watch, between=search, seats=seats):
            for ended in finished:  # one by one: a claim must not depend on what else has finished
                yield self._claim([ended], layout, seen, sentences, spent)

    def _objective(self, seen: Observation, layout: Embedded, sentences: KnownSentences) -> LampObjective:
        matching = Matching(seen, layout, self.objective, seen.labels, self.engine.dtype, mask=sentences.mask)
        return LampObjective(matching, layout, sentences, self.length)

    def _tuned(self, seen: Observation, layout: Embedded, seed: int) -> Tuned:
        def make(victims: Tensor) -> tuple[Matching, Tensor]:
            sentences = KnownSentences.of(seen, self.measure, self.engine.dtype)
            matching = self._objective(seen, layout, sentences).matching
            matching.load(victims.to(seen.ids.device))
            starts = [sentences.start(v, layout.label_logits, seed, "start", 0) for v in victims.tolist()]
            return matching, torch.stack(starts)

        fixed = seen.labels is not None
        return tuned_once(
            self.engine, seen, layout, make, self.minimiser, restarts=1, budget=self.iterations, fixed_labels=fixed
        )

    def _claim(
        self, finished: list[Finished], layout: Embedded, seen: Observation, sentences: KnownSentences, spent: Spent
    ) -> Reconstruction:
        position = torch.tensor([one.victim for one in finished], device=seen.ids.device)
        embeddings, logits = layout.split(torch.stack([one.x for one in finished]))
        labels = seen.labels[position] if logits is None and seen.labels is not None else logits.argmax(-1)  # type: ignore[union-attr]
        moments = torch.stack([one.images for one in finished]).to(position.device)
        v, m = moments.shape[:2]
        seen_then, _ = layout.split(moments.flatten(0, 1))
        at = torch.stack([one.at for one in finished])
        tokens = sentences.tokens(seen_then.reshape(v, m, *seen_then.shape[1:]), position)
        tokens = tokens.masked_fill((at < 0).view(v, m, 1, 1).to(tokens.device), -1)
        claim = claimed(finished, seen, sentences.tokens(embeddings, position), labels, {"tokens": tokens})
        victims = position.cpu()
        return replace(
            claim,
            evaluations=claim.evaluations + spent.evaluations[victims],
            seconds=claim.seconds + spent.seconds[victims],
        )
