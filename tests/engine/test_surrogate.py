"""A model between two: what it is at its ends, its gradient, and victims that do not depend on one another."""

import pytest
import torch
from observations import CLASSES, SHAPE, net, observe

from bench.engine.matching import Layout, Matching
from bench.engine.surrogate import SurrogateLayout, SurrogateMatching, SurrogatePosition
from bench.objectives.cosine import Cosine

LAYOUT = SurrogateLayout(2, SHAPE, CLASSES)


def made(position: SurrogatePosition, victims: list[int], one_model: bool = False) -> tuple[Matching, torch.Tensor]:
    """A surrogate matching of some victims of an update of unknown length, and variables, those of alpha last."""
    seen, _, _ = observe(net(), one_model=one_model, unit=None)
    matching = SurrogateMatching(seen, LAYOUT, Cosine(1.0), None, torch.float64, (), position)
    matching.load(torch.tensor(victims))
    return matching, torch.randn(3, LAYOUT.n, dtype=torch.float64, generator=torch.Generator().manual_seed(3))[victims]


@pytest.mark.parametrize("one_model", [False, True])
@pytest.mark.parametrize("end", [0.0, 1.0])
def test_at_its_ends_it_is_the_model_before_and_the_model_after(end: float, one_model: bool) -> None:
    """Fixed at 0, value and gradient are those of a plain matching, to the bit or to rounding; at 1 they are those of a
    plain matching at the weights minus the update."""
    matching, z = made(SurrogatePosition(end, 0.0), [0, 1, 2], one_model)
    seen, _, _ = observe(net(), one_model=one_model, unit=None)
    seen.parameters = {name: value - end * seen.gradients[name] for name, value in seen.parameters.items()}
    plain = Matching(seen, Layout(2, SHAPE, CLASSES), Cosine(1.0), None, torch.float64)
    plain.load(torch.arange(3))
    values, slopes = matching(z)
    expected, slope = plain(z[:, :-1])
    torch.testing.assert_close(values, expected, rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(slopes[:, :-1], slope, rtol=1e-8, atol=1e-12)
    assert (slopes[:, -1] == 0).all()


@pytest.mark.parametrize("one_model", [False, True])
@pytest.mark.parametrize("mapped", [True, False], ids=["mapped", "one by one"])
def test_the_gradient_is_that_of_finite_differences(mapped: bool, one_model: bool) -> None:
    """Central differences with a step of 1e-5 in float64 are right to about 1e-9; alpha's entry is tried alone."""
    matching, z = made(SurrogatePosition(0.4, 0.5), [2, 0], one_model)
    if not mapped:
        matching.one_by_one()
    _, slope = matching(z)
    directions = torch.randn(2, *z.shape, dtype=z.dtype, generator=torch.Generator().manual_seed(4))
    directions[0] = 0
    directions[0, :, -1] = 1
    for d in directions:
        difference = (matching.value(z + 1e-5 * d) - matching.value(z - 1e-5 * d)) / 2e-5
        torch.testing.assert_close((slope * d).sum(1), difference, rtol=1e-5, atol=1e-9)
    assert (slope[:, -1] != 0).all()


def test_all_victims_at_once_have_what_each_has_alone() -> None:
    matching, z = made(SurrogatePosition(0.5, 0.5), [0, 1, 2])
    values, slopes = matching(z)
    for victim in range(3):
        alone, row = made(SurrogatePosition(0.5, 0.5), [victim])
        value, slope = alone(row)
        torch.testing.assert_close(value[0], values[victim], rtol=1e-10, atol=1e-14)
        torch.testing.assert_close(slope[0], slopes[victim], rtol=1e-8, atol=1e-12)


def test_alpha_starts_where_it_is_told_moves_at_its_scale_and_stays_between_the_ends() -> None:
    at = SurrogatePosition(0.5, 0.01)
    u = torch.tensor([0.0, 0.1, -1e4, 1e4], dtype=torch.float64)
    assert at(u).tolist() == pytest.approx([0.5, 0.501, 0.0, 1.0], abs=1e-6)
    assert float(SurrogatePosition(0.2, 1.0)(u[:1])) == pytest.approx(0.2)
    assert SurrogatePosition(0.0, 0.0)(u).tolist() == [0.0] * 4


def test_the_layout_has_one_more_variable_and_the_same_images_and_logits() -> None:
    plain, z = Layout(2, SHAPE, CLASSES), torch.rand(3, LAYOUT.n)
    assert LAYOUT.n == plain.n + 1
    for ours, theirs in zip(LAYOUT.split(z), plain.split(z[:, :-1])):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize(("start", "scale"), [(0.0, 0.1), (1.0, 0.1), (1.5, 0.0), (0.5, -1.0)])
def test_refusals(start: float, scale: float) -> None:
    with pytest.raises(ValueError, match="must"):
        SurrogatePosition(start, scale)
