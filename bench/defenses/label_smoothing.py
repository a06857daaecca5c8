"""Label smoothing (Szegedy, Vanhoucke, Ioffe, Shlens and Wojna 2016, arXiv 1512.00567, section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bench.defenses.example_defense import ExampleDefense
from bench.defenses.example_form import ExampleForm


@dataclass(frozen=True)
class LabelSmoothing(ExampleDefense):
    """Mixes each label with the uniform distribution: y' = (1 - smoothing) y + smoothing / K, for K classes.

    Nothing is random, so an attacker that is granted the defence smooths the labels of its own gradient too. It was not
    made for privacy. The gradient of the last bias is p - y', whose least entry still is that of the label unless the
    model predicts it with more than 1 - smoothing. For one example `bench.labels.soft` reads all of y', and so the
    label and the smoothing.

    Args:
        smoothing: share of the uniform distribution, in [0, 1]; at 1 nothing depends on the labels.

    Raises:
        ValueError: the share is not in [0, 1].
    """

    smoothing: float
    level = "label"
    computable = True
    soft = True
    of_images = False

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing <= 1:
            raise ValueError(f"smoothing={self.smoothing}: want 0 <= smoothing <= 1, the share of the uniform label")

    @property
    def must_change(self) -> bool:
        """Whether the share is above 0."""
        return self.smoothing > 0

    def change_examples(self, inputs: Tensor, labels: Tensor, noise: Any, form: ExampleForm) -> tuple[Tensor, Tensor]:
        """Returns the inputs as they are, and the smoothed labels `[B, K]`.

        Args:
            inputs: `[B, ...]`.
            labels: probabilities `[B, K]`.
            noise: not used.
            form: see `ExampleForm`.
        """
        return inputs, (1 - self.smoothing) * labels + self.smoothing / form.classes
