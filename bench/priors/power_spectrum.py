"""A Gaussian prior with the spectrum of natural images (Field 1987, J. Opt. Soc. Am. A 4, section 4)."""

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
        ones = images.new_ones(images.shape[-2:])
        mean_square = self.spectrum.decode(ones).square().mean()  # of the factor: the transform is orthonormal
        whitened = self.spectrum.encode(images - self.center)
        return whitened.square().flatten(1).sum(1) * mean_square / (2 * self.deviation**2)
