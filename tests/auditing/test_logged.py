"""What a Trainer's logger is given of an audit: finite numbers under `leak/`, and pictures."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import bench
from bench.auditing.logged import beside, log_picture, numbers
from bench.auditing.report import Audit
from bench.auditing.room_left import RoomLeft


@pytest.fixture(scope="module")
def report() -> Audit:
    """One image, found exactly."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 4))
    batch = torch.rand(1, 1, 6, 6), torch.tensor([2])
    return bench.audit(net, batch, loss=functional.cross_entropy, overrides=("metric=mse",))


def test_numbers_are_those_of_the_report(report: Audit) -> None:
    found = numbers(report, 3.5)
    assert found["leak/verdict"] == 2 and found["leak/recovered"] == 1 and found["leak/partly"] == 0
    assert found["leak/error_share"] == report.examples[0].share and found["leak/seconds"] == 3.5
    assert found["leak/mse"] == pytest.approx(float(report.scores["mse"]))


def test_what_is_undefined_is_left_out(report: Audit) -> None:
    scores = {"psnr": torch.tensor([math.nan]), "mse": torch.tensor([math.inf])}
    lost = replace(report, scores=scores, room=RoomLeft(None, 36, 30, math.inf))
    found = numbers(lost, 1.0)
    assert not {"leak/psnr", "leak/mse", "leak/condition", "leak/bound"} & found.keys()
    assert found["leak/rank_share"] == pytest.approx(30 / 36) and all(map(math.isfinite, found.values()))
    assert "leak/rank_share" not in numbers(replace(report, room=RoomLeft("too large")), 1.0)


def test_truths_stand_above_reconstructions() -> None:
    pair = torch.stack([torch.zeros(3, 2, 4, 5), torch.ones(3, 2, 4, 5)])  # two channels are no colours
    shown = beside(pair)
    assert shown.shape == (8, 15, 1) and (shown[:4] == 0).all() and (shown[4:] == 255).all()
    assert np.array_equal(beside(torch.full((2, 1, 3, 2, 2), 0.5)), np.full((4, 2, 3), 128))


def test_tensorboard_shows_pictures(tmp_path: Path) -> None:
    from pytorch_lightning.loggers import TensorBoardLogger
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = TensorBoardLogger(tmp_path, name="", version="")
    picture = beside(torch.rand(2, 3, 3, 4, 4))
    log_picture(logger, picture, 7)
    logger.log_metrics({"leak/verdict": 2.0}, step=7)
    logger.finalize("success")
    found = EventAccumulator(str(tmp_path)).Reload()
    (image,) = found.Images("leak/pictures")
    assert (image.step, image.width, image.height) == (7, 12, 8)
    assert found.Scalars("leak/verdict")[0].value == 2
