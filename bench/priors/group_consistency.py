"""Group consistency of GradInversion: several starts of one victim are pulled to their registered mean.

Source: Yin et al. 2021, arXiv 2104.07586, section 3.4. The paper registers images by RANSAC-flow, a trained network.
"""

from __future__ import annotations

import torch
from torch import Tensor

_SMALL = 1e-12  # keeps the phase of a frequency without power finite


def shifts_to(images: Tensor, reference: Tensor, most: int) -> Tensor:
    """The cyclic shift by which each image matches the reference best, by phase correlation (Kuglin and Hines 1975).

    The peak of the inverse transform of F(reference) conj(F(image)) / |...|, summed over channels, among shifts of at
    most `most` pixels along each axis.

    Args:
        images: `[..., C, H, W]`.
        reference: `[..., C, H, W]`, of a shape that broadcasts.
        most: the largest shift, >= 0, at most half of the size.

    Returns:
        `[..., 2]`, int64: rows and columns by which `shifted` moves an image so that it matches.
    """
    height, width = images.shape[-2:]
    cross = torch.fft.rfft2(reference) * torch.fft.rfft2(images).conj()
    surface = torch.fft.irfft2(cross / cross.abs().clamp(min=_SMALL), s=(height, width)).sum(-3)
    rows, columns = (_window(size, most, images.device) for size in (height, width))
    near = surface[..., rows[:, None], columns[None, :]]
    peak = near.flatten(-2).argmax(-1)
    return torch.stack([_signed(rows[peak // len(columns)], height), _signed(columns[peak % len(columns)], width)], -1)


def shifted(images: Tensor, shifts: Tensor) -> Tensor:
    """Moves images `[..., C, H, W]` cyclically by `[..., 2]` rows and columns.

    Example:
        >>> shifted(torch.arange(4.0).view(1, 1, 4), torch.tensor([0, 1])).flatten().tolist()
        [3.0, 0.0, 1.0, 2.0]
    """
    height, width = images.shape[-2:]
    rows = (torch.arange(height, device=images.device) - shifts[..., :1]) % height
    columns = (torch.arange(width, device=images.device) - shifts[..., 1:]) % width
    index = (rows.unsqueeze(-1) * width + columns.unsqueeze(-2)).flatten(-2).unsqueeze(-2)
    flat = images.flatten(-2)
    return flat.gather(-1, index.expand(flat.shape)).view(images.shape)


def consensus(images: Tensor, most: int) -> Tensor:
    """The mean of a group whose members are registered to their pixel mean: `[S, G, B, C, H, W]` -> `[S, 1, B, ...]`.

    Args:
        images: G starts of each victim.
        most: the largest shift of the registration; 0 for the pixel mean.
    """
    mean = images.mean(1, keepdim=True)
    if most == 0:
        return mean
    return shifted(images, shifts_to(images, mean, most)).mean(1, keepdim=True)


class GroupConsistency:
    """`weight` times the mean of (x - E)^2 over the pixels of each start, where E is the group's `consensus`.

    Departs: cyclic shifts by whole pixels take the place of the paper's registration by a trained network, and a mean
    over pixels that of the sum. E is held constant in the derivative.

    Args:
        weight: alpha_group, relative to a distance of weight 1, >= 0.
        most: the largest shift in pixels, >= 0; 0 for the pixel mean without registration.

    Raises:
        ValueError: a number is negative.
    """

    def __init__(self, weight: float, most: int) -> None:
        if weight < 0 or most < 0:
            raise ValueError(f"weight={weight}, most={most}: must be >= 0")
        self.weight, self.most = weight, most

    def __call__(self, images: Tensor) -> Tensor:
        """`[S, G, B, C, H, W]` -> penalties `[S, G]`."""
        apart = images - consensus(images.detach(), self.most)
        return self.weight * apart.square().flatten(2).mean(2)


def _window(size: int, most: int, device: torch.device) -> Tensor:
    """The positions of shifts from -most to most in a cyclic axis, each once; 0 comes first, so it wins a tie."""
    reach = min(most, (size - 1) // 2)
    shifts = torch.arange(reach + 1, device=device)
    return torch.cat([shifts, size - shifts[1:]])


def _signed(position: Tensor, size: int) -> Tensor:
    return torch.where(position > size // 2, position - size, position)
