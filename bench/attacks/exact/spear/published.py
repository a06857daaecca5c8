"""SPEAR as published: directions by sampling (Dimitrov et al. 2024, arXiv 2403.03945)."""

from __future__ import annotations

import torch

from bench.attacks.exact.spear.factors import Factors
from bench.attacks.exact.spear.found import FoundImages
from bench.attacks.exact.spear.hull import Hull
from bench.attacks.exact.spear.layer_attack import LayerAttack
from bench.attacks.exact.spear.sampling import Sampling
from bench.engine.settings import EngineSettings


class SpearPublished(LayerAttack):
    """Exact images of a small batch from the gradient of a first linear layer with ReLU, by sampling.

    See `Sampling` for the search. The samples grow with 2^(B - 1): 8 images are found, and 16 are not (`suite exact`).

    Departs: what counts as zero follows from rounding (`Factors.zeros`), where the paper has a fixed threshold; units
    that are dead for all examples are left out; and each image has to agree with the gradient, where the paper looks at
    the mean over the batch.

    Args:
        samples: the most samples per victim, >= 1. They are counted, so a result does not depend on the machine.
        at_once: samples between two choices, >= 1.
        sparsity: see `Sampling`.
        rounding: see `LayerAttack`.
        accept: see `LayerAttack`.
        engine: see `LayerAttack`.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(
        self,
        samples: int,
        at_once: int,
        sparsity: float,
        rounding: float | None,
        accept: float,
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__(rounding, accept, engine)
        for name, count in {"samples": samples, "at_once": at_once}.items():
            if count < 1:
                raise ValueError(f"{name}={count}: must be >= 1")
        if not 0 < sparsity < 1:
            raise ValueError(f"sparsity={sparsity}: must be between 0 and 1")
        self.samples, self.at_once, self.sparsity = samples, at_once, sparsity

    def search(self, factors: Factors, hull: Hull, random: torch.Generator) -> FoundImages:
        """See `LayerAttack.search`."""
        return Sampling(factors, hull, self.sparsity, self.accept, random, self.engine.affords)(
            self.samples, self.at_once
        )
