"""Small networks and batches of the tests of audits."""

import random

import numpy as np
import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional


def image(count: int = 1, channels: int = 1, size: int = 8) -> Tensor:
    """Pictures of low frequencies `[B, C, H, W]` in [0, 1]."""
    coarse = torch.rand(count, channels, 4, 4, generator=torch.Generator().manual_seed(0))
    return functional.interpolate(coarse, size=(size, size), mode="bilinear")


def classifier(channels: int = 1) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(channels, 8, 3, padding=1), nn.Sigmoid(), nn.Flatten(), nn.Linear(512, 4))


# A batch of one, and an attack that is soon done.
X, Y = image(), torch.tensor([2])
FEW = {"attack": "idlg", "overrides": ("attack.evaluations=100",)}


class Around(nn.Module):
    """A network with something before or behind it."""

    def __init__(self, do) -> None:
        super().__init__()
        self.net, self.do, self.calls = classifier(), do, 0

    def forward(self, x: Tensor):
        self.calls += 1
        return self.do(self, x)


class Classifier(LightningModule):
    """As users write them: it logs, asks its trainer, and keeps a metric."""

    def __init__(self, net: nn.Module | None = None) -> None:
        from torchmetrics.classification import MulticlassAccuracy

        super().__init__()
        self.net, self.accuracy = net or classifier(), MulticlassAccuracy(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

    def training_step(self, batch, number):
        x, y = batch
        self.log("noise", random.random() + np.random.rand())
        logits = self(x)
        loss = functional.cross_entropy(logits, y, label_smoothing=0.1)
        self.accuracy(logits, y)
        self.log("loss", loss, prog_bar=True)
        self.log_dict({"accuracy": self.accuracy, "epoch": float(self.trainer.current_epoch)})
        return loss


class ByHand(LightningModule):
    """Manual optimisation, a dict batch, a term beside the loss, and a logger of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.automatic_optimization = classifier(), False

    def training_step(self, batch, batch_idx: int) -> None:
        optimizer = self.optimizers()
        logits = self.net(batch["image"])
        loss = functional.cross_entropy(logits, batch["label"]) + 1e-2 * logits.square().mean()
        optimizer.zero_grad()
        self.manual_backward(loss)
        self.clip_gradients(optimizer, 1.0)
        optimizer.step()
        self.lr_schedulers().step()
        self.logger.experiment.add_scalar("loss", loss.item(), self.global_step)
