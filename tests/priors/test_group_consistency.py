"""Registration by phase correlation returns the shift of a shifted copy; the penalty pulls starts to their mean."""

import pytest
import torch

from bench.priors.group_consistency import GroupConsistency, consensus, shifted, shifts_to


def image(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("size", [(12, 12), (9, 14)])
def test_the_shift_of_a_shifted_copy_is_found(size: tuple[int, int]) -> None:
    reference = image(3, *size)
    for rows in range(-4, 5):
        for columns in range(-4, 5):
            moved = torch.roll(reference, (-rows, -columns), (-2, -1))
            found = shifts_to(moved, reference, 4)
            assert found.tolist() == [rows, columns]
            assert torch.equal(shifted(moved, found), reference)


def test_noise_does_not_hide_a_shift_and_each_image_has_its_own() -> None:
    reference = image(2, 3, 16, 16)
    wanted = torch.tensor([[2, -3], [0, 1]])
    moved = shifted(reference, -wanted) + 0.1 * image(2, 3, 16, 16, seed=1)
    assert torch.equal(shifts_to(moved, reference, 5), wanted)


def test_a_shift_beyond_the_largest_is_not_taken() -> None:
    reference = image(1, 16, 16)
    assert shifts_to(torch.roll(reference, 6, -1), reference, 3).abs().max() <= 3
    assert shifts_to(reference, reference, 0).tolist() == [0, 0]
    assert shifts_to(torch.zeros_like(reference), reference, 3).tolist() == [0, 0]  # nothing to compare


def test_the_consensus_of_shifted_copies_is_sharper_than_their_mean() -> None:
    truth = image(1, 1, 1, 3, 16, 16)
    shifts = torch.tensor([0, 0, 0, 0, 1]).view(1, 5, 1, 1).expand(1, 5, 1, 2)
    group = shifted(truth.expand(1, 5, 1, 3, 16, 16), shifts)
    errors = [(consensus(group, most) - truth).square().mean().item() for most in (0, 3)]
    assert errors[1] < 1e-20 < errors[0]


def test_the_penalty_without_registration_and_its_derivative_are_those_of_the_mean() -> None:
    group = image(2, 3, 1, 1, 4, 5).requires_grad_()
    penalty = GroupConsistency(0.5, 0)(group)
    assert penalty.shape == (2, 3)
    mean = group.mean(1, keepdim=True)
    plain = 0.5 * ((group - mean) ** 2).flatten(2).mean(2)
    torch.testing.assert_close(penalty, plain)
    ours, theirs = (torch.autograd.grad(value.sum(), group, retain_graph=True)[0] for value in (penalty, plain))
    torch.testing.assert_close(ours, theirs)
    assert GroupConsistency(0.5, 0)(group[:, :1]).eq(0).all()  # a single start is its own mean


@pytest.mark.parametrize("numbers", [(-1.0, 1), (1.0, -1)])
def test_numbers_out_of_range_are_refused(numbers: tuple[float, int]) -> None:
    with pytest.raises(ValueError, match="must be >= 0"):
        GroupConsistency(*numbers)
