"""An objective that changes in the course of a run: which tensors are drawn, and what the value then is."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call
from torch.nn import functional

from bench.attacks.group_matching import GroupLayout
from bench.attacks.phased_matching import PhasedMatching, Phases
from bench.engine.matching import Layout
from bench.objectives.cosine import Cosine
from bench.priors.group_consistency import GroupConsistency
from bench.priors.total_variation import TotalVariation

PHASES = Phases(first=2, more=1, every=10, most=5, share=0.6, priors_from=5, statistics_from=7)
WHOLE = {"first": 1, "more": 1, "every": 1, "most": 9, "share": 1.0, "priors_from": 0, "statistics_from": 0}


@given(st.integers(1, 200), st.integers(0, 20_000))
@settings(max_examples=100, deadline=None)
def test_tensors_are_added_as_in_the_authors_loop(tensors: int, at: int) -> None:
    """Their code counts from the input, 110 tensors in all: from number 100 on at first, and never below number 25."""
    start = 100
    for iteration in range(at + 1):
        if (iteration + 1) % 500 == 0:
            start = max(start - 10, 25)
    phases = Phases(11, 10, 500, 86, 0.7, 3000, 5000)
    assert phases.compared(110, at) == 110 - start + 1
    assert phases.compared(tensors, at) == min(tensors, 110 - start + 1)


@pytest.mark.parametrize(
    "wrong",
    [{"first": 0}, {"most": 0}, {"every": 0}, {"more": -1}, {"priors_from": -1}, {"share": 0.0}, {"share": 1.1}],
)
def test_a_course_out_of_range_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="must be >= 1"):
        Phases(**{**WHOLE, **wrong})


@pytest.fixture
def seen_of_two(parties):
    built = parties("data=samples", "data.set=mnist", "data.size=8", "model=fcn3", "model.width=6", "data.batch_size=2")
    victims = built.data.deal([0, 1])
    return built.client.model, built.client.share(victims), victims.labels


def plainly(model, seen, labels, victim: int, images, masks: dict[str, torch.Tensor], weight: float) -> torch.Tensor:
    """1 - cosine of the entries that are compared, as vectors, and the total variation times its weight."""
    weights = {name: value[victim].double().requires_grad_() for name, value in seen.parameters.items()}
    loss = functional.cross_entropy(functional_call(model, weights, (images,)), labels[victim])
    ours = torch.autograd.grad(loss, [weights[name] for name in masks])
    one = torch.cat([value[mask] for value, mask in zip(ours, masks.values())])
    other = torch.cat([seen.gradients[name][victim].double()[mask] for name, mask in masks.items()])
    smooth = images.diff(dim=-1).abs().mean() + images.diff(dim=-2).abs().mean()
    return 1 - functional.cosine_similarity(one, other, dim=0) + weight * smooth


def test_the_value_is_that_of_the_drawn_entries_and_of_the_terms_that_act(seen_of_two) -> None:
    model, seen, labels = seen_of_two
    layout = GroupLayout(Layout(2, seen.task.input_shape, 0), 1)
    rest = (Cosine(1.0), labels, torch.float64, [TotalVariation(0.3)], None, GroupConsistency(0.0, 0))
    matching = PhasedMatching(PHASES, seen, layout, *rest)
    matching.seed = 4
    z = torch.rand(2, layout.n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    everything = {name: torch.ones(value.shape[1:], dtype=torch.bool) for name, value in seen.gradients.items()}

    def expected(victim: int, masks: dict[str, torch.Tensor], weight: float) -> float:
        images = z[victim].reshape(2, *seen.task.input_shape)
        return float(plainly(model, seen, labels, victim, images, masks, weight))

    matching.load(torch.tensor([0, 1]))
    judged = [expected(victim, everything, 0.3) for victim in (0, 1)]
    assert matching.value(z).tolist() == pytest.approx(judged, rel=1e-6)
    times = [4, 35]  # the prior acts from the fifth evaluation on, and the slots are not equally far
    matching.prepare(torch.tensor(times))
    drawn = [matching._masks(int(seen.ids[victim]), at) for victim, at in enumerate(times)]
    want = [expected(victim, drawn[victim], 0.3 if at >= 5 else 0.0) for victim, at in enumerate(times)]
    assert matching.value(z).tolist() == pytest.approx(want, rel=1e-6)
    matching.load(torch.tensor([1]))
    assert matching.value(z[1:]).tolist() == pytest.approx(judged[1:], rel=1e-6)


def test_the_last_tensors_are_compared_and_a_share_of_their_entries_drawn_anew(seen_of_two) -> None:
    _, seen, labels = seen_of_two
    layout = GroupLayout(Layout(2, seen.task.input_shape, 0), 1)
    rest = (Cosine(1.0), labels, torch.float32, [], None, GroupConsistency(0.0, 0))
    matching = PhasedMatching(PHASES, seen, layout, *rest)
    for at, compared in ((0, 2), (9, 3), (1000, 5)):
        masks = matching._masks(3, at)
        there = [bool(mask.any()) for mask in masks.values()]
        assert there[-1] and not any(there[: len(there) - compared])
        kept = torch.cat([mask.flatten() for mask in list(masks.values())[-compared:]]).float()
        assert abs(kept.mean() - 0.6) < 4 * 0.5 / len(kept) ** 0.5  # four standard errors
        assert all(torch.equal(mask, matching._masks(3, at)[name]) for name, mask in masks.items())
        assert any(not torch.equal(mask, matching._masks(4, at)[name]) for name, mask in masks.items())
