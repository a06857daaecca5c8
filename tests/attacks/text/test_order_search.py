"""LAMP's discrete half: its start is the best of the candidates, and an edit never raises what it is judged by."""

import pytest
import torch
from attacks.text.lamp_parts import parts

from bench.attacks.text.order_search import Edits, OrderSearch, Spent, Starts, permuted
from bench.engine.solver_state import SolverState


@pytest.mark.slow
def test_the_start_is_the_best_of_all_candidates(cell) -> None:
    """More candidates are never worse, and each costs an evaluation."""
    parties = cell("data.batch_size=2")
    seen = parties.client.share(parties.data.deal(range(3)))
    _, _, objective = parts(parties.attack, seen)
    lowest = []
    for starts, permutations in ((1, 0), (5, 0), (5, 6)):
        spent = Spent.nothing(3)
        x = Starts(objective, 0, starts, permutations, spent)(torch.arange(3))
        assert spent.evaluations.tolist() == [starts + permutations] * 3 and (spent.seconds > 0).all()
        lowest.append(objective.value(x))
    assert (lowest[1] <= lowest[0]).all() and (lowest[2] <= lowest[1]).all()
    assert (lowest[2] < lowest[0]).any()


@pytest.mark.slow
@pytest.mark.parametrize("fluency", [0.0, 0.2])
def test_an_edit_never_raises_what_it_is_judged_by_and_only_reorders(cell, fluency: float) -> None:
    """The criterion computed anew before and after a round, on true sentences of which one stands backwards."""
    parties = cell("data.batch_size=2")
    victims = parties.data.deal(range(3))
    seen = parties.client.share(victims)
    layout, sentences, objective = parts(parties.attack, seen)
    shape = (layout.batch_size, layout.length, layout.width)
    points = torch.stack([table[row] for table, row in zip(sentences.table, victims.inputs)])
    logits = 9 * torch.nn.functional.one_hot(victims.labels, seen.task.classes).double()
    x = torch.cat([points.flatten(1), logits.flatten(1)], 1)
    reverse = torch.stack([torch.arange(layout.length)] * 3)
    for row, free in zip(reverse, sentences.free[:, 0]):
        row[free] = row[free].flip(0)
    x = permuted(x, reverse, 0, shape)
    disfluency = parties.attack.language_model.learn(seen)
    spent = Spent.nothing(3)
    search = OrderSearch(Edits(20, 2, 0.0, fluency), objective, disfluency, 10, 0, spent)
    minimiser = parties.attack.minimiser
    work = SolverState(minimiser.direction, minimiser.step, minimiser.stop, None, objective, minimiser.keeping)
    work.begin(range(3), lambda victims: x[victims])
    work.advance()
    work.state.iterations += 4  # as if it had come so far
    search(work)
    after, moved = work.state.x, search.moved > 0

    def judged(z: torch.Tensor) -> torch.Tensor:
        tokens = sentences.tokens(layout.split(z)[0], torch.arange(3))
        return objective.value(z) + fluency * disfluency(tokens.flatten(0, 1)).view(3, 2).mean(1)

    assert (judged(after) <= judged(x) + 1e-12).all() and (judged(after) < judged(x))[moved].all()
    assert moved.any() and torch.equal(work.state.fresh, moved)
    assert search.tried.tolist() == [2] * 3 and spent.evaluations.tolist() == [40] * 3
    before, now = layout.split(x)[0], layout.split(after)[0]
    assert torch.equal(now[~sentences.free], before[~sentences.free])
    assert torch.equal(layout.split(after)[1], layout.split(x)[1])
    # each sentence holds the same embeddings as before
    assert torch.equal(now.sort(2).values, before.sort(2).values)


def test_edits_that_make_no_sense_are_named() -> None:
    for wrong in ("tried=0", "burn_in=2", "fluency=-1"):
        name, value = wrong.split("=")
        arguments = {"tried": 5, "every": 5, "burn_in": 0.1, "fluency": 0.2, name: float(value)}
        with pytest.raises(ValueError, match=name):
            Edits(**arguments)
