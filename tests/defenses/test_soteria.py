"""Soteria masks the columns that its criterion says, against a loop of backward passes."""

import numpy as np
import pytest
import torch

from bench.errors import NotApplicable


def by_hand(model, inputs: torch.Tensor, layer: str) -> np.ndarray:
    """Sensitivity of each feature, summed over the batch: a backward pass for each."""
    total = 0.0
    for example in inputs:
        x = example[None].clone().requires_grad_()
        seen = []
        hook = model.get_submodule(layer).register_forward_pre_hook(lambda _m, given: seen.append(given[0]))  # noqa: B023
        model(x)
        hook.remove()
        (r,) = seen[0]
        norms = [float(torch.autograd.grad(r[i], x, retain_graph=True)[0].norm()) for i in range(len(r))]
        total = total + np.array(norms) / r.detach().abs().numpy()
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


def test_a_layer_that_is_not_there_and_batch_statistics_are_refused(parties):
    with pytest.raises(NotApplicable, match="no linear layer 'fc9'"):
        parties("attack=noise", "defense=soteria", "defense.layer=fc9")
    with pytest.raises(NotApplicable, match="BatchNorm in train mode"):
        parties("attack=noise", "defense=soteria", "model=resnet20", "model.mode=train", "model.blocks=1")
