"""What is audited: modules and LightningModules, with batches, inputs and targets of any form."""

import dataclasses
import json
import random

import numpy as np
import pytest
import torch
from pytorch_lightning import LightningDataModule, LightningModule
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import bench
from bench.auditing.verdict import Verdict
from bench.errors import UserError
from bench.models.lenet import LeNet
from tests.auditing.networks import ByHand, Classifier, classifier, image

LABEL = torch.tensor([2])


def lenet() -> nn.Module:
    torch.manual_seed(0)
    return LeNet(12, (2, 2, 1), "sigmoid", 0.5, None, None, shape=(1, 8, 8), classes=10)


def test_a_lenet_leaks() -> None:
    report = bench.audit(lenet(), (image(), LABEL), loss=functional.cross_entropy)
    assert report.verdict is Verdict.LEAKS and report.leaks and report.labels.tolist() == [2]
    assert report.room.rank == report.room.entries == 64 and report.room.bound is None
    assert json.loads(json.dumps(report.to_dict()))["verdict"] == "LEAKS"


def test_noise_hides_the_image_and_not_the_label() -> None:
    """With such noise the unbiased bound is above the range of pixels, so that only the prior is left."""
    noise = {"defense": "gaussian", "overrides": ("defense.std=0.3",)}
    report = bench.audit(lenet(), (image(), LABEL), loss=functional.cross_entropy, budget=3, **noise)
    assert report.verdict is Verdict.PARTLY and not report.leaks
    assert report.targets.found and report.labels.tolist() == [2]
    assert report.room.std == pytest.approx(0.3) and report.room.bound is not None
    words = " ".join(str(report).split())
    assert "no unbiased attacker has an error below" in words and "no proof of safety" in words
    assert "Gaussian (std=0.3)" in words and "at most 2%" in words and "at most 30%" in words


def test_five_lines_suffice_for_a_lightning_module_with_its_own_data() -> None:
    class Data(LightningDataModule):
        def train_dataloader(self) -> DataLoader:
            return DataLoader(TensorDataset(image(4), torch.arange(4)), batch_size=1)

    batch = next(iter(Data().train_dataloader()))
    report = bench.audit(Classifier(), batch)
    assert report.verdict is Verdict.LEAKS
    assert report.setting.module == "Classifier"


def test_a_module_is_not_changed_and_no_random_number_is_taken() -> None:
    model = Classifier(nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(0.2), *classifier()))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state, others = torch.get_rng_state(), (random.getstate(), np.random.get_state()[1].tolist())
    bench.audit(model, (image(2), torch.tensor([2, 0])), attack="dlg", overrides=("attack.evaluations=2",))
    assert torch.equal(state, torch.get_rng_state())
    assert others == (random.getstate(), np.random.get_state()[1].tolist())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert type(model) is Classifier and model.training


def test_manual_optimisation_and_a_dict_are_served() -> None:
    batch = {"image": image(), "label": LABEL, "id": torch.tensor([7]), "name": ["a"]}
    assert bench.audit(ByHand(), batch).verdict is Verdict.LEAKS


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


@pytest.mark.parametrize(
    ("outside", "known"),
    [
        (lambda x: 2 * x - 1, {"range": (-1, 1)}),
        (lambda x: 255 * x, {"range": (0, 255)}),
        (lambda x: (x - 0.4) / 0.2, {"mean": 0.4, "std": 0.2}),
        (lambda x: (255 * x - 100) / 50, {"range": (0, 255), "mean": [100.0], "std": [50.0]}),
    ],
)
def test_images_of_any_range_come_back_in_the_users_units(outside, known) -> None:
    x = outside(image())
    with pytest.raises(UserError, match=r"beyond \[0, 1\].*pass range=\(low, high\)"):
        bench.audit(classifier(), (x, LABEL), loss=functional.cross_entropy)
    scaled = nn.Sequential(nn.BatchNorm2d(1, affine=False).eval(), classifier()).eval()
    scaled[0].running_mean.fill_(float(x.mean()))
    scaled[0].running_var.fill_(float(x.var()))
    report = bench.audit(scaled, (x, LABEL), loss=functional.cross_entropy, **known)
    assert report.verdict is Verdict.LEAKS
    assert float((report.inputs - x).abs().max()) < 0.02 * float(x.max() - x.min())
    assert float(report.scores["rmse"][0]) == pytest.approx(float((report.inputs - x).square().mean().sqrt()), rel=1e-3)


def signal() -> torch.Tensor:
    return torch.randn(1, 2, 32, generator=torch.Generator().manual_seed(0)).cumsum(2) / 5


def rows(count: int = 1) -> torch.Tensor:
    return torch.randn(count, 12, generator=torch.Generator().manual_seed(1))


def of_signals() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(2, 16, 5, padding=2), nn.Tanh(), nn.Flatten(), nn.Linear(512, 12))


def of_rows(outputs: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 32), nn.Tanh(), nn.Linear(32, outputs))


def of_masks(outputs: int) -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 16, 3, padding=1), nn.Sigmoid(), nn.Conv2d(16, outputs, 3, padding=1)
    return nn.Sequential(*layers)


