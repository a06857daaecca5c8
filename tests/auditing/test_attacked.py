"""What is attacked is what the client computes."""

from dataclasses import replace

import pytest
import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional

import bench
from bench.auditing.attacked import BatchStep, attacked, check_same, difference
from bench.auditing.kinds.base import Knowledge
from bench.auditing.kinds.lookup import kind_of
from bench.auditing.step import read_step
from bench.auditing.targets import targets_of
from bench.errors import UserError
from tests.auditing.networks import FEW, Around, Classifier, X, Y, classifier, image


@pytest.mark.parametrize("randomness", ["known", "unknown"])
def test_batchnorm_and_dropout_compute_as_the_client_does(randomness: str) -> None:
    """With the masks known, the images come back; with masks of its own, the attacker fails."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Sigmoid(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(512, 4)
    )
    batch = image(2), torch.tensor([2, 0])
    report = bench.audit(Classifier(net), batch, randomness=randomness, budget=8, overrides=("threat=labels_known",))
    assert report.leaks == (randomness == "known")
    assert f"(dropout) are {randomness}" in " ".join(str(report).split())


class Attention(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last, self.kind = nn.Linear(8, 8), nn.Linear(8, 4), kind
        self.heads = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x[:, 0])
        if self.kind == "fused":
            return self.last(functional.scaled_dot_product_attention(x, x, x).mean(1))
        return self.last(self.heads(x, x, x)[0].mean(1))


@pytest.mark.parametrize(
    ("module", "batch"),
    [
        (classifier().double(), (X.double(), Y)),
        (classifier().bfloat16(), (X.bfloat16(), Y)),
        (Attention("fused"), (X, Y)),
        (Attention("heads"), (X, Y)),
        (Attention("heads").eval(), (X, Y)),
        (Around(lambda self, x: self.net(x + 0.1 * torch.randn_like(x))), (X, Y)),
        (nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(inplace=True), *classifier()[2:]), (X, Y)),
    ],
    ids=["double", "bfloat16", "fused attention", "attention", "attention in eval mode", "random", "in place"],
)
def test_steps_that_look_difficult_are_audited(module, batch) -> None:
    report = bench.audit(module, batch, loss=functional.cross_entropy, **FEW)
    assert report.evaluations > 1 and report.room.rank > 0


class Recording(LightningModule):
    """Its loss has a term of its own, so that its whole step is attacked."""

    def __init__(self) -> None:
        super().__init__()
        self.net = classifier()

    def training_step(self, batch, batch_idx):
        logits = self.net(batch["image"])
        return functional.cross_entropy(logits, batch["label"]) + 0.01 * logits.square().mean()


def test_what_is_attacked_holds_neither_inputs_nor_targets() -> None:
    batch = {"image": image(), "label": torch.tensor([3]), "age": torch.tensor([44.0])}
    step = read_step(Recording(), None, batch, None, None, None)
    kind = kind_of(None, step.private, Knowledge())
    targets = targets_of(step.call, step.known_targets, None, kind, 0.0, 1.0)
    found = attacked(step, kind, targets, False, None)
    assert isinstance(found.model, BatchStep) and found.info is not None and found.info.mappable
    assert (step.inputs, step.targets, targets.classes) == ("image", "label", 4)
    assert found.info.last_linear == "module.net.3.weight"
    held = found.model._batch
    assert not held["image"].any() and not held["label"].any() and float(held["age"]) == 44
    assert difference(found, step, image(), torch.tensor([3])) < 1e-5
    assert difference(found, step, image(), torch.tensor([1])) > 0.1
    check_same(found, step, image(), torch.tensor([3]))
    other = replace(step, gradients={name: 1.1 * value for name, value in step.gradients.items()})
    with pytest.raises(UserError, match=r"cannot be audited as it is: its gradient .* differs from its own by 9\.1%"):
        check_same(found, other, image(), torch.tensor([3]))
