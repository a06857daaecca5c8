"""The discrete half of LAMP: its starts, and the edits that it tries between gradient steps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.attacks.text.edits import edits, shuffled
from bench.attacks.text.lamp_objective import LampObjective
from bench.engine.rng import draw
from bench.engine.solver_state import SolverState
from bench.host import signals
from bench.priors.language_model import Disfluency


@dataclass(frozen=True)
class Edits:
    """When edits are tried, how many of them, and how they are judged.

    Args:
        tried: candidates per sentence and round, >= 1; the first of them is the sentence as it is.
        every: steps between two rounds, >= 1.
        burn_in: share of the steps before the first round, in [0, 1].
        fluency: lambda_lm, weight of the language model's log-perplexity relative to the objective, >= 0.

    Raises:
        ValueError: an argument is out of its range.
    """

    tried: int
    every: int
    burn_in: float
    fluency: float

    def __post_init__(self) -> None:
        if self.tried < 1 or self.every < 1:
            raise ValueError(f"tried={self.tried}, every={self.every}: must be >= 1 (candidates, steps)")
        if not 0 <= self.burn_in <= 1:
            raise ValueError(f"burn_in={self.burn_in}: must lie in [0, 1] (share of the steps)")
        if self.fluency < 0:
            raise ValueError(f"fluency={self.fluency}: must be >= 0 (weight of the log-perplexity)")


@dataclass
class Spent:
    """The cost of V victims in addition to gradient steps; both fields are `[V]`.

    Args:
        evaluations: evaluations of the objective.
        seconds: wall time.
    """

    evaluations: Tensor
    seconds: Tensor

    @classmethod
    def nothing(cls, victims: int) -> Spent:
        """Makes a cost of zero for this number of victims, on the CPU."""
        return cls(torch.zeros(victims, dtype=torch.long), torch.zeros(victims, dtype=torch.float64))

    def add(self, victims: Tensor, evaluations: int, began: float) -> None:
        """Adds evaluations to each of some victims, and divides the time since `began` equally among them.

        Args:
            victims: `[S]`, positions; a victim that occurs twice counts once.
            evaluations: evaluations per victim.
            began: `time.perf_counter()` at the beginning of the work.
        """
        once = victims.cpu().unique()
        self.evaluations[once] += evaluations
        self.seconds[once] += (time.perf_counter() - began) / len(once)


def permuted(x: Tensor, order: Tensor, sentence: int, like: tuple[int, int, int]) -> Tensor:
    """Returns the variables with the embeddings of one sentence in another order.

    Args:
        x: `[S, n]`, variables.
        order: `[S, T]`, place t gets the embedding of place `order[:, t]`.
        sentence: number of the sentence in its batch.
        like: (B, T, D).
    """
    b, t, width = like
    size = b * t * width
    points = x[:, :size].reshape(len(x), b, t, width).clone()
    points[:, sentence] = points[:, sentence].gather(1, order.unsqueeze(-1).expand(-1, -1, width))
    return torch.cat([points.flatten(1), x[:, size:]], 1)


@dataclass(frozen=True)
class Places:
    """The position in a batch at which each victim is evaluated, whichever victims are evaluated beside it.

    Args:
        seats: the position of each of V victims (`bench.engine.seats`).
        slots: number of positions in the batch.
    """

    seats: Sequence[int]
    slots: int


class Starts:
    """Each victim's start: the best by the objective of some random ones, then of some permutations of that.

    Args:
        objective: over all victims, with slots of its own.
        seed: seed of the attacker's random numbers.
        starts: number of random starts, >= 1.
        permutations: number of permutations of the best of them, >= 0.
        spent: the cost is added to it.
        places: where each victim is evaluated; None for the first positions of a batch that is as large as necessary.
    """

    def __init__(
        self,
        objective: LampObjective,
        seed: int,
        starts: int,
        permutations: int,
        spent: Spent,
        places: Places | None = None,
    ) -> None:
        self._objective, self._seed, self._spent = objective, seed, spent
        self._starts, self._permutations, self._places = starts, permutations, places

    def __call__(self, victims: Tensor) -> Tensor:
        """Victims `[k]` -> variables `[k, n]`."""
        began, victims = time.perf_counter(), victims.cpu()
        rows = list(range(len(victims)))
        if self._places is not None:
            rows = [self._places.seats[victim] for victim in victims.tolist()]
            everyone = victims[:1].repeat(self._places.slots)
            everyone[rows] = victims
            victims = everyone
        self._objective.load(victims.to(self._objective.sentences.ids.device))
        x = self._drawn(victims, 0)
        if self._starts + self._permutations > 1:
            best = self._objective.value(x)
            for i in range(1, self._starts):
                x, best = self._better(x, best, self._drawn(victims, i))
            for i in range(self._permutations):
                x, best = self._better(x, best, self._permuted(x, victims, i))
        self._spent.add(victims, self._starts + self._permutations, began)
        return x[rows]

    def _drawn(self, victims: Tensor, i: int) -> Tensor:
        sentences, logits = self._objective.sentences, self._objective.layout.label_logits
        return torch.stack([sentences.start(v, logits, self._seed, "start", i) for v in victims.tolist()])

    def _permuted(self, x: Tensor, victims: Tensor, i: int) -> Tensor:
        sentences, layout = self._objective.sentences, self._objective.layout
        free = sentences.free[victims.to(x.device)]
        numbers = sentences.ids.tolist()
        drawn = [
            draw("uniform", tuple(free.shape[1:]), self._seed, "permutation", i, numbers[v]) for v in victims.tolist()
        ]
        order = shuffled(free, torch.stack(drawn).to(x.device))
        for sentence in range(layout.batch_size):
            x = permuted(x, order[:, sentence], sentence, (layout.batch_size, layout.length, layout.width))
        return x

    def _better(self, x: Tensor, best: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        signals.check()
        value = self._objective.value(other)
        lower = value < best
        return torch.where(lower.unsqueeze(1), other, x), torch.where(lower, value, best)


class OrderSearch:
    """Tries edits of the sentences at work, and moves an iterate if an edit is better.

    Candidates are compared by the objective plus `fluency` times the mean log-perplexity of the batch's sentences. The
    sentence as it is takes part in the comparison, so a move never raises this sum.

    Args:
        plan: see `Edits`.
        objective: the objective of the loop, with its slots.
        disfluency: the language model.
        iterations: the loop's budget of iterations.
        seed: seed of the attacker's random numbers.
        spent: the cost is added to it.

    Attributes:
        tried: `[V]`, number of sentences on which edits were tried.
        moved: `[V]`, number of those for which an edit was better.
    """

    def __init__(
        self, plan: Edits, objective: LampObjective, disfluency: Disfluency, iterations: int, seed: int, spent: Spent
    ) -> None:
        self._plan, self._objective, self._disfluency = plan, objective, disfluency
        self._first, self._seed, self._spent = plan.burn_in * iterations, seed, spent
        self.tried, self.moved = torch.zeros_like(spent.evaluations), torch.zeros_like(spent.evaluations)
        self._latest = torch.zeros_like(spent.evaluations)  # [V], the iteration of a victim's latest round

    def __call__(self, work: SolverState) -> None:
        """Runs a round of edits for the victims whose turn it is; slots without a victim are left out."""
        state, layout = work.state, self._objective.layout
        latest = self._latest[state.victim.cpu()].to(state.victim.device)  # a moved iterate comes here twice
        turn = (state.iterations % self._plan.every == 0) & (state.iterations > latest)
        due = turn & (state.iterations >= self._first) & ~state.fresh & ~work.parked
        if not due.any() or self._plan.tried == 1:
            return
        self._latest[state.victim[due].cpu()] = state.iterations[due].cpu()
        began, x = time.perf_counter(), state.x
        tokens = self._objective.sentences.tokens(layout.split(x)[0], state.victim)
        moves = torch.zeros_like(due)
        for sentence in range(layout.batch_size):
            order, better = self._best(x, tokens[:, sentence], sentence, state.victim, state.iterations)
            better = better & due
            here = torch.arange(layout.length, device=x.device).expand_as(order)
            order = torch.where(better.unsqueeze(1), order, here)
            x = permuted(x, order, sentence, (layout.batch_size, layout.length, layout.width))
            tokens[:, sentence] = tokens[:, sentence].gather(1, order)
            moves = moves | better
            self.tried[state.victim[due].cpu()] += 1
            self.moved[state.victim[better].cpu()] += 1
        work.jump(moves, x)
        self._spent.add(state.victim[due], self._plan.tried * layout.batch_size, began)

    def _best(
        self, x: Tensor, tokens: Tensor, sentence: int, victims: Tensor, iterations: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The order `[S, T]` of each slot's best candidate, and `[S]` whether it is better than the present one."""
        orders = self._candidates(victims, iterations, sentence)
        total = torch.stack([self._value(x, orders[:, k], sentence) for k in range(orders.shape[1])], 1).double()
        if self._plan.fluency:
            candidates = tokens.unsqueeze(1).expand(-1, orders.shape[1], -1).gather(2, orders)
            scores = self._disfluency(candidates.flatten(0, 1)).view_as(total)
            total = total + self._plan.fluency * scores / self._objective.layout.batch_size
        total = torch.where(total.isnan(), torch.inf, total)
        lowest, best = total.min(1)
        chosen = orders.gather(1, best.view(-1, 1, 1).expand(-1, 1, orders.shape[2])).squeeze(1)
        return chosen, lowest < total[:, 0]

    def _candidates(self, victims: Tensor, iterations: Tensor, sentence: int) -> Tensor:
        """`[S, K, T]`, drawn per victim and iteration, so that they do not depend on the other victims at work."""
        sentences, shape = self._objective.sentences, (self._plan.tried, 3)
        free, numbers = sentences.free[:, sentence].cpu(), sentences.ids.tolist()
        found = []
        for victim, iteration in zip(victims.tolist(), iterations.tolist()):
            random = draw("uniform", shape, self._seed, "edits", numbers[victim], iteration, sentence)
            found.append(edits(free[victim], random))
        return torch.stack(found).to(victims.device)

    def _value(self, x: Tensor, order: Tensor, sentence: int) -> Tensor:
        signals.check()
        layout = self._objective.layout
        return self._objective.value(permuted(x, order, sentence, (layout.batch_size, layout.length, layout.width)))
