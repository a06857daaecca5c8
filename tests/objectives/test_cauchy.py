"""The Cauchy distance is a squared error for small errors and hardly grows with large ones, in any unit."""

import math

import pytest
import torch

from bench.objectives.cauchy import CauchyError, cauchy_error
from bench.objectives.squared_error import squared_error


def gradients(seed: int) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {
        n: torch.randn(3, *s, generator=g, dtype=torch.float64) for n, s in {"w": (4, 2), "b": (4,), "t": ()}.items()
    }


def by_hand(ours: list[float], theirs: list[float], width: float) -> float:
    """The sum of one victim, entry by entry."""
    shared = [value for value in theirs if value != 0]
    w = width * math.sqrt(sum(value**2 for value in shared) / len(shared))
    return sum(w**2 * math.log(1 + (a - b) ** 2 / w**2) for a, b in zip(ours, theirs, strict=True))


def entries(of: dict[str, torch.Tensor], victim: int) -> list[float]:
    return [float(x) for value in of.values() for x in value[victim].flatten()]


def test_it_is_the_sum_over_entries_with_a_width_for_each_victim() -> None:
    ours, theirs = gradients(0), gradients(1)
    theirs["w"][:, 1] = 0  # entries that were not shared do not make the width smaller
    expected = [by_hand(entries(ours, v), entries(theirs, v), 0.3) for v in range(3)]
    assert cauchy_error(ours, theirs, 0.3).tolist() == pytest.approx(expected, rel=1e-12)
    assert CauchyError(0.3, 2.0)(ours, theirs).tolist() == pytest.approx([2 * value for value in expected], rel=1e-12)


def test_small_errors_count_as_squares_and_a_wrong_entry_counts_little() -> None:
    theirs = gradients(1)
    near = {name: value + 1e-5 * gradients(0)[name] for name, value in theirs.items()}
    torch.testing.assert_close(cauchy_error(near, theirs, 1.0), squared_error(near, theirs), rtol=1e-8, atol=0)
    for far in (1e2, 1e4):
        wrong = {**theirs, "b": theirs["b"] + torch.tensor([far, 0.0, 0.0, 0.0])}
        # a hundredfold error adds a constant: w^2 log(1e4), with w of about 1e-2
        assert (cauchy_error(wrong, theirs, 1e-2) < 1e-2).all()


def test_the_unit_of_gradients_is_that_of_the_distance() -> None:
    ours, theirs = gradients(0), gradients(1)
    scaled = cauchy_error({n: 1e-6 * v for n, v in ours.items()}, {n: 1e-6 * v for n, v in theirs.items()}, 0.1)
    torch.testing.assert_close(scaled, 1e-12 * cauchy_error(ours, theirs, 0.1), rtol=1e-9, atol=0)


@pytest.mark.parametrize(("width", "scale"), [(0.0, 1.0), (-1.0, 1.0), (0.1, 0.0)])
def test_what_is_not_above_zero_is_refused(width, scale) -> None:
    with pytest.raises(ValueError, match="must be > 0"):
        CauchyError(width, scale)


def test_a_shared_gradient_of_zero_is_no_division_by_zero() -> None:
    ours, nothing = gradients(0), {name: torch.zeros_like(value) for name, value in gradients(1).items()}
    assert torch.isfinite(cauchy_error(ours, nothing, 0.1)).all()
