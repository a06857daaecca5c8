"""The residuals of gradient matching, and their Jacobian, against the objective and against differences."""

import pytest
import torch

from bench.engine.residuals import jacobian


def test_the_objective_is_the_sum_of_squares_of_the_residuals_and_zero_at_the_truth(problem) -> None:
    matching, truth = problem
    z = torch.full_like(truth, 0.5)
    value, gradient = matching(z)
    for slot in (0, 1):
        residuals = matching.residuals(slot)
        assert residuals(z[slot]).square().sum().item() == pytest.approx(value[slot].item(), rel=1e-12)
        assert residuals(truth[slot]).abs().max() < 1e-12
        rows = jacobian(residuals, z[slot])
        assert torch.allclose(2 * rows @ residuals(z[slot]), gradient[slot], rtol=1e-9, atol=1e-12)


def test_the_jacobian_is_that_of_differences(problem) -> None:
    """Central differences of step 1e-5 have an error of about 1e-10 in double precision."""
    matching, truth = problem
    residuals, z = matching.residuals(1), torch.full_like(truth, 0.5)[1]
    rows = jacobian(residuals, z)
    for pixel in (0, 100, 255):
        step = torch.zeros_like(z)
        step[pixel] = 1e-5
        expected = (residuals(z + step) - residuals(z - step)) / 2e-5
        assert torch.allclose(rows[pixel], expected, rtol=1e-5, atol=1e-8)
