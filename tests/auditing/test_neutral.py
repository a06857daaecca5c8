"""LightningModules as users write them."""

import pytest
import torch
from pytorch_lightning import LightningDataModule, LightningModule
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import bench
from bench.auditing.verdict import Verdict
from bench.errors import UserError
from tests.auditing.networks import FEW, ByHand, Classifier, X, Y, classifier, image


def test_five_lines_suffice_for_a_lightning_module_with_its_own_data() -> None:
    class Data(LightningDataModule):
        def train_dataloader(self) -> DataLoader:
            return DataLoader(TensorDataset(image(4), torch.arange(4)), batch_size=1)

    batch = next(iter(Data().train_dataloader()))
    report = bench.audit(Classifier(), batch)
    assert report.verdict is Verdict.LEAKS
    assert report.setting.module == "Classifier"


LABEL = torch.tensor([2])


def test_manual_optimisation_and_a_dict_are_served() -> None:
    batch = {"image": image(), "label": LABEL, "id": torch.tensor([7]), "name": ["a"]}
    assert bench.audit(ByHand(), batch).verdict is Verdict.LEAKS


class Backward(LightningModule):
    def __init__(self, times: int) -> None:
        super().__init__()
        self.net, self.times = classifier(), times

    def training_step(self, batch, batch_idx):
        loss = functional.cross_entropy(self.net(batch[0]), batch[1])
        for _ in range(self.times):
            self.manual_backward(loss)
        if not self.times:
            loss.backward()
        return loss


class NoLoss(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = classifier()

    def training_step(self, batch, batch_idx):
        return {"value": self.net(batch[0])}


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (classifier(), "has no training_step: pass loss="),
        (LightningModule(), "has no training_step"),
        (Backward(0), "calls backward itself"),
        (Backward(2), "manual_backward 2 times"),
        (NoLoss(), "want the loss, or a dict with the key 'loss'"),
    ],
)
def test_a_training_step_that_cannot_be_audited_is_one_line(module, says: str) -> None:
    if not any(True for _ in module.parameters()):
        module.layer = nn.Linear(1, 1)
    with pytest.raises(UserError, match=says) as caught:
        bench.audit(module, (X, Y), **FEW)
    assert "\n" not in str(caught.value)
