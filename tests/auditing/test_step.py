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


class Aged(LightningModule):
    """Two private tensors: an image and a number."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.hidden, self.head = torch.nn.Linear(64, 8), torch.nn.Linear(9, 4)

    def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> torch.Tensor:
        found = torch.cat([self.hidden(batch["image"].flatten(1)).tanh(), batch["age"]], 1)
        return functional.cross_entropy(self.head(found), batch["label"])


@pytest.mark.parametrize("names", [("image", "age"), ["age", "image"], {"age", "image"}])
def test_several_private_tensors_are_audited_one_at_a_time(names) -> None:
    batch = {"image": image(), "age": torch.tensor([[0.4]]), "label": LABEL}
    with pytest.raises(
        UserError, match=r"one tensor .* \(inputs='age' and inputs='image'\); the others .* known"
    ) as no:
        bench.audit(Aged(), batch, inputs=names)
    assert "\n" not in str(no.value)
    for one, other in (("image", "age"), ("age", "image")):
        report = bench.audit(Aged(), batch, inputs=one, attack="idlg", overrides=("metric=mse",))
        assert f"the rest of the batch ('{other}')" in " ".join(str(report).split())
        # The number is read from the gradient of the last layer, whether or not the image is known.
        assert report.verdict is Verdict.LEAKS and torch.allclose(report.inputs, batch[one], atol=0.02)


def test_a_batch_without_other_tensors_grants_nothing_more() -> None:
    report = bench.audit(classifier(), (image(), LABEL), loss=functional.cross_entropy, overrides=("metric=mse",))
    assert not any("rest of the batch" in words for words in report.setting.granted)
