"""Box projection inside the loop: the constrained minimum is found, and bounds are kept."""

import pytest
import torch
from engine.problems import Problem, quadratic, starts

from bench.engine.box import BoxConstraint, ImageBox
from bench.engine.directions import LBFGS
from bench.engine.loop import Minimiser
from bench.engine.matching import Layout
from bench.engine.parametrisation import ColouredDct
from bench.engine.steps import Backtracking, StepRule
from bench.engine.stops import Tolerances
from bench.engine.wolfe import StrongWolfe
from bench.messages.status import Status


@pytest.mark.parametrize(
    "step", [Backtracking(1.0, 1e-4, 40), StrongWolfe(1.0, 1e-4, 0.9, 40, 1e-12)], ids=["backtracking", "wolfe"]
)
def test_the_constrained_minimum_of_a_quadratic_is_found(step: StepRule) -> None:
    """Karush, Kuhn and Tucker: where a bound is active the gradient pushes against it, elsewhere it vanishes."""
    box, victims = BoxConstraint(-0.2, 0.3, 9), 6
    functions, x = [quadratic(seed) for seed in range(victims)], starts(victims, 12, scale=0.1).clamp(-0.2, 0.3)
    x[:, 9:] *= 3
    rule = Minimiser(LBFGS(10, 1e-10), step, Tolerances(2000, 2000, 0.0, 0.0, 100, 1e-14), "best")
    active = 0
    for group in rule.run(Problem(functions), lambda v: x[v], victims, 4, None, box):
        for one in group:
            z = one.x.clone().requires_grad_()
            (g,) = torch.autograd.grad(functions[one.victim](z), z)
            low, high = one.x[:9] <= -0.2, one.x[:9] >= 0.3
            assert (one.x[:9] >= -0.2).all() and (one.x[:9] <= 0.3).all()
            assert (g[:9][low] >= -1e-5).all() and (g[:9][high] <= 1e-5).all()
            assert g[:9][~low & ~high].abs().max() < 1e-5
            assert g[9:].abs().max() < 1e-5
            assert one.status is Status.CONVERGED
            active += int(low.sum() + high.sum())
    assert active > 10


def test_a_box_has_a_width() -> None:
    with pytest.raises(ValueError, match="low < high"):
        BoxConstraint(1.0, 1.0, 3)


def test_images_leave_no_box_though_their_variables_are_no_pixels() -> None:
    """Clamped pixel by pixel; label logits and the images that are within bounds stay bit for bit."""
    layout = Layout(2, (3, 4, 4), 5, ColouredDct(1.0, (0.4, 0.2, 0.1)))
    images = torch.rand(3, 2, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    images[1] = 3 * images[1] - 1
    logits = torch.arange(30, dtype=torch.float64).view(3, 10)
    x = torch.cat([layout.variables.encode(images).flatten(1), logits], 1)
    box = ImageBox(0.0, 1.0, layout)
    projected = box.project(x)
    found, kept = layout.split(projected)
    torch.testing.assert_close(found, images.clamp(0, 1))
    assert kept is not None and torch.equal(kept.flatten(1), logits)
    assert torch.equal(projected[[0, 2]], x[[0, 2]])
    assert not torch.equal(projected[1], x[1])
    assert torch.equal(box.projected_direction(x, -x), -x)
    with pytest.raises(ValueError, match="low < high"):
        ImageBox(1.0, 0.0, layout)
