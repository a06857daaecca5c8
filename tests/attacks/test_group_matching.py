"""The objective of a group: that of each start alone, written plainly, and a term that couples the starts."""

import torch
from torch.func import functional_call
from torch.nn import functional

from bench.attacks.group_matching import GroupLayout, GroupMatching
from bench.engine.matching import Layout
from bench.objectives.layer_length import LayerLength
from bench.priors.batch_statistics import BatchStatistics
from bench.priors.group_consistency import GroupConsistency
from bench.priors.squared_norm import SquaredNorm
from bench.priors.total_variation import TotalVariation

SMALL = ("data=samples", "data.set=cifar10", "data.size=9", "data.batch_size=2", "model=convnet16", "model.width=2")
SMALL += ("model.mode=train", "threat=batchnorm_exact", "engine.dtype=float64", "attack=gradinversion")
PRIORS = [TotalVariation(0.3), SquaredNorm(0.2, 0.5)]


def matching(seen, labels, starts: int, *, statistics: BatchStatistics | None, weight: float, scale: float = 2.0):
    layout = GroupLayout(Layout(2, (3, 9, 9), 0), starts)
    group = GroupConsistency(weight, 1)
    made = GroupMatching(seen, layout, LayerLength(scale), labels, torch.float64, PRIORS, statistics, group)
    made.load(torch.arange(len(seen)))
    return made


def plainly(seen, labels, i: int, images, built) -> torch.Tensor:
    """L2 per layer, TV, L2 norm and BatchNorm statistics for one start of victim i, with hooks and autograd."""
    model = built.client.model
    weights = {name: value[i].clone().requires_grad_() for name, value in seen.parameters.items()}
    entering = {}
    norms = {name: module for name, module in model.named_modules() if "BatchNorm" in type(module).__name__}
    hooks = [
        module.register_forward_pre_hook(lambda _, given, name=name: entering.__setitem__(name, given[0]))
        for name, module in norms.items()
    ]
    logits = functional_call(model, weights, (images,))
    for hook in hooks:
        hook.remove()
    gradient = torch.autograd.grad(
        functional.cross_entropy(logits, labels[i]), list(weights.values()), create_graph=True
    )
    value = 2 * sum((g - seen.gradients[name][i]).norm() for name, g in zip(weights, gradient))
    value = value + 0.3 * (images.diff(dim=-1).abs().mean() + images.diff(dim=-2).abs().mean())
    value = value + 0.2 * (images - 0.5).square().mean()
    for at, name in enumerate(norms):
        mean = entering[name].mean((0, 2, 3))
        variance = entering[name].var((0, 2, 3), unbiased=False)
        wanted = seen.statistics[name][i]
        value = value + 0.4 * (10 if at == 0 else 1) * ((mean - wanted[0]).norm() + (variance - wanted[1]).norm())
    return value


def test_one_start_without_coupling_is_l2_tv_and_statistics_written_plainly(parties) -> None:
    """Value and gradient in float64; two starts without coupling are each start alone."""
    built = parties(*SMALL)
    victims = built.data.deal([0, 1])
    seen = built.client.share(victims)
    z = torch.rand(2, 2 * 2 * 3 * 9 * 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    both = matching(seen, victims.labels, 2, statistics=BatchStatistics(0.4, 10.0), weight=0.0)
    values, gradient = both(z)
    each = both.each(z)
    torch.testing.assert_close(each.sum(1), values)
    for i in range(2):
        for start in range(2):
            images = z[i].view(2, 2, 3, 9, 9)[start].clone().requires_grad_()
            value = plainly(seen, victims.labels, i, images, built)
            torch.testing.assert_close(each[i, start], value.detach(), rtol=1e-9, atol=0)
            (slope,) = torch.autograd.grad(value, images)
            torch.testing.assert_close(gradient[i].view(2, 2, 3, 9, 9)[start], slope, rtol=1e-6, atol=1e-10)


def test_the_statistics_are_matched_at_the_true_batch_and_the_coupling_is_added(parties) -> None:
    built = parties(*SMALL)
    victims = built.data.deal([0, 1])
    seen = built.client.share(victims)
    truth = victims.inputs.double().flatten(1)
    with_it = matching(seen, victims.labels, 1, statistics=BatchStatistics(5.0, 10.0), weight=0.0)
    without = matching(seen, victims.labels, 1, statistics=None, weight=0.0)
    assert (with_it.value(truth) - without.value(truth)).abs().max() < 1e-12
    elsewhere = 0.5 * truth
    assert (with_it.value(elsewhere) - without.value(elsewhere)).min() > 0.1
    two = torch.cat([truth, elsewhere], 1)
    free, coupled = (matching(seen, victims.labels, 2, statistics=None, weight=w) for w in (0.0, 3.0))
    penalty = GroupConsistency(3.0, 1)(two.view(2, 2, 2, 3, 9, 9))
    torch.testing.assert_close(coupled.each(two) - free.each(two), penalty)
    assert coupled.ids.tolist() == seen.ids.tolist()
    coupled.replace(torch.tensor([0]), torch.tensor([1]))
    assert coupled.ids.tolist() == [seen.ids[1], seen.ids[1]]
    torch.testing.assert_close(coupled.value(two[1].expand(2, -1))[0], coupled.value(two[1].expand(2, -1))[1])
