"""FedAvg by epochs: each epoch takes every example once, in an order of its own that no attacker is granted."""

import copy
from dataclasses import replace

import pytest
import torch
from defenses.trees import local
from torch.nn import functional

from bench.defenses.base import PlainGradient
from bench.defenses.clients import Clients
from bench.defenses.local_epochs import EpochInputs, LocalEpochs
from bench.defenses.local_steps import LocalSteps
from bench.defenses.privacy import Privacy
from bench.defenses.stack import Stack
from bench.engine.rng import VictimRng
from bench.errors import NotApplicable

FEDAVG = LocalEpochs(3, 0.1, 2, 0, 0.0)


def orders(part: LocalEpochs, victim: int, batch_size: int) -> torch.Tensor:
    step = part.wrap(PlainGradient(lambda *_: {}), local(batch_size=batch_size))
    order: torch.Tensor = step.noise({}, batch_size, VictimRng((victim,)))[1]
    return order


def test_each_epoch_takes_every_example_once_in_an_order_of_its_own() -> None:
    found = orders(replace(FEDAVG, epochs=8), 0, 6)
    assert torch.equal(found.sort(1).values, torch.arange(6).expand(8, 6))
    assert len({tuple(row.tolist()) for row in found}) == 8  # of 720 orders
    assert not torch.equal(found, orders(replace(FEDAVG, epochs=8), 1, 6))
    assert not torch.equal(found, orders(replace(FEDAVG, epochs=8, seed=1), 0, 6))


def test_against_torchs_sgd(parties) -> None:
    """Two victims at once, each through its own orders, by torch.optim.SGD."""
    chosen = ("defense.lr=0.1", "defense.batch_size=2", "data.batch_size=4", "model.per_victim=false")
    built = parties("attack=noise", "defense=local_epochs", "data.set=mnist", *chosen)
    victims = built.data.deal([1, 6])
    seen = built.client.share(victims)
    noise = built.client.runner._beforehand(built.client.runner.step, seen.parameters, victims.ids)[0]
    for v in range(2):
        model = copy.deepcopy(built.client.model)
        before = {name: value.detach().clone() for name, value in model.named_parameters()}
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        for order in noise[1][v]:
            for rows in order.split(2):
                optimiser.zero_grad()
                functional.cross_entropy(model(victims.inputs[v][rows]), victims.labels[v][rows]).backward()
                optimiser.step()
        for name, value in model.named_parameters():
            torch.testing.assert_close(seen.gradients[name][v], before[name] - value.detach(), rtol=1e-3, atol=2e-6)


def test_without_a_seed_and_with_whole_batches_it_is_local_steps() -> None:
    found = []
    for part in (LocalEpochs(3, 0.1, 2, None, 0.0), LocalSteps(6, 0.1, 2, 0.0)):
        step = part.wrap(PlainGradient(lambda p, b, x, y: {"w": (p["w"] - x).mean(0) * y.sum()}), local())
        x, y = torch.arange(12.0).reshape(4, 3), torch.arange(4.0)
        noise = step.noise({"w": (3,)}, 4, VictimRng((0,)))
        found.append(step({"w": torch.ones(3)}, {}, x, y, noise, step.start({"w": (3,)}))[0]["w"])
    assert torch.equal(*found)


def test_its_length_is_the_rate_times_the_steps_of_one_client() -> None:
    assert FEDAVG.unit(local(batch_size=8)) == pytest.approx(0.1 * 3 * 4)
    assert LocalEpochs(3, 0.1, None, 0, 0.0).unit(local(batch_size=8)) == pytest.approx(0.3)
    assert Stack([FEDAVG, Clients(4, False)]).unit(local(batch_size=8)) == pytest.approx(0.1 * 3 * 1 * 4)
    assert FEDAVG.context_for_inner(local(batch_size=8)).batch_size == 2
    assert not LocalEpochs(1, 1.0, None, 0, 0.0).must_change and FEDAVG.must_change


def test_an_example_is_in_one_release_per_epoch() -> None:
    found = FEDAVG.privacy(Privacy(1.0, 1e-5))
    assert found is not None and found.releases == 3 and FEDAVG.privacy(None) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0.1, 2, 0), "epochs=0: must be >= 1"),
        ((3, 0.0, 2, 0), "lr=0.0: must be > 0"),
        ((3, 0.1, 0, 0), "batch_size=0: must be >= 1, or null"),
    ],
)
def test_bad_arguments(arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        LocalEpochs(*arguments, 0.0)


def test_a_batch_that_cannot_be_split_is_refused() -> None:
    with pytest.raises(NotApplicable, match=r"takes 3 examples per step: data.batch_size=4 is no multiple"):
        LocalEpochs(3, 0.1, 3, 0, 0.0).wrap(PlainGradient(lambda *_: {}), local())


def test_inputs_per_epoch_are_those_of_the_epoch() -> None:
    part = EpochInputs.of(replace(FEDAVG, seed=None))
    inputs = torch.arange(24.0).reshape(4, 3, 2)
    assert torch.equal(part.inputs_of(inputs, 1), inputs[:, 1])
    step = part.wrap(PlainGradient(lambda p, b, x, y: {"w": x.sum(0)}), local())
    (update, _) = step({"w": torch.zeros(2)}, {}, inputs, torch.zeros(4), ((), ()), ())
    torch.testing.assert_close(update["w"], 0.1 * inputs.sum((0, 1)))
