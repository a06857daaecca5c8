"""Label smoothing against torch's own, what soft-label inference reads of it, and the attacker that knows it."""

import pytest
import torch
from attacks.test_gradient_matching import run
from defenses.batches import by_autograd, own_gradient
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from bench.defenses.label_smoothing import LabelSmoothing
from bench.labels.soft import SoftRule

SMALL = ("attack=noise", "data.set=mnist", "data.size=6", "model.width=3", "engine.dtype=float64")
SMOOTH = ("defense=label_smoothing", "defense.smoothing=0.3")


def test_what_is_shared_is_the_gradient_of_torchs_smoothed_loss(parties) -> None:
    built = parties(*SMALL, *SMOOTH, "data.batch_size=3")
    victims = built.data.deal([0, 5])
    seen = built.client.share(victims)
    for v in range(2):
        labels = victims.labels[v]
        wanted = by_autograd(
            built.client.model,
            seen,
            v,
            victims.inputs[v].double(),
            lambda logits: cross_entropy(logits, labels, label_smoothing=0.3),  # noqa: B023
        )
        for name, value in wanted.items():
            torch.testing.assert_close(seen.gradients[name][v], value)


def test_soft_label_inference_reads_the_label_and_the_smoothing(parties) -> None:
    """The closed form is exact but for the rounding of double precision."""
    built = parties(*SMALL, *SMOOTH)
    victims = built.data.deal(range(4))
    read = SoftRule("smoothing").probabilities(built.client.share(victims))
    wanted = torch.full((4, 10), 0.03, dtype=torch.float64)
    wanted[torch.arange(4), victims.labels[:, 0]] = 0.73
    torch.testing.assert_close(read, wanted, rtol=0, atol=1e-9)


def test_the_sign_of_the_bias_misses_a_label_only_where_the_model_is_surer_of_it_than_the_smoothed_label(
    parties,
) -> None:
    """The least entry of p - y' is the label's as long as p is at most 1 - smoothing there."""
    built = parties("attack=noise", "data.set=mnist", "engine.dtype=float64", *SMOOTH)
    victims = built.client._typed_victims(built.data.deal(range(40)))
    seen = built.client.share(victims)
    sure, right = [], seen.gradients["fc.bias"].argmin(1) == victims.labels[:, 0]
    for v in range(40):
        logits = functional_call(built.client.model, {n: p[v] for n, p in seen.parameters.items()}, victims.inputs[v])
        sure.append(float(logits.softmax(1)[0, victims.labels[v, 0]]) > 0.7)
    assert right[~torch.tensor(sure)].all() and not right.all()


@pytest.mark.parametrize("stacked", [False, True])
def test_an_attacker_that_knows_it_smooths_its_own_labels_too(parties, stacked: bool) -> None:
    """Without the grant its gradient at the truth is another one. Noise of 1e-7 stays below 1e-6 in 4,000 entries."""
    parts = "[{label_smoothing: {smoothing: 0.3}},{gaussian: {std: 1e-7}}]"
    defense = ("defense=stack", f"defense.parts={parts}") if stacked else SMOOTH
    apart = {}
    for threat in ("basic", "adaptive"):
        built = parties(*SMALL, *defense, f"threat={threat}")
        victims = built.client._typed_victims(built.data.deal([0]))
        seen = built.client.share(victims)
        own = own_gradient(seen, victims, 0)
        apart[threat] = max(float((own[name] - value[0]).abs().max()) for name, value in seen.gradients.items())
    assert apart["adaptive"] < (1e-5 if stacked else 1e-12) < 1e-3 < apart["basic"]


def test_knowing_it_is_what_lets_an_attack_through(parties) -> None:
    """iDLG on digits of 6x6: the same attack, with and without the grant."""
    settings = ("attack=idlg", "data.set=mnist", "data.size=6", "model.width=8", "attack.evaluations=80", *SMOOTH)
    errors = {}
    for threat in ("basic", "adaptive"):
        built = parties(*settings, f"threat={threat}", "engine.compile=false", "engine.chunk=2")
        victims = built.data.deal(range(2))
        claim = run(built.attack, built.client.share(victims))
        errors[threat] = ((claim.inputs.clamp(0, 1) - victims.inputs) ** 2).flatten(1).mean(1)
    assert (errors["adaptive"] < 1e-3).all() and (errors["basic"] > 10 * errors["adaptive"]).all()


def test_all_of_the_uniform_label_hides_the_label_and_none_changes_nothing(parties) -> None:
    shared = {}
    for smoothing in (0.0, 1.0):
        built = parties(*SMALL, "defense=label_smoothing", f"defense.smoothing={smoothing}")
        assert built.client.defense.must_change == (smoothing > 0)
        victims = built.data.deal([0])
        shared[smoothing] = [built.client.share(victims).gradients["fc.bias"]]
        victims.labels[:] = (victims.labels + 1) % 10
        shared[smoothing].append(built.client.share(victims).gradients["fc.bias"])
    assert torch.equal(*shared[1.0]) and not torch.equal(*shared[0.0])
    plain = parties(*SMALL)
    wanted = plain.client.share(plain.data.deal([0])).gradients["fc.bias"]
    torch.testing.assert_close(shared[0.0][0], wanted)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="want 0 <= smoothing <= 1"):
        LabelSmoothing(share)
