"""Mixup: its distribution, its partners, the gradient of the two-loss form, and what is read of it from outside."""

import pytest
import torch
from defenses.batches import FORM, around, batch, by_autograd, computed_on
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch.nn.functional import cross_entropy

from bench.defenses.base import PlainGradient, rng_of
from bench.defenses.clip import Clip
from bench.defenses.dp_sgd import DPSGD
from bench.defenses.mixup import Mixup, in_a_circle, symmetric_beta
from bench.defenses.stack import Stack
from bench.engine.rng import VictimRng
from bench.errors import NotApplicable
from bench.labels.soft import with_bias

SMALL = ("attack=noise", "data.set=mnist", "data.size=6", "model.width=3", "engine.dtype=float64")


def draws(built, victim: int, size: int, *purpose: int | str) -> tuple[torch.Tensor, torch.Tensor]:
    """The share and the partners that a client draws for one victim."""
    part = next(part for part, _ in built.client.defense.flat(around(size)) if isinstance(part, Mixup))
    depth = len(built.client.defense.flat(around(size))) - 1
    return part.draw(size, FORM, rng_of(part, depth, VictimRng((built.client.seed, "defense", victim, *purpose))))


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0, 4.0])
def test_shares_have_the_beta_distribution(alpha: float) -> None:
    """Kolmogorov and Smirnov's test on 4,000 numbers of one seed."""
    g = torch.Generator().manual_seed(0)
    found = symmetric_beta(torch.rand(4000, generator=g), torch.rand(4000, generator=g), alpha)
    assert found.isfinite().all() and found.min() >= 0 and found.max() <= 1
    assert stats.kstest(found.numpy(), stats.beta(alpha, alpha).cdf).pvalue > 1e-3


def test_the_ends_of_the_uniform_numbers_give_finite_shares() -> None:
    ends = torch.tensor([0.0, 0.25, 0.5, 1 - 2**-24])
    for alpha in (1e-3, 1.0, 1e3):
        found = symmetric_beta(ends[:, None].expand(4, 4), ends.expand(4, 4), alpha)
        assert found.isfinite().all() and found.min() >= 0 and found.max() <= 1


@given(st.permutations(range(7)))
def test_nobody_is_its_own_partner_and_everybody_is_somebodys(order: list[int]) -> None:
    partner = in_a_circle(torch.tensor(order)).tolist()
    assert sorted(partner) == list(range(7)) and all(i != p for i, p in enumerate(partner))


@pytest.mark.parametrize("size", [2, 5])
def test_what_is_shared_is_the_gradient_of_both_losses_weighted_by_the_share(parties, size: int) -> None:
    """m CE(f(x'), y) + (1 - m) CE(f(x'), y_partner), the form of the authors' code, with class indices."""
    built = parties(*SMALL, "defense=mixup", f"data.batch_size={size}")
    victims = built.data.deal([0, 4])
    seen = built.client.share(victims)
    for v, victim in enumerate((0, 4)):
        share, partner = draws(built, victim, size)
        share = share.double()
        x, y = victims.inputs[v].double(), victims.labels[v]
        mixed = share * x + (1 - share) * x[partner]

        def loss(z, m=share, y=y, other=y[partner]):
            return m * cross_entropy(z, y) + (1 - m) * cross_entropy(z, other)

        for name, value in by_autograd(built.client.model, seen, v, mixed, loss).items():
            torch.testing.assert_close(seen.gradients[name][v], value)


def test_soft_label_inference_reads_the_share_of_a_mixture(parties) -> None:
    """A local step on the first of two mixtures shares the gradient of one example, whose soft label is exact."""
    steps = "{local_steps: {steps: 1, lr: 1.0, batch_size: 1}}"
    built = parties(*SMALL, "data.batch_size=2", "defense=stack", f"defense.parts=[{steps},mixup]")
    victim = next(v for v in range(9) if len(set(built.data.deal([v]).labels[0].tolist())) == 2)
    victims = built.data.deal([victim])
    seen = built.client.share(victims)
    parts = [seen.gradients[name][0] for name in ("fc.weight", "fc.bias")]
    read = with_bias(*parts, *(seen.parameters[name][0] for name in ("fc.weight", "fc.bias")))
    share, _ = draws(built, victim, 2)
    wanted = torch.zeros(10, dtype=torch.float64)
    wanted[victims.labels[0, 0]], wanted[victims.labels[0, 1]] = float(share), 1 - float(share)
    torch.testing.assert_close(read, wanted, rtol=0, atol=1e-7)  # the share is a float32


def test_the_mean_image_and_label_of_a_batch_stay_what_they_were() -> None:
    ((inputs, labels),) = computed_on(Mixup(1.0, 0), 6)
    before, classes = batch(6)
    torch.testing.assert_close(inputs.mean(0), before.mean(0))
    torch.testing.assert_close(labels.sum(0), classes.bincount(minlength=10).float())
    assert (inputs - before).flatten(1).norm(dim=1).min() > 1e-3


def test_one_example_has_no_partner_and_the_line_says_what_to_do(parties) -> None:
    with pytest.raises(NotApplicable, match=r"there is one only \(data\.batch_size=2") as caught:
        parties(*SMALL, "defense=mixup")
    assert "\n" not in str(caught.value)
    with pytest.raises(NotApplicable, match="named after dp_sgd"):
        parties(*SMALL, "data.batch_size=4", "defense=stack", "defense.parts=[mixup,dp_sgd]")


def test_around_dp_sgd_the_mixtures_are_the_samples_and_there_is_no_guarantee() -> None:
    """Each mixture is clipped, and an example is part of two. Without noise and a bound that any of them reaches, it is
    what a defence of the batch's gradient at the same place in a stack leaves."""

    def gradient(parameters, buffers, x, y):
        return {"w": torch.einsum("bchw,bk->k", x, y) / len(x)}

    shared = []
    for first in (DPSGD(1e9, 0.0, 1e-5, 0), Clip(1e9)):
        step = Stack([first, Mixup(1.0, 0)]).wrap(PlainGradient(gradient), around(4))
        noise = step.noise({"w": (10,)}, 4, VictimRng((0,)))
        shared.append(step({"w": torch.zeros(10)}, {}, *batch(4), noise, step.start({"w": (10,)}))[0]["w"])
    torch.testing.assert_close(*shared)
    assert Stack([DPSGD(1.0, 1.0, 1e-5, 0)]).privacy(None) is not None
    assert Stack([DPSGD(1.0, 1.0, 1e-5, 0), Mixup(1.0, 0)]).privacy(None) is None


@pytest.mark.parametrize("alpha", [0.0, -1.0, float("inf"), float("nan")])
def test_an_alpha_out_of_range_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="must be > 0"):
        Mixup(alpha, 0)
