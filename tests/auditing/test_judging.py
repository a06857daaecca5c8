"""Claims beside controls and truth."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import bench
from bench.auditing.verdict import Verdict
from tests.auditing.networks import classifier, image


def test_a_regression_of_images_and_its_target_are_found_together() -> None:
    net = nn.Sequential(*classifier()[:3], nn.Linear(512, 1))
    report = bench.audit(net, (image(), torch.tensor([[0.9]])), loss=functional.mse_loss)
    assert report.verdict is Verdict.LEAKS
    assert report.guessed_targets is not None
    assert float(report.guessed_targets) == pytest.approx(0.9, abs=0.1)


def of_masks(outputs: int) -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 16, 3, padding=1), nn.Sigmoid(), nn.Conv2d(16, outputs, 3, padding=1)
    return nn.Sequential(*layers)


def test_masks_are_reconstructed_beside_their_images() -> None:
    mask = (image(1, 1)[:, 0] * 2.99).long()
    report = bench.audit(of_masks(3), (image(), mask), loss=functional.cross_entropy, budget=2)
    assert report.targets.kind == "mask" and report.guessed_targets is not None
    assert report.guessed_targets.shape == mask.shape
    known = bench.audit(
        of_masks(3), (image(), mask), loss=functional.cross_entropy, overrides=("threat=labels_known",), budget=2
    )
    assert "granted" in known.targets.sentence and float(known.mse) <= float(report.mse)


LABEL = torch.tensor([2])


def test_a_blank_start_of_a_low_contrast_image_is_no_leak() -> None:
    x = 0.5 + 0.02 * (image() - 0.5)
    few = ("attack.evaluations=1",)
    report = bench.audit(classifier(), (x, LABEL), loss=functional.cross_entropy, attack="idlg", overrides=few)
    assert float(report.mse) < 1e-3 and not report.leaks and report.verdict is not Verdict.LEAKS


def test_an_even_image_is_never_recovered() -> None:
    report = bench.audit(classifier(), (torch.full((1, 1, 8, 8), 0.3), LABEL), loss=functional.cross_entropy)
    assert not report.leaks and "is exact" in " ".join(str(report).split())
