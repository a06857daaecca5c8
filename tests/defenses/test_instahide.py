"""InstaHide: shares, partners and signs against their definition, and the gradient of the authors' sum of losses."""

import pytest
import torch
from defenses.batches import FORM, around, batch, by_autograd, computed_on
from torch.nn.functional import cross_entropy

from bench.defenses.base import PlainGradient, rng_of
from bench.defenses.dp_sgd import DPSGD
from bench.defenses.instahide import InstaHide
from bench.defenses.stack import Stack
from bench.engine.rng import VictimRng
from bench.errors import NotApplicable

SMALL = ("attack=noise", "data.set=mnist", "data.size=6", "model.width=3", "engine.dtype=float64", "defense=instahide")


def test_shares_sum_to_one_and_none_is_too_large() -> None:
    for k, upper in ((2, 0.65), (4, 0.65), (6, 0.3)):
        shares, chosen, _ = InstaHide(k, upper, 0).draw(500, FORM, VictimRng((k,)))
        torch.testing.assert_close(shares.sum(1), torch.ones(500))
        assert shares.shape == (500, k) and shares.min() >= 0 and shares.max() <= upper
        # the definition: what is left of absolute normal numbers, whose shares have this mean by symmetry
        assert float(shares[:, 0].mean()) == pytest.approx(1 / k, abs=4 * float(shares[:, 0].std()) / 500**0.5)
        assert torch.equal(chosen[:, 0], torch.arange(500))


def test_the_images_of_a_mixture_are_different_ones_and_each_is_in_as_many() -> None:
    _, chosen, _ = InstaHide(3, 0.65, 0).draw(8, FORM, VictimRng((0,)))
    assert all(len(set(row)) == 3 for row in chosen.tolist())
    assert chosen.flatten().bincount().tolist() == [3] * 8


def test_each_pixel_has_a_sign_of_its_own_with_probability_one_half() -> None:
    _, _, flipped = InstaHide(1, 1.0, 0).draw(200, FORM, VictimRng((0,)))
    assert flipped.shape == (200, 1, 6, 6)
    assert float(flipped.float().mean()) == pytest.approx(0.5, abs=4 * 0.5 / 7200**0.5)  # four standard errors
    ((found, labels),) = computed_on(InstaHide(1, 1.0, 0), 4)
    inputs, classes = batch(4)
    same, turned = found.isclose(inputs), found.isclose(1 - inputs)
    assert (same | turned).all() and 0.2 < same.float().mean() < 0.8 and torch.equal(labels.argmax(1), classes)


def test_what_is_shared_is_the_gradient_of_the_losses_of_all_labels_weighted_by_their_shares(parties) -> None:
    built = parties(*SMALL, "data.batch_size=4", "defense.k=3")
    victims = built.data.deal([0, 4])
    seen, part = built.client.share(victims), built.client.defense
    for v, victim in enumerate((0, 4)):
        rng = rng_of(part, 0, VictimRng((built.client.seed, "defense", victim)))
        shares, chosen, flipped = part.draw(4, FORM, rng)
        shares, x, y = shares.double(), 2 * victims.inputs[v].double() - 1, victims.labels[v]
        mixed = torch.stack([sum(shares[b, j] * x[chosen[b, j]] for j in range(3)) for b in range(4)])
        signed = mixed * (1 - 2 * flipped.double())

        def loss(z, m=shares, y=y, chosen=chosen):
            return sum((m[:, j] * cross_entropy(z, y[chosen[:, j]], reduction="none")).mean() for j in range(3))

        for name, value in by_autograd(built.client.model, seen, v, (signed + 1) / 2, loss).items():
            torch.testing.assert_close(seen.gradients[name][v], value)


def test_too_few_images_and_arguments_out_of_range_are_refused(parties) -> None:
    with pytest.raises(NotApplicable, match="mixes 2 images of the same step, and there are 1") as caught:
        parties(*SMALL)
    assert "\n" not in str(caught.value)
    InstaHide(1, 1.0, 0).wrap(PlainGradient(lambda *_: {}), around(1))
    with pytest.raises(ValueError, match="k=0: must be >= 1"):
        InstaHide(0, 0.65, 0)
    with pytest.raises(ValueError, match=r"upper=0\.25: shares of 4 images are hardly ever below"):
        InstaHide(4, 0.25, 0)


def test_an_example_is_part_of_several_mixtures_so_there_is_no_guarantee() -> None:
    assert Stack([DPSGD(1.0, 1.0, 1e-5, 0), InstaHide(2, 0.65, 0)]).privacy(None) is None
