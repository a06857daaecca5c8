"""SPEAR with a search beyond the paper's (after Dimitrov et al. 2024, arXiv 2403.03945)."""

from __future__ import annotations

import torch

from bench.attacks.exact.spear.factors import Factors
from bench.attacks.exact.spear.found import FoundImages
from bench.attacks.exact.spear.hull import Hull
from bench.attacks.exact.spear.layer_attack import LayerAttack
from bench.attacks.exact.spear.noise import NoisyGradient
from bench.attacks.exact.spear.noisy import NoisySearch
from bench.attacks.exact.spear.search import SpearBudget, SpearSearch
from bench.engine.settings import EngineSettings


class Spear(LayerAttack):
    """Exact images of a whole batch from the gradient of a first linear layer with ReLU.

    The factors, the sparsity of the directions and the check by lambda are the paper's
    (`bench.attacks.exact.spear.factors`, `found`).

    Departs: the paper samples directions, which takes about 2^(B - 1) samples for each; `spear_published` does so. Here
    1. many l1 descents on the sphere start from rows of U (`descent`);
    2. their ends are made exact, as single directions or as mixtures of up to three examples (`tighten`, `snap`);
    3. mixtures are split by the paper's sampling inside their few dimensions (`mixtures`);
    4. a direction is certified before the others are known: its dead units must be those of a half-space (`hull`);
    5. further descents turn away from what is certified (`search`);
    6. the last eight come from the images' side (`completion`).

    If noise, rounding to fewer bits or pruning hides the zeros and the batch size is granted, what lies outside the
    rank B says how much noise there is (`noise`). Then images are fitted to the gradient (`refine`), and the verdict
    counts only what is certain beyond the noise (`noisy`).

    Args:
        starts: see `SpearBudget`.
        at_once: see `SpearBudget`.
        steps: see `SpearBudget`.
        patience: see `SpearBudget`.
        certificate: share of the units that a half-space must get right, in (0, 1].
        rounding: see `LayerAttack`.
        accept: see `LayerAttack`.
        engine: see `LayerAttack`.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(
        self,
        starts: int,
        at_once: int,
        steps: int,
        patience: int,
        certificate: float,
        rounding: float | None,
        accept: float,
        *,
        engine: EngineSettings,
    ) -> None:
        super().__init__(rounding, accept, engine)
        if not 0 < certificate <= 1:
            raise ValueError(f"certificate={certificate}: must be in (0, 1]")
        self.budget, self.certificate = SpearBudget(starts, at_once, steps, patience), certificate

    def search(self, factors: Factors, hull: Hull, random: torch.Generator) -> FoundImages:
        """See `LayerAttack.search`."""
        return SpearSearch(factors, hull, self.certificate, self.accept, random, self.engine.affords)(self.budget)

    def search_noisy(self, noisy: NoisyGradient, random: torch.Generator) -> FoundImages | None:
        """See `LayerAttack.search_noisy`."""
        return NoisySearch(noisy, self.accept, random, self.engine.affords)(self.budget)
