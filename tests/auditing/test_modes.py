"""Modules in two modes at once: a frozen BatchNorm within training, dropout that stays on within evaluation."""

import copy

import torch
from torch import nn
from torch.nn import functional

import bench
from bench.auditing.modes import keep_modes
from tests.auditing.networks import classifier, image

BATCH = image(), torch.tensor([2])


def mixed(whole: bool, part: bool) -> nn.Sequential:
    """A network with BatchNorm, dropout and a linear layer, of which BatchNorm and dropout have a mode of their own."""
    *body, last = classifier()
    net = nn.Sequential(nn.BatchNorm2d(1), *body, nn.Dropout(0.2), last)
    net[0].running_mean.fill_(0.3)
    net.train(whole)
    net[0].train(part), net[-2].train(part)
    return net


def test_a_mode_of_its_own_outlives_train_and_eval_also_in_copies() -> None:
    for whole in (False, True):
        net = mixed(whole, not whole)
        keep_modes(net)
        for one in (net, copy.deepcopy(net), copy.deepcopy(copy.deepcopy(net))):
            one.train(not whole), one.train(whole)
            assert [part.training for part in one] == [not whole, *[whole] * 3, not whole, whole]
        assert copy.deepcopy(net)[0].train.__self__ is not net[0]


def test_a_frozen_norm_within_training_is_attacked_as_it_is() -> None:
    """A BatchNorm that normalised by the batch instead would give another gradient, and the audit refuses that."""
    report = bench.audit(mixed(True, False), BATCH, loss=functional.cross_entropy, budget=20)
    assert report.leaks and not report.notes


def test_norm_and_dropout_that_stay_on_within_evaluation_are_attacked_as_they_are() -> None:
    """The image is known up to its own mean and deviation, by which it is normalised, and that is no recovery."""
    pair = BATCH[0].repeat(2, 1, 1, 1) * torch.tensor([1.0, 0.5]).view(2, 1, 1, 1), torch.tensor([2, 1])
    report = bench.audit(mixed(False, True), pair, loss=functional.cross_entropy, budget=20)
    assert not report.notes and "dropout" in " ".join(str(report).split())
