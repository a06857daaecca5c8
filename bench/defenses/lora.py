"""LoRA: Hu et al., "Low-Rank Adaptation of Large Language Models", 2022 (arXiv 2106.09685), as what a client shares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import nn

from bench.defenses.base import ModelDefense
from bench.errors import NotApplicable
from bench.models.low_rank import add_adapter, is_adapter


@dataclass(frozen=True)
class LoRA(ModelDefense):
    """Trains and shares low-rank adapters of linear layers alone; every other parameter is frozen and public.

    A layer returns W x + b + (alpha / r) B A x. With H `[n, d]` the layer's inputs and D `[n, out]` the derivatives of
    the loss by its outputs, the shared gradients are dB = (alpha / r) D^T H A^T and dA = (alpha / r) B^T D^T H. At the
    first step B is zero, so that dA is zero and dB holds the inputs as A sees them: the rows of dB lie in the span of
    the A h. Later the rows of dA lie in the span of the inputs themselves. An attacker who tests whether an input can
    be in that span (as DAGER does, `bench.attacks.exact.span_check`) gets a yes for every input of the batch, and
    learns something as long as there are fewer inputs than the rank.

    The frozen weights are those that the model has without the defence under the same seed, because the adapters are
    drawn after them. It was made to train large models at less cost, and claims no privacy.

    Args:
        rank: r, >= 1.
        alpha: the adapters' output is multiplied by alpha / r, > 0.
        layers: patterns of the names of linear layers that have adapters (`*.query`); null for all linear layers.
        shared: patterns of further parameters that are trained and shared, such as those of a new last layer (`fc.*`).
        start: standard deviation of B, >= 0; 0 is the first step, and anything else stands for a later one.

    Raises:
        ValueError: an argument is out of its range.
    """

    rank: int
    alpha: float
    layers: Sequence[str] | None
    shared: Sequence[str]
    start: float

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ValueError(f"rank={self.rank}: must be >= 1")
        if not self.alpha > 0:
            raise ValueError(f"alpha={self.alpha}: must be > 0 (adapters are multiplied by alpha / rank)")
        if not self.start >= 0:
            raise ValueError(f"start={self.start}: must be >= 0 (standard deviation of B)")

    def change_model(self, model: nn.Module) -> nn.Module:
        """Returns the model with adapters, and everything else frozen, in place.

        Args:
            model: see `Defense.change_model`.

        Raises:
            NotApplicable: a pattern matches no linear layer, or no parameter; or the model has such adapters already.
        """
        if any(is_adapter(name) for name, _ in model.named_parameters()):
            raise NotApplicable("defense LoRA: the model has adapters already, and a layer can have one")
        linear = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
        patterns = ["*"] if self.layers is None else self.layers
        chosen = [name for name in linear if _matches(name, patterns)]
        _check_all(patterns, linear, "linear layer", "layers")
        _check_all(self.shared, dict(model.named_parameters()), "parameter", "shared")
        for name in chosen:
            add_adapter(linear[name], self.rank, self.alpha / self.rank, self.start)
        for name, value in model.named_parameters():
            if not (is_adapter(name) or _matches(name, self.shared)):
                value.requires_grad_(False)
        return model


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _check_all(patterns: Sequence[str], named: Iterable[str], what: str, key: str) -> None:
    """Refuses a pattern that matches nothing.

    Raises:
        NotApplicable: the message names the pattern, and what there is.
    """
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in named):
            there = ", ".join(list(named)[:10]) or "none"
            raise NotApplicable(f"defense LoRA: {key}: {pattern!r} matches no {what} (there are: {there})")
