"""Protects: what CENSOR sends tells the label, because it is at a right angle to the gradient and as long."""

import pytest
import torch
from label_batches import shared

from bench.attacks.base import unmet
from bench.defenses.censor import orthogonal
from bench.labels.censor import CensorRule, fits, predictions


def test_predictions_and_features_come_out_of_two_gradients() -> None:
    g = torch.Generator().manual_seed(0)
    p = torch.rand(5, 4, generator=g, dtype=torch.float64).softmax(1)
    h = torch.rand(5, 7, generator=g, dtype=torch.float64)
    zero, one = ((p - torch.eye(4)[c])[:, :, None] * h[:, None] for c in (0, 1))
    found = predictions(zero, one)
    torch.testing.assert_close(found[0], p)
    torch.testing.assert_close(found[1], h)


@pytest.mark.parametrize("there", ["both", "weight", "bias"])
def test_only_the_true_gradient_fulfils_all_equations(there: str) -> None:
    """The example itself as the dummy: with its label the likelihood is 1, with any other next to none."""
    g = torch.Generator().manual_seed(1)
    p = torch.rand(1, 6, generator=g, dtype=torch.float64).softmax(1)
    h = torch.rand(1, 9, generator=g, dtype=torch.float64)
    error = p[0] - torch.eye(6)[2]
    weight = orthogonal((error[:, None] * h).flatten(), torch.randn(1, 54, generator=g, dtype=torch.float64))
    sent = orthogonal(error, torch.randn(1, 6, generator=g, dtype=torch.float64))[0]
    found = fits(p, h, weight.reshape(6, 9) if there != "bias" else None, sent if there != "weight" else None)[0]
    assert abs(float(found[2])) < 1e-12 and float(torch.cat([found[:2], found[3:]]).max()) < -10


def labels_found(parties, count: int, *overrides: str, weight: bool = True) -> int:
    """How many labels of `count` untrained LeNets, each with an image of its own, are right."""
    built = parties("attack=noise", "data.set=mnist", *overrides)
    victims = built.data.deal(range(count))
    seen = built.client.share(victims)
    return int((CensorRule(weight)(seen) == victims.labels).sum())


def test_labels_of_untrained_networks_are_read(parties) -> None:
    """Every one with PyTorch's initialisation, whose predictions hardly depend on the input."""
    settings = ("model.width=4", "model.init_range=null")
    assert labels_found(parties, 5, "defense=censor", "defense.trials=2", *settings) == 5


@pytest.mark.slow
def test_labels_of_two_hundred_untrained_networks_are_read(parties) -> None:
    """With U(-0.5, 0.5), predictions differ from image to image, and those of dummies are a weaker guide."""
    few = "defense.trials=2"  # the choice among updates changes neither angle nor length
    assert labels_found(parties, 200, "defense=censor", few, "model.init_range=null") == 200
    assert labels_found(parties, 200, "defense=censor", few) >= 170


@pytest.mark.slow
def test_the_published_projection_gives_less_away(parties) -> None:
    """It is at a right angle only to gradients of length 1, which the bias's nearly is and the weight's is not."""
    settings = ("defense=censor_published", "defense.trials=2", "model.init_range=null")
    assert labels_found(parties, 100, *settings, weight=False) >= 80
    assert labels_found(parties, 100, *settings) < 20


def test_an_undefended_client_gives_the_rule_nothing() -> None:
    """The gradient is not at a right angle to itself: the true label is the one that is never found."""
    truth = torch.arange(10)[:, None]
    found = CensorRule(True)(shared(truth, 10))
    assert not (found == truth).any()


def test_a_batch_of_several_is_not_served(parties) -> None:
    built = parties("attack=noise", "data.batch_size=2", "defense=censor", "defense.trials=1", "model.width=3")
    lack = unmet(CensorRule.needs, built.client.share(built.data.deal([0])))
    assert lack is not None and "batch of one" in lack
