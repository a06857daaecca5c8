"""Soteria masks the columns that its criterion says, against a loop of backward passes."""

import numpy as np
import pytest
import torch

from bench.defenses.soteria import sensitivity
from bench.errors import NotApplicable


def by_hand(model, inputs: torch.Tensor, layer: str) -> np.ndarray:
    """Sensitivity of each feature, summed over the batch: a backward pass for each, as the authors' code has it."""
    total = 0.0
    for example in inputs:
        x = example[None].clone().requires_grad_()
        seen = []
        hook = model.get_submodule(layer).register_forward_pre_hook(lambda _m, given: seen.append(given[0]))  # noqa: B023
        model(x)
        hook.remove()
        (r,) = seen[0]
        norms = [float(torch.autograd.grad(r[i], x, retain_graph=True)[0].norm()) for i in range(len(r))]
        total = total + np.array(norms) / (r.detach().numpy() + 0.1)
    return total


def test_the_least_sensitive_features_lose_their_columns(parties):
    overrides = ("attack=noise", "data.batch_size=2", "data.set=mnist", "model.width=3", "model.per_victim=false")
    plain, built = parties(*overrides), parties(*overrides, "defense=soteria", "defense.fraction=0.4")
    victims = built.data.deal([0, 2])
    clean, seen = plain.client.share(victims), built.client.share(victims)
    name = built.client.facts.last_linear
    for v in range(2):
        score = by_hand(built.client.model, victims.inputs[v], name.removesuffix(".weight"))
        masked = round(0.4 * score.size)
        order, empty = np.argsort(score), (seen.gradients[name][v] == 0).all(0).numpy()
        assert empty.sum() == masked
        assert set(np.flatnonzero(empty)) >= set(order[: masked - 1])  # the last two may be equal in float32
        torch.testing.assert_close(seen.gradients[name][v][:, ~empty], clean.gradients[name][v][:, ~empty])
    for other in set(seen.gradients) - {name}:
        torch.testing.assert_close(seen.gradients[other], clean.gradients[other])


@pytest.mark.parametrize(
    ("batch_size", "fraction"), [(1, 0.7), (3, 0.6), pytest.param(16, 0.6, marks=pytest.mark.slow)]
)
def test_behind_a_relu_features_that_are_off_have_a_score_and_go_first(parties, batch_size, fraction):
    """A dead feature is 0/0 without the offset, and one example in which it is off would decide for the whole batch."""
    overrides = ("attack=noise", f"data.batch_size={batch_size}", "data.set=mnist", "model.per_victim=false")
    relu = ("model.width=3", "model.activation=relu", "model.init_range=null")
    plain, built = (
        parties(*overrides, *relu),
        parties(*overrides, *relu, "defense=soteria", f"defense.fraction={fraction}"),
    )
    victims = built.data.deal([0, 2])
    name = built.client.facts.last_linear
    clean, seen = plain.client.share(victims).gradients[name], built.client.share(victims).gradients[name]
    for v in range(2):
        score = by_hand(built.client.model, victims.inputs[v], "fc")
        assert np.isfinite(score).all() and (batch_size > 3 or (score == 0).any())
        order, masked = np.argsort(score, kind="stable"), round(fraction * score.size)
        empty, off = (seen[v] == 0).all(0).numpy(), (clean[v] == 0).all(0).numpy()
        assert set(np.flatnonzero(empty)) >= set(order[: masked - 1]) | set(np.flatnonzero(off))
        assert set(order[masked + 1 :]).isdisjoint(np.flatnonzero(empty & ~off))
        assert empty.sum() <= max(masked, off.sum()) and not empty.all()
        torch.testing.assert_close(seen[v][:, ~empty], clean[v][:, ~empty])


def test_a_sensitivity_is_a_number_whatever_the_feature():
    """Off, or at the pole of the published quotient."""

    def represent(x):
        return torch.stack([torch.relu(x[0] - 5), x[0] - 0.1, 3 * x[0] + 1])

    found = sensitivity(represent, torch.zeros(1, dtype=torch.float64))
    torch.testing.assert_close(found, torch.tensor([0.0, 1 / 0.2, 3 / 1.1], dtype=torch.float64))


class Tripled(torch.autograd.Function):
    """Three times the input, with a derivative in reverse mode alone."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return 3 * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, g):
        return 3 * g


@pytest.mark.parametrize("features", [2, 40], ids=["by rows", "by columns"])
@pytest.mark.parametrize("reverse_only", [False, True])
def test_both_modes_of_differentiation_and_a_function_that_has_one_of_them_agree(features, reverse_only):
    torch.manual_seed(0)
    weight, x = torch.randn(features, 12), torch.randn(3, 4)

    def represent(x):
        return torch.tanh(weight @ (Tripled.apply(x) if reverse_only else 3 * x).flatten())

    slope = 3 * (1 - represent(x) ** 2) * weight.norm(dim=1)  # of tanh(3 w.x): each row is a multiple of w
    torch.testing.assert_close(sensitivity(represent, x), slope / (represent(x).abs() + 0.1))


def test_a_layer_that_is_not_there_and_batch_statistics_are_refused(parties):
    with pytest.raises(NotApplicable, match="no linear layer 'fc9'"):
        parties("attack=noise", "defense=soteria", "defense.layer=fc9")
    with pytest.raises(NotApplicable, match="BatchNorm in train mode"):
        parties("attack=noise", "defense=soteria", "model=resnet20", "model.mode=train", "model.blocks=1")
