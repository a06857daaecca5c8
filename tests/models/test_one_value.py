"""A training step that torch refuses, BatchNorm over one value per channel, is refused by run, train and audit."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import bench
from bench.cli.main import main
from bench.errors import UserError

OWN = "model=custom", "model.target=models.test_one_value:pooled", "data.set=mnist", "attack=noise"
SAYS = "BatchNorm normalises by the batch and gets one value per channel"


def pooled(shape, classes):
    """Its BatchNorm sees one pixel a channel."""
    return nn.Sequential(
        nn.Conv2d(shape[0], 4, 5), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, classes)
    )


def by_vector(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 5), nn.BatchNorm1d(5), nn.Sigmoid(), nn.Linear(5, classes))


@pytest.mark.parametrize("target", ["pooled", "by_vector"])
@pytest.mark.parametrize(
    "overrides",
    [
        ["data.batch_size=1"],
        ["data.batch_size=2", "defense=local_steps", "defense.batch_size=1"],
        ["data.batch_size=2", "defense=clients", "defense.clients=2"],
    ],
)
def test_run_refuses_it_for_a_batch_and_for_the_parts_of_one(capfd, tmp_path, target, overrides):
    quick = ["logger=none", "metric=mse", "engine.threads=1", "model.mode=train", f"results={tmp_path / 'out'}"]
    own = [*OWN, f"model.target=models.test_one_value:{target}"]
    assert main(["run", *own, *quick, *overrides]) == 2
    error = capfd.readouterr().err
    assert SAYS in error and "model.mode=eval" in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


@pytest.mark.parametrize("overrides", [["model.mode=train", "data.batch_size=2"], ["data.batch_size=1"]])
def test_two_values_and_running_statistics_are_served(parties, overrides):
    built = parties(*OWN, *overrides)
    assert all(torch.isfinite(value).all() for value in built.client.share(built.data.deal([0])).gradients.values())


def test_train_refuses_it_before_anything_is_written(capfd, tmp_path):
    small = ["training=held_out", "training.train=12", "training.test=6", "training.epochs=1", "training.runs=1"]
    quick = ["data=samples", "logger=none", "trainer=cpu", "engine.threads=1", f"results={tmp_path / 'out'}"]
    assert main(["train", *OWN, *small, *quick, "training.batch_size=1"]) == 2
    error = capfd.readouterr().err
    assert SAYS in error and error.count("\n") == 1 and not (tmp_path / "out").exists()
    assert main(["train", *OWN, *small, *quick, "training.batch_size=4"]) == 0


def test_audit_refuses_it_as_torch_does():
    net, batch = pooled((1, 8, 8), 3).train(), (torch.rand(1, 1, 8, 8), torch.tensor([1]))
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        functional.cross_entropy(net(batch[0]), batch[1])
    with pytest.raises(UserError, match=SAYS) as caught:
        bench.audit(net, functional.cross_entropy, batch, "noise", overrides=("metric=mse",))
    assert "\n" not in str(caught.value)
    bench.audit(net.eval(), functional.cross_entropy, batch, "noise", overrides=("metric=mse",))
    two = torch.rand(2, 1, 8, 8), torch.tensor([1, 2])
    bench.audit(net.train(), functional.cross_entropy, two, "noise", overrides=("metric=mse",))


def test_statistics_that_are_never_kept_are_the_batchs_in_eval_mode_too(parties):
    """So no sample has a gradient of its own, and DP-SGD has to refuse it there as well."""
    with pytest.raises(UserError, match="DPSGD needs a gradient for each sample, and BatchNorm"):
        parties(*OWN, "model.target=models.test_one_value:untracked", "defense=dp_sgd", "data.batch_size=2")


def untracked(shape, classes):
    return nn.Sequential(
        nn.Conv2d(shape[0], 4, 5),
        nn.BatchNorm2d(4, track_running_stats=False),
        nn.Flatten(),
        nn.Linear(4 * 24 * 24, classes),
    )
