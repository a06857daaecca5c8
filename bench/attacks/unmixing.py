"""The images of which mixtures were made: what undoes `bench.defenses.mixup`."""

from __future__ import annotations

from itertools import permutations

import torch
from torch import Tensor

from bench.engine.parametrisation import Dct

_HALVINGS = 30  # of the interval of shares, which is then below 1e-9


def circles(batch_size: int, most: int) -> tuple[tuple[int, ...], ...]:
    """The partners of each example, for the first circles on which B examples can stand; the first one is their order.

    Args:
        batch_size: B; there are (B - 1)! circles.
        most: how many of them are returned, at most.

    Example:
        >>> circles(3, 5)
        ((1, 2, 0), (2, 0, 1))
    """
    found: list[tuple[int, ...]] = []
    for rest in permutations(range(1, batch_size)):
        if len(found) == most:
            break
        order = (0, *rest)
        following = dict(zip(order, (*rest, 0), strict=True))
        found.append(tuple(following[place] for place in range(batch_size)))
    return tuple(found)


def on_circle(partner: Tensor) -> Tensor:
    """The order of the examples on the circle, from the first one on: `[B]` -> `[B]`, int64."""
    order = [0]
    while len(order) < len(partner):
        order.append(int(partner[order[-1]]))
    return torch.tensor(order, device=partner.device)


def unmixed(mixtures: Tensor, share: Tensor, partner: Tensor, center: float, ridge: float, decay: float) -> Tensor:
    """The images x of which mixtures u_i = m x_i + (1 - m) x_partner(i) were made.

    On the circle this is a convolution, so that the Fourier transform over the examples makes it one division for each
    frequency: by l_k = m + (1 - m) e^(2 pi i k / B). If B is even, l is small at k = B / 2 for a share near 1/2: the
    difference of neighbours is what the mixtures say little of. So the most probable images are computed, under a
    Gaussian error of the mixtures and the prior of natural images, whose amplitude falls as (1 + |f|)^-decay with the
    spatial frequency f: conj(l) u / (|l|^2 + ridge / (1 + |f|)^-2decay), of deviations from `center`.

    Args:
        mixtures: `[B, C, H, W]`.
        share: m, `[]`.
        partner: `[B]`, int64, one circle.
        center: the mean of a pixel under the prior.
        ridge: variance of the error over the variance of the prior at frequency 0; 0 for the exact inverse.
        decay: see above.

    Returns:
        `[B, C, H, W]`, in the type of the mixtures.
    """
    order, plain = on_circle(partner), Dct(0.0)
    whole = mixtures.new_ones(mixtures.shape[-2:])
    size = plain.encode(Dct(decay).decode(whole))
    waves = torch.fft.fft(plain.encode(mixtures[order] - center), dim=0)
    turns = torch.arange(len(order), dtype=torch.float64, device=mixtures.device) / len(order)
    factor = share.double() + (1 - share.double()) * torch.exp(2j * torch.pi * turns)
    factor = factor.to(waves.dtype)[:, None, None, None]
    found = torch.fft.ifft(factor.conj() * waves / (factor.abs().square() + ridge / size.square()), dim=0).real
    return center + plain.decode(found)[order.argsort()]


def share_within(
    mixtures: Tensor, partner: Tensor, span: tuple[float, float], slack: float, ridge: float, decay: float
) -> Tensor:
    """The smallest share in [1/2, 1] by which mixtures are made of images within the range of inputs, `[]`.

    It is for batches of one class, whose mixed labels say nothing of the share. The smaller the share is, the further
    the images differ. If there is a pixel where one image is at an end of the range and the other is not, as in digits
    on a black ground, the true share is the smallest one that keeps the images within the range; other images differ
    less than this says.

    Args:
        mixtures: `[B, C, H, W]`.
        partner: see `unmixed`.
        span: the range of inputs.
        slack: mean squared distance of the pixels from the range up to which images count as within it.
        ridge: see `unmixed`.
        decay: see `unmixed`.
    """
    low, high = span

    def is_outside(share: Tensor) -> bool:
        images = unmixed(mixtures, share, partner, (low + high) / 2, ridge, decay)
        return float((images - images.clamp(low, high)).square().mean()) > slack

    below, above = (torch.tensor(value, dtype=torch.float64, device=mixtures.device) for value in (0.5, 1.0))
    for _ in range(_HALVINGS):
        middle = (below + above) / 2
        below, above = (middle, above) if is_outside(middle) else (below, middle)
    return above
