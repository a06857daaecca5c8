"""FedAvg's update is the difference of the weights after real steps of torch's SGD."""

import copy

import pytest
import torch
from torch.nn import functional

from bench.defenses.local_steps import LocalSteps


def trained(model, inputs, labels, steps: int, lr: float, size: int) -> dict[str, torch.Tensor]:
    """Before minus after, by torch.optim.SGD."""
    local = copy.deepcopy(model)
    before = {name: value.detach().clone() for name, value in local.named_parameters()}
    optimiser = torch.optim.SGD(local.parameters(), lr=lr)
    for e in range(steps):
        rows = [(e * size + i) % len(inputs) for i in range(size)]
        optimiser.zero_grad()
        functional.cross_entropy(local(inputs[rows]), labels[rows]).backward()
        optimiser.step()
    return {name: before[name] - value.detach() for name, value in local.named_parameters()}


@pytest.mark.parametrize(("steps", "size", "divide"), [(1, None, True), (3, None, False), (5, 2, True)])
def test_against_torchs_sgd(parties, steps, size, divide):
    lr = 0.5
    chosen = (
        f"defense.steps={steps}",
        f"defense.lr={lr}",
        f"defense.batch_size={size or 'null'}",
        f"defense.divide={divide}",
    )
    built = parties("attack=noise", "defense=local_steps", "data.batch_size=4", "model.per_victim=false", *chosen)
    victims = built.data.deal([1, 6])
    seen = built.client.share(victims)
    for v in range(2):
        moved = trained(built.client.model, victims.inputs[v], victims.labels[v], steps, lr, size or 4)
        for name, value in moved.items():
            expected = value / (lr * steps) if divide else value
            torch.testing.assert_close(seen.gradients[name][v], expected, rtol=1e-3, atol=2e-6)


def test_a_schedule_that_is_known_is_walked_by_the_attacker_too(parties):
    settings = ("defense=local_steps", "defense.lr=0.5", "defense.steps=4", "data.batch_size=2", "attack=noise")
    gaps = {}
    for threat in ("basic", "training_details"):
        built = parties(*settings, f"threat={threat}")
        victims = built.data.deal([0])
        seen = built.client.share(victims)
        one = ({name: value[0] for name, value in group.items()} for group in (seen.parameters, seen.buffers))
        own = seen.task.gradient(*one, victims.inputs[0], victims.labels[0])
        gaps[threat] = max(float((own[name] - seen.gradients[name][0]).abs().max()) for name in own)
    # rounding grows along four steps
    assert gaps["training_details"] < 1e-3 * gaps["basic"] and gaps["basic"] > 1e-2


def test_defences_before_it_act_on_each_local_step_and_those_behind_it_on_the_update(parties):
    found = {}
    for order in ("[{pruning: {fraction: 0.9}},local_steps]", "[local_steps,{pruning: {fraction: 0.9}}]"):
        built = parties("attack=noise", "defense=stack", f"defense.parts={order}", "data.batch_size=2")
        update = built.client.share(built.data.deal([0])).gradients[built.client.facts.last_linear]
        found[order] = float((update == 0).float().mean())
    inside, outside = found.values()
    assert outside == pytest.approx(0.9, abs=1e-3) and inside <= outside


@pytest.mark.parametrize("wrong", [(0, 0.1, None, True), (1, 0.0, None, True), (1, 0.1, 0, True)])
def test_what_leaves_its_range_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        LocalSteps(*wrong)
