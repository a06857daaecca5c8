"""A small training for tests of what watches one: its data and its steps draw from every generator there is."""

import random
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor, nn
from torch.nn import functional

QUICK = {"attack": "dlg", "overrides": ("attack.evaluations=5", "metric=mse")}  # an attack that is not to succeed


class Drawn(torch.utils.data.Dataset):
    """Eight images `[1, 6, 6]` in [0, 1] with augmentation by numpy and Python."""

    def __init__(self) -> None:
        self.images = torch.rand(8, 1, 6, 6, generator=torch.Generator().manual_seed(0))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        image = self.images[place].flip(-1) if random.random() < 0.5 else self.images[place]
        return image * float(np.random.uniform(0.5, 1)), place % 4


class Trained(pl.LightningModule):
    """A classifier with BatchNorm, dropout, a frozen parameter, and a step that draws what it does not use."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Sigmoid(), nn.Dropout(0.2), nn.Flatten()
        )
        self.head = nn.Linear(144, 4)
        self.head.bias.requires_grad_(False)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        random.random(), np.random.rand()
        loss = functional.cross_entropy(self.head(self.net(batch[0])), batch[1])
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam([p for p in self.parameters() if p.requires_grad], lr=1e-2)


class Leaking(Trained):
    """A linear layer with a bias, of which the gradient of one example holds the example."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.head = nn.Flatten(), nn.Linear(36, 4)


def fitted(folder: Any, *callbacks: Any, module: type[Trained] = Trained, **options: Any) -> tuple[Trained, pl.Trainer]:
    """Two epochs of two steps, from one seed, with a CSV logger in a folder unless `logger` is another."""
    pl.seed_everything(0, verbose=False)
    net = module()
    trainer = pl.Trainer(
        **{
            "max_epochs": 2,
            "accelerator": "cpu",
            "devices": 1,
            "log_every_n_steps": 1,
            "logger": CSVLogger(folder, name="", version=""),
            **options,
        },
        callbacks=list(callbacks),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(net, torch.utils.data.DataLoader(Drawn(), batch_size=4, shuffle=True))
    return net, trainer


def assert_equal(one: Any, other: Any, where: str = "") -> None:
    """All tensors, arrays and other values inside are the same, bit for bit."""
    if isinstance(one, torch.Tensor | np.ndarray):
        assert one.dtype == other.dtype and (one == other).all(), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_equal(one[key], other[key], f"{where} {key}")
    elif isinstance(one, tuple | list):
        assert len(one) == len(other), where
        for place, pair in enumerate(zip(one, other)):
            assert_equal(*pair, f"{where} {place}")
    else:
        assert one == other, where
