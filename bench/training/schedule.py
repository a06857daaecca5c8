"""How a classifier is trained; it is the same for every defence, so that only the defence differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.optim import SGD
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler


@dataclass(frozen=True)
class TrainingSchedule:
    """SGD on batches of one dataset.

    Args:
        split: `held_out` divides the dataset's split in two; `official` trains on the split `train` and tests on
            `test`.
        train: number of examples to train on under `held_out`, >= 1; null under `official`.
        test: number of examples to test on under `held_out`, >= 1; null under `official`.
        split_seed: seed of the division, >= 0; the same images are held out in every run.
        sampling: `shuffle` or `poisson`. Under a defence with a privacy guarantee, the guarantee says which, because it
            is computed for it: Poisson for DP-SGD, shuffled for DP-FTRL.
        batch_size: examples per step, >= 1.
        lr: learning rate of SGD, > 0.
        momentum: momentum of SGD, >= 0; 0 for none.
        weight_decay: weight decay of SGD, >= 0; 0 for none.
        decay: `constant`, or `cosine` from `lr` to 0 over all steps.
        epochs: number of passes over the examples, >= 1.
        runs: number of trainings, >= 1, each with its own initialisation, order and noise.
        checkpoints: the epochs whose weights are stored, each 0 (before the first step) to `epochs`; empty for none.

    Raises:
        ValueError: a value is out of its range.
    """

    split: Literal["held_out", "official"]
    train: int | None
    test: int | None
    split_seed: int
    sampling: Literal["shuffle", "poisson"]
    batch_size: int
    lr: float
    momentum: float
    weight_decay: float
    decay: Literal["constant", "cosine"]
    epochs: int
    runs: int
    checkpoints: list[int]

    def __post_init__(self) -> None:
        counted: dict[str, int | None] = {"batch_size": self.batch_size, "epochs": self.epochs, "runs": self.runs}
        if self.split == "held_out":
            counted |= {"train": self.train, "test": self.test}
        elif self.train is not None or self.test is not None:
            raise ValueError("split=official: train and test are the data set's own; say null for both")
        for name, value in counted.items():
            if value is None or value < 1:
                raise ValueError(f"{name}={'null' if value is None else value}: must be >= 1")
        for name, least in (("split_seed", 0), ("momentum", 0), ("weight_decay", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}={getattr(self, name)}: must be >= {least}")
        if not self.lr > 0:
            raise ValueError(f"lr={self.lr}: must be > 0")
        if beyond := [epoch for epoch in self.checkpoints if not 0 <= epoch <= self.epochs]:
            raise ValueError(f"checkpoints={self.checkpoints}: {beyond[0]} is none of the epochs 0 to {self.epochs}")
        if len(set(self.checkpoints)) < len(self.checkpoints):
            raise ValueError(f"checkpoints={self.checkpoints}: names an epoch twice")

    def optimiser(self, parameters: list[Tensor], steps: int) -> tuple[SGD, LRScheduler]:
        """Makes SGD over these parameters, and the schedule that sets its learning rate after each of `steps` steps."""
        sgd = SGD(parameters, lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay)
        if self.decay == "cosine":
            return sgd, CosineAnnealingLR(sgd, T_max=steps)
        return sgd, ConstantLR(sgd, factor=1.0, total_iters=1)

    @property
    def words(self) -> str:
        """The description that a table prints.

        Example:
            >>> TrainingSchedule("official", None, None, 0, "shuffle", 64, 0.1, 0.0, 0.0, "constant", 5, 2, []).words
            'SGD, lr 0.1, no momentum, batch 64, 5 epochs'
        """
        momentum = f"momentum {self.momentum:g}" if self.momentum else "no momentum"
        decay = f", weight decay {self.weight_decay:g}" if self.weight_decay else ""
        rate = f"lr {self.lr:g}" + (" (cosine)" if self.decay == "cosine" else "")
        return f"SGD, {rate}, {momentum}{decay}, batch {self.batch_size}, {self.epochs} epochs"
