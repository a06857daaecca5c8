"""FedAvg's update is the difference of the weights after real steps of torch's SGD."""

import copy

import pytest
import torch
from torch.nn import functional

from bench.defenses.local_steps import LocalSteps
from bench.engine.matching import Layout, Matching
from bench.engine.units import comparable
from bench.objectives.squared_error import SquaredError, squared_error


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


@pytest.mark.parametrize(("steps", "size"), [(1, None), (3, None), (5, 2)])
@pytest.mark.parametrize("threat", ["basic", "training_details"])
def test_against_torchs_sgd(parties, steps, size, threat):
    """What is shared is the bare difference, whatever the attacker is granted."""
    lr = 0.5
    chosen = (
        f"defense.steps={steps}",
        f"defense.lr={lr}",
        f"defense.batch_size={size or 'null'}",
        f"threat={threat}",
    )
    built = parties("attack=noise", "defense=local_steps", "data.batch_size=4", "model.per_victim=false", *chosen)
    victims = built.data.deal([1, 6])
    seen = built.client.share(victims)
    for v in range(2):
        moved = trained(built.client.model, victims.inputs[v], victims.labels[v], steps, lr, size or 4)
        for name, value in moved.items():
            torch.testing.assert_close(seen.gradients[name][v], value, rtol=1e-3, atol=2e-6)
    assert seen.task.unit == (None if threat == "basic" else pytest.approx(lr * steps))


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
    # rounding grows along four steps; one gradient is no sum of four, whatever its length
    assert gaps["training_details"] < 1e-3 * gaps["basic"] and gaps["basic"] > 1e-2


def test_defences_before_it_act_on_each_local_step_and_those_behind_it_on_the_update(parties):
    found = {}
    for order in ("[{pruning: {fraction: 0.9}},local_steps]", "[local_steps,{pruning: {fraction: 0.9}}]"):
        built = parties("attack=noise", "defense=stack", f"defense.parts={order}", "data.batch_size=2")
        update = built.client.share(built.data.deal([0])).gradients[built.client.facts.last_linear]
        found[order] = float((update == 0).float().mean())
    inside, outside = found.values()
    assert outside == pytest.approx(0.9, abs=1e-3) and inside <= outside


def at_the_truth(parties, *overrides: str) -> torch.Tensor:
    """The attacker's squared error `[2]` at the private images, and at another image for the first victim."""
    built = parties("attack=idlg", "data.set=mnist", "defense=local_steps", "defense.steps=1", *overrides)
    victims = built.data.deal([0, 1])
    seen = built.client.share(victims)
    matching = Matching(seen, Layout(1, seen.task.input_shape, 0), SquaredError(1.0), victims.labels, torch.float32)
    matching.load(torch.arange(2))
    truth = victims.inputs.flatten(1)
    assert torch.equal(built.attack.labels(seen), victims.labels)  # the sign says it at any length
    return torch.stack([matching(truth)[0], matching(truth.flip(0))[0]])


def test_without_the_schedule_an_update_is_matched_at_any_length_and_with_its_sign(parties):
    """One step of any rate is a gradient of unknown length; half its squared error at length 1 is 1 - cosine."""
    slow, fast = (at_the_truth(parties, f"defense.lr={lr}") for lr in (1e-3, 10.0))
    torch.testing.assert_close(slow, fast, rtol=1e-3, atol=1e-6)
    assert (slow[0] < 1e-8).all() and (slow[1] > 0.01).all()
    granted = at_the_truth(parties, "defense.lr=1e-3", "threat=training_details")
    assert (granted[0] < 1e-6 * granted[1]).all()


def test_both_at_length_one_or_over_the_unit():
    generator = torch.Generator().manual_seed(0)
    g, u = ({"w": torch.randn(2, 3, generator=generator), "b": torch.randn(2, 4, generator=generator)} for _ in "gu")
    whole = [torch.cat([one["w"], one["b"]], 1) for one in (g, u)]
    cosine = torch.nn.functional.cosine_similarity(*whole)
    torch.testing.assert_close(squared_error(*comparable(g, u, None)), 2 * (1 - cosine))
    against = {name: -7 * value for name, value in g.items()}
    torch.testing.assert_close(squared_error(*comparable(g, against, None)), torch.full((2,), 4.0))
    torch.testing.assert_close(squared_error(*comparable(g, u, 3.0)), squared_error(g, u) / 9)
    assert comparable(g, u, 1.0) == (g, u)


def test_a_length_is_that_of_what_was_shared():
    """Entries that pruning left out say nothing of the scale: what is left of the truth matches exactly."""
    g = {"w": torch.tensor([[3.0, 4.0, 100.0]])}
    ours, theirs = comparable(g, {"w": torch.tensor([[0.03, 0.04, 0.0]])}, None)
    torch.testing.assert_close(ours["w"][:, :2], theirs["w"][:, :2])
    nothing = {"w": torch.zeros(1, 3)}
    assert all((one["w"] == 0).all() for one in comparable(nothing, nothing, None))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["defense=local_steps"], True),
        (["defense=clients", "defense.average=false", "data.batch_size=2"], True),
        (["defense=clients", "data.batch_size=2"], False),
        (["defense=local_steps", "threat=training_details"], False),
        (["defense=gaussian"], False),
    ],
)
def test_a_row_says_where_lengths_mean_nothing(parties, overrides, said):
    built = parties("attack=noise", *overrides)
    notes = built.client.facts_of_defense(built.data.deal([0]))["notes"]
    assert any("each at length 1" in note for note in notes) == said
    assert (built.client.share(built.data.deal([0])).task.unit is None) == said


@pytest.mark.parametrize("wrong", [(0, 0.1, None), (1, 0.0, None), (1, 0.1, 0)])
def test_what_leaves_its_range_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        LocalSteps(*wrong, 0.0)
