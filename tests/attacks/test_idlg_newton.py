"""iDLG by second-order steps: a few Jacobians reach rounding, by both ways, and evaluations count every column."""

import statistics
from collections.abc import Iterator

import pytest
import torch

from bench.engine.cramer_rao import Determination, determination
from bench.engine.residuals import jacobian
from bench.errors import NotApplicable, UserError

SMALL = ("attack=idlg_newton", "data.set=mnist", "data.size=16", "data.victims=2", "engine.dtype=float64")


def errors(built, count: int = 2) -> tuple[list[float], list]:
    victims = built.data.deal(range(count))
    found = sorted(built.attack.reconstruct(built.client.share(victims), 0), key=lambda one: int(one.ids[0]))
    return [(one.inputs[0] - victims.inputs[i]).square().mean().item() for i, one in enumerate(found)], found


def determinations(built, victims, seen) -> Iterator[Determination]:
    """What the shared gradients say about the true images, to first order."""
    problem = built.attack._matching(seen, built.attack._layout(seen), victims.labels)
    problem.load(torch.arange(len(seen)))
    for i, images in enumerate(victims.inputs.to(built.engine.dtype)):
        yield determination(jacobian(problem.residuals(i), images.flatten()))


def test_five_jacobians_reach_the_rounding_of_float32(parties) -> None:
    """L-BFGS needs some nine hundred evaluations for that. Images are stored in float32, so 1e-13 is rounding."""
    mse, found = errors(parties(*SMALL))
    assert max(mse) < 1e-12
    for one in found:
        steps, evaluations = int(one.iterations[0]), int(one.evaluations[0])
        assert steps <= 8
        # each step but the last begins with a Jacobian of 256 columns, and a rejected trial has none
        assert evaluations % 256 <= 30 and steps - 1 <= evaluations // 256 <= steps


def test_conjugate_gradients_need_no_jacobian(parties) -> None:
    mse, _ = errors(parties(*SMALL, "attack.dense=0", "attack.products=100", "attack.iterations=6"), 1)
    assert max(mse) < 1e-3


def test_a_batch_of_two_classes_comes_back_with_known_labels(parties) -> None:
    built = parties(*SMALL, "threat=labels_known", "data.batch_size=2", "data.size=8", "seed=1")
    mse, _ = errors(built, 1)
    assert max(mse) < 1e-8


def test_through_a_known_mask_only_the_entries_that_survive_count(parties) -> None:
    """The pruned entries, without the view, would pull the images towards a gradient that is zero there."""
    pruned = (*SMALL, "threat=adaptive", "defense=pruning", "defense.fraction=0.3")
    view = "attack.views=[{_target_: bench.objectives.surviving_entries.SurvivingEntries}]"
    without, _ = errors(parties(*pruned))
    masked, _ = errors(parties(*pruned, view))
    assert max(masked) < 1e-8 < min(without)


def test_numbers_have_their_ranges(parties) -> None:
    for wrong in ("damping=0", "products=0", "dense=-1"):
        with pytest.raises(UserError, match=r"must be > 0, >= 0 and >= 1"):
            parties(*SMALL, f"attack.{wrong}")


def test_a_model_that_vmap_cannot_map_is_refused(parties, branching_model) -> None:
    with pytest.raises(NotApplicable, match="vmap, which this model cannot"):
        parties("attack=idlg_newton", *branching_model)


@pytest.mark.slow
def test_under_noise_its_error_is_the_limit_of_unbiased_attackers_and_clipped_below(parties) -> None:
    """32 victims with 4 draws of noise of deviation 1e-3 each, in float32, whose rounding is a thousandth of that.

    The estimate of maximum likelihood is unbiased where noise is small, so its mean error over the limit is 1, give or
    take what 128 victims allow. Known bounds of the pixels make it biased, and better.
    """
    noisy = ("attack=idlg_newton", "data.set=mnist", "data.size=16", "defense=gaussian", "defense.std=1e-3")
    limits: list[float] = []
    ratios, clipped = [], []
    for draw in range(4):
        built = parties(*noisy, f"defense.seed={draw}")
        victims = built.data.deal(range(32))
        seen = built.client.share(victims)
        if not limits:
            limits = [one.unbiased_limit(1e-3) for one in determinations(built, victims, seen)]
        for one in built.attack.reconstruct(seen, 0):
            victim, images = int(one.ids[0]), one.inputs[0]
            truth = victims.inputs[victim]
            ratios.append((images - truth).square().mean().item() / limits[victim])
            clipped.append((images.clamp(0, 1) - truth).square().mean().item() / limits[victim])
    assert len(ratios) == 128
    assert 0.9 < statistics.fmean(ratios) < 1.15
    assert statistics.fmean(clipped) < 1


def test_a_pruned_gradient_with_fewer_entries_than_pixels_does_not_determine_the_image(parties) -> None:
    view = "attack.views=[{_target_: bench.objectives.surviving_entries.SurvivingEntries}]"
    built = parties(*SMALL, "threat=adaptive", "defense=pruning", "defense.fraction=0.99", view)
    victims = built.data.deal([0])
    seen = built.client.share(victims)
    (found,) = determinations(built, victims, seen)
    survivors = sum(int((value != 0).sum()) for value in seen.gradients.values())
    assert survivors < 256 and found.rank <= survivors and not found.determined