class AutoEncoder(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = of_rows(12)

    def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
        return functional.mse_loss(self.net(batch), batch)


ONE_HOT = torch.tensor([[0.0, 0.7, 0.3]])
FINDINGS = torch.tensor([[0.0, 1, 1, 0, 0, 1, 0, 1]])


@pytest.mark.parametrize(
    ("module", "batch", "loss", "kind", "targets"),
    [
        (of_signals(), (signal(), LABEL), functional.cross_entropy, "signals", "classes"),
        (of_rows(12), (rows(4), torch.tensor([5, 0, 11, 5])), functional.cross_entropy, "rows of a table", "classes"),
        (of_rows(1), (rows(), torch.tensor([[0.9]])), functional.mse_loss, "rows of a table", "real"),
        (
            nn.Sequential(of_rows(1), nn.Flatten(0)),
            (rows(), torch.tensor([0.3])),
            nn.SmoothL1Loss(),
            "rows of a table",
            "real",
        ),
        (of_rows(3), (rows(), ONE_HOT), functional.cross_entropy, "rows of a table", "probabilities"),
        (of_rows(8), (rows(), FINDINGS), functional.binary_cross_entropy_with_logits, "rows of a table", "binary"),
        (AutoEncoder(), rows(), None, "rows of a table", "none"),
    ],
    ids=["signal", "rows", "regression", "one number", "probabilities", "several findings", "autoencoder"],
)
def test_other_inputs_and_targets_leak_too(module, batch, loss, kind: str, targets: str) -> None:
    report = bench.audit(module, batch, loss=loss)
    assert (report.verdict, report.setting.kind, report.targets.kind) == (Verdict.LEAKS, kind, targets)
    assert report.targets.found == (targets != "none")
    truth = batch if isinstance(batch, torch.Tensor) else batch[0]
    assert report.inputs.shape == truth.shape and float((report.inputs - truth).abs().max()) < 0.1
    json.dumps(report.to_dict())


def test_a_regression_of_images_and_its_target_are_found_together() -> None:
    net = nn.Sequential(*classifier()[:3], nn.Linear(512, 1))
    report = bench.audit(net, (image(), torch.tensor([[0.9]])), loss=functional.mse_loss)
    assert report.verdict is Verdict.LEAKS
    assert report.guessed_targets is not None
    assert float(report.guessed_targets) == pytest.approx(0.9, abs=0.1)


def test_masks_are_reconstructed_beside_their_images() -> None:
    mask = (image(1, 1)[:, 0] * 2.99).long()
    report = bench.audit(of_masks(3), (image(), mask), loss=functional.cross_entropy, budget=2)
    assert report.targets.kind == "mask" and report.guessed_targets is not None
    assert report.guessed_targets.shape == mask.shape
    known = bench.audit(
        of_masks(3), (image(), mask), loss=functional.cross_entropy, overrides=("threat=labels_known",), budget=2
    )
    assert "granted" in known.targets.sentence and float(known.mse) <= float(report.mse)


def test_known_means_are_those_of_public_data() -> None:
    public = 50 + 9 * torch.randn(100, 12, generator=torch.Generator().manual_seed(2))
    private = 50 + 9 * rows()
    net = nn.Sequential(nn.BatchNorm1d(12, affine=False), of_rows(12)).eval()
    net[0].running_mean.fill_(50)
    net[0].running_var.fill_(81)
    with pytest.raises(UserError, match=r"pass mean= and std=.*or public="):
        bench.audit(net, (10 * private, LABEL), loss=functional.cross_entropy)
    report = bench.audit(net, (private, LABEL), loss=functional.cross_entropy, public=public)
    assert report.verdict is Verdict.LEAKS and not report.notes


def test_a_blank_start_of_a_low_contrast_image_is_no_leak() -> None:
    x = 0.5 + 0.02 * (image() - 0.5)
    few = ("attack.evaluations=1",)
    report = bench.audit(classifier(), (x, LABEL), loss=functional.cross_entropy, attack="idlg", overrides=few)
    assert float(report.mse) < 1e-3 and not report.leaks and report.verdict is not Verdict.LEAKS


def test_an_even_image_is_never_recovered() -> None:
    report = bench.audit(classifier(), (torch.full((1, 1, 8, 8), 0.3), LABEL), loss=functional.cross_entropy)
    assert not report.leaks and "is exact" in " ".join(str(report).split())


@pytest.mark.slow
def test_the_whole_ensemble_against_noise_and_a_network_with_relu() -> None:
    """Noise of 0.1 hides the image from all members; the bound says how much. ReLU and pooling hide little."""
    noise = {"defense": "gaussian", "overrides": ("defense.std=0.1",)}
    report = bench.audit(lenet(), (image(), LABEL), loss=functional.cross_entropy, budget=None, **noise)
    assert report.verdict is Verdict.PARTLY and report.targets.found and report.room.bound > 0.1
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10)
    unclear = bench.audit(nn.Sequential(*layers), (image(), LABEL), loss=functional.cross_entropy, budget=60)
    assert unclear.verdict is Verdict.LEAKS or "no proof of safety" in str(unclear)
    assert unclear.room.rank > 0


def test_what_does_not_fit_the_budget_is_named() -> None:
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10)
    report = bench.audit(nn.Sequential(*layers), (image(), LABEL), loss=functional.cross_entropy, budget=1.0)
    assert report.effort.left_out and report.effort.seconds < 5
    assert all(name in str(report) for name in report.effort.left_out)
