"""A Gaussian prior with the spectrum of natural images (Field 1987, J. Opt. Soc. Am. A 4, section 4)."""

from math import prod

import torch
from torch import Tensor

from bench.engine.parametrisation import Dct
from bench.priors.base import Prior


class PowerSpectrum(Prior):
    """-log p(x) of a Gaussian whose deviation at a spatial frequency k falls as (1 + |k|)^-decay, without its constant.

    -log p(x) = sum over channels and frequencies of (c_k / s_k)^2 / 2, with the coefficients c of the orthonormal
    cosine transform of x - center, and s_k = deviation (1 + |k|)^-decay / r, where r is the root mean square of the
    factor over all frequencies. So an image that is drawn from the prior deviates from `center` by `deviation` per
    pixel in the root mean square. Field found amplitudes of natural images that fall as 1 / |k|: a decay of 1.

    Args:
        decay: exponent of the frequency, >= 0.
        deviation: of a pixel from `center`, > 0, in the unit of a pixel.
        center: the mean of each pixel.

    Raises:
        ValueError: decay < 0, or deviation <= 0.
    """

    def __init__(self, decay: float, deviation: float, center: float) -> None:
        if not deviation > 0:
            raise ValueError(f"deviation={deviation}: must be > 0 (of a pixel)")
        self.spectrum, self.deviation, self.center = Dct(decay), deviation, center

    def __call__(self, images: Tensor) -> Tensor:
        """Images `[S, B, C, H, W]` -> `[S]`."""
        whitened = self.spectrum.encode(images - self.center)
        return whitened.square().flatten(1).sum(1) * self._mean_square(images) / (2 * self.deviation**2)

    def drawn(self, normal: Tensor) -> Tensor:
        """Maps standard normal numbers to images that are drawn from the prior; both are `[..., H, W]`."""
        return self.center + self.deviation * self.spectrum.decode(normal) / self._mean_square(normal).sqrt()

    def precision(self, shape: tuple[int, ...]) -> Tensor:
        """The second derivative of -log p by the n entries of images `[..., H, W]`: `[n, n]`, float64.

        Args:
            shape: of the images.
        """
        units = torch.eye(prod(shape), dtype=torch.float64).reshape(-1, *shape)
        whitened = self.spectrum.encode(units).flatten(1)
        return whitened @ whitened.T * self._mean_square(units) / self.deviation**2

    def _mean_square(self, like: Tensor) -> Tensor:
        """r^2, of the factor of each frequency: the transform is orthonormal."""
        return self.spectrum.decode(like.new_ones(like.shape[-2:])).square().mean()
