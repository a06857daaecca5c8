"""What both searches have in common: from an observation to the factors, and from images to a claim."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from bench.attacks.base import Attack
from bench.attacks.exact.first_layer import FirstLayer, needed_first_layer
from bench.attacks.exact.one_victim import reconstruction_of
from bench.attacks.exact.spear.factors import Factors, LayerGradient
from bench.attacks.exact.spear.found import FoundImages, nothing, read_images
from bench.attacks.exact.spear.hull import Hull
from bench.attacks.exact.spear.noise import NoisyGradient, hidden
from bench.engine.rng import generator
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status

# What counts as zero, and which singular values count: measured on true zeros, for the type of the shared gradient.
_ROUNDING = {torch.float32: 5e-8, torch.float64: 1e-13}
_TOLERANCE = {torch.float32: 3e-6, torch.float64: 1e-10}


class LayerAttack(Attack):
    """Reads the images of a batch from the gradient of a first linear layer with ReLU, if a search finds Q.

    It needs no label, no prior and no optimisation over images. It returns images only if each of them agrees with the
    gradient (see `bench.attacks.exact.spear.hull.Hull.agreement`); otherwise the victim is a failure without images. If
    two images of a batch are equal, or one has no gradient, the gradient's rank is below B. The victim then fails if B
    is granted. If it is not, the rank is taken for B, and fewer images are returned. The work is done on the CPU in
    float64, whatever the type and the device of the gradient are.

    Args:
        rounding: eps: an entry of gW p counts as zero below eps |gW_i| |p|; None for what the type of the gradient
            leaves (5e-8 in float32, 1e-13 in float64).
        accept: the share of units at which each image must agree with the gradient, in (0, 1].
        engine: settings, of which the type of the result and `affords` are used.

    Raises:
        ValueError: a number is out of its range.
    """

    of_vectors = True

    def __init__(self, rounding: float | None, accept: float, engine: EngineSettings) -> None:
        super().__init__()
        if rounding is not None and not rounding > 0:
            raise ValueError(f"rounding={rounding}: must be > 0 (share of a zero that rounding leaves), or null")
        if not 0 < accept <= 1:
            raise ValueError(f"accept={accept}: must be in (0, 1]")
        self.rounding, self.accept, self.engine = rounding, accept, engine

    @abstractmethod
    def search(self, factors: Factors, hull: Hull, random: torch.Generator) -> FoundImages:
        """Searches the images of one batch.

        Args:
            factors: see `Factors`.
            hull: see `Hull`.
            random: the source of all random numbers.
        """

    def search_noisy(self, noisy: NoisyGradient, random: torch.Generator) -> FoundImages | None:
        """Searches the images of a batch whose zeros noise hides; None, as here, for a search that knows no noise.

        Args:
            noisy: see `NoisyGradient`.
            random: the source of all random numbers.
        """
        return None

    @property
    def needs(self) -> frozenset[str]:
        """Buffers, which hold the normalisation. The batch size is the rank of the gradient if it is not granted."""
        return frozenset({"buffers"})

    def check(self, seen: Observation) -> None:
        """Refuses an observation that the attack cannot serve.

        Raises:
            NotApplicable: see `Attack.check`; or the model does not begin with a linear layer and a ReLU.
        """
        super().check(seen)
        self._layer(seen)

    def _layer(self, seen: Observation) -> FirstLayer:
        layer = needed_first_layer(seen, type(self).__name__, "mlp_wide")
        if not layer.rectified:
            raise NotApplicable(
                f"attack {type(self).__name__} needs a ReLU behind the first linear layer: another activation passes a "
                "gradient to units that are not positive (try model=mlp_wide)"
            )
        return layer

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        """Yields the reconstruction of each victim, one victim after the other.

        Args:
            seen: see `Attack.reconstruct`.
            seed: see `Attack.reconstruct`.
        """
        super().check(seen)
        layer = self._layer(seen)
        for position in range(len(seen)):
            begin = time.perf_counter()
            images, found, status = self._claim(seen, layer, position, seed)
            yield reconstruction_of(
                seen,
                position,
                images.to(self.engine.dtype),
                torch.full((len(images),), -1),
                status,
                objective=1 - found.least,
                begin=begin,
                iterations=found.tried,
            )

    def _claim(
        self, seen: Observation, layer: FirstLayer, position: int, seed: int
    ) -> tuple[Tensor, FoundImages, Status]:
        """The images `[B, C, H, W]` of one victim (NaN if there is no claim), what the search found, and the status.

        If the batch size is not granted, a victim without a claim has one image of NaN.
        """
        none = torch.full((seen.batch_size or 1, *seen.task.input_shape), torch.nan, dtype=torch.float64)
        gradient = _of_victim(seen, layer, position)
        if not (gradient.of_weight.isfinite().all() and gradient.of_bias.isfinite().all()):
            return none, nothing(0), Status.NONFINITE
        dtype = seen.gradients[layer.weight].dtype
        random = generator(seed, "spear", int(seen.ids[position]))
        found = self.find(gradient, dtype, seen.batch_size, random)
        if found.images is None or found.least < self.accept:
            return none, found, Status.UNVERIFIED
        return layer.pixels(found.images).reshape(-1, *seen.task.input_shape), found, Status.CONVERGED

    def find(
        self, gradient: LayerGradient, dtype: torch.dtype, most: int | None, random: torch.Generator
    ) -> FoundImages:
        """Decomposes one gradient and searches its images; nothing if they cannot be all of the batch.

        Args:
            gradient: of the layer, in float64.
            dtype: the type in which it was computed, which says what rounding leaves.
            most: the batch size B, if it is known; a gradient of lower rank is not searched.
            random: the source of all random numbers.
        """
        live = gradient.live()
        if not len(live.of_weight):
            return nothing(0)
        rounding = _ROUNDING.get(dtype, _ROUNDING[torch.float32]) if self.rounding is None else self.rounding
        factors = Factors.of(live, rounding, _TOLERANCE.get(dtype, _TOLERANCE[torch.float32]), most, random)
        # an example leaves r - 1 units dead at least, and half of all at most in the mean
        if 2 * factors.rank > factors.units or (most is not None and factors.rank < most):
            return nothing(0)
        noisy = None if most is None else hidden(live, factors, rounding)
        found = None if noisy is None else self.search_noisy(noisy, random)
        if found is not None:
            return found
        hull = Hull.of(live, factors)
        if factors.rank == 1:  # no unit that is live is dead for the only example, and the only direction is known
            return read_images(hull, torch.ones(1, 1, dtype=torch.float64))
        return self.search(factors, hull, random)


def _of_victim(seen: Observation, layer: FirstLayer, position: int) -> LayerGradient:
    shared, known = seen.gradients, seen.parameters
    return LayerGradient(
        of_weight=shared[layer.weight][position].cpu().double(),
        of_bias=shared[layer.bias][position].cpu().double(),
        weight=known[layer.weight][position].cpu().double(),
        bias=known[layer.bias][position].cpu().double(),
    )
