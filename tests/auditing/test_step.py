"""Which tensors are private is seen or asked."""

import dataclasses

import pytest
import torch
from pytorch_lightning import LightningModule
from torch.nn import functional

import bench
from bench.auditing.verdict import Verdict
from bench.errors import UserError
from tests.auditing.networks import classifier, image

LABEL = torch.tensor([2])


@dataclasses.dataclass
class Example:
    pixels: torch.Tensor
    weight: torch.Tensor
    label: torch.Tensor


class Weighted(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = classifier()

    def training_step(self, batch: Example) -> dict[str, torch.Tensor]:
        each = functional.cross_entropy(self.net(batch.pixels), batch.label, reduction="none")
        return {"loss": (each * batch.weight).mean()}


def test_a_private_tensor_among_several_is_named() -> None:
    batch = Example(image(), torch.tensor([2.0]), LABEL)
    with pytest.raises(UserError, match=r"which one is private \('pixels', 'weight'\)"):
        bench.audit(Weighted(), batch)
    assert bench.audit(Weighted(), batch, inputs="pixels").verdict is Verdict.LEAKS
