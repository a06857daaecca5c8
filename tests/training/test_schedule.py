"""A schedule refuses what cannot be trained with, and sets the rate as it says."""

import pytest
import torch

from bench.training.schedule import TrainingSchedule

GOOD = {
    "split": "held_out",
    "train": 80,
    "test": 20,
    "split_seed": 0,
    "sampling": "shuffle",
    "batch_size": 8,
    "lr": 0.1,
    "momentum": 0.0,
    "weight_decay": 0.0,
    "decay": "constant",
    "epochs": 1,
    "runs": 1,
    "checkpoints": [],
}


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("epochs", 0, "epochs=0: must be >= 1"),
        ("train", None, "train=null: must be >= 1"),
        ("lr", 0.0, "lr=0.0: must be > 0"),
        ("momentum", -0.1, "momentum=-0.1: must be >= 0"),
        ("split", "official", "say null for both"),
        ("checkpoints", [0, 2], "2 is none of the epochs 0 to 1"),
        ("checkpoints", [1, 1], "names an epoch twice"),
    ],
)
def test_values_out_of_range_are_named(key, value, sentence):
    with pytest.raises(ValueError, match=sentence):
        TrainingSchedule(**{**GOOD, key: value})


def test_the_rate_stays_or_follows_half_a_cosine():
    rates = {}
    for decay in ("constant", "cosine"):
        schedule = TrainingSchedule(**{**GOOD, "decay": decay})
        sgd, rate = schedule.optimiser([torch.nn.Parameter(torch.zeros(1))], steps=4)
        rates[decay] = []
        for _ in range(4):
            rates[decay].append(sgd.param_groups[0]["lr"])
            sgd.step()
            rate.step()
    assert rates["constant"] == [0.1] * 4
    half = [0.05 * (1 + torch.cos(torch.tensor(torch.pi * i / 4)).item()) for i in range(4)]
    assert rates["cosine"] == pytest.approx(half, rel=1e-5)
