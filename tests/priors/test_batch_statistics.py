"""Protects: the prior sums lengths over layers, counts the first one more, and is zero for equal statistics."""

import pytest
import torch

from bench.priors.batch_statistics import BatchStatistics, LeadingStatistics, statistics_distance


def made(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.rand(2, 2, channels, generator=generator) for name, channels in (("1", 3), ("4", 5))}


def test_it_is_what_the_formula_says() -> None:
    found, wanted = made(0), made(1)
    expected = [
        sum(
            (10 if name == "1" else 1) * torch.dist(found[name][i, part], wanted[name][i, part])
            for name in wanted
            for part in (0, 1)
        )
        for i in range(2)
    ]
    torch.testing.assert_close(statistics_distance(found, wanted, 10.0), torch.stack(expected))
    torch.testing.assert_close(BatchStatistics(0.5, 10.0)(found, wanted), 0.5 * torch.stack(expected))
    assert BatchStatistics(0.5, 10.0)(wanted, wanted).eq(0).all()


def test_several_layers_may_have_factors_of_their_own() -> None:
    found, wanted = made(0), made(1)
    one, other = (BatchStatistics(1.0, 1.0)({name: found[name]}, {name: wanted[name]}) for name in ("1", "4"))
    torch.testing.assert_close(LeadingStatistics(0.5, [1.3, 3.0])(found, wanted), 0.5 * (1.3 * one + 3 * other))
    torch.testing.assert_close(LeadingStatistics(0.5, [1.3])(found, wanted), 0.5 * (1.3 * one + other))
    for leading in ([], [1.0, 0.0]):
        with pytest.raises(ValueError, match="want numbers above 0"):
            LeadingStatistics(0.5, leading)


@pytest.mark.parametrize("numbers", [(0.0, 1.0), (1.0, 0.0)])
def test_numbers_out_of_range_are_refused(numbers: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="must be > 0"):
        BatchStatistics(*numbers)
