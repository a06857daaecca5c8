"""The search for a schedule: its updates are those of SGD, the true schedule is found, and costs are counted."""

import copy

import pytest
import torch
from attacks.test_gradient_matching import run
from torch import nn
from torch.func import functional_call

from bench.attacks.schedule_search import Schedule
from bench.errors import NotApplicable

TINY = ("data.set=mnist", "data.size=8", "model.width=3", "engine.dtype=float64", "engine.compile=false")
SEARCH = ("attack=schedule_search", "attack.steps=[1,2]", "attack.lrs=[0.3,2]", "attack.search_evaluations=6")
LONG = ("defense=local_steps", "defense.steps=2", "defense.lr=2")


def test_an_update_is_that_of_torchs_sgd() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    inputs, targets = torch.rand(2, 4, dtype=torch.float64), torch.tensor([0, 2])
    trained = copy.deepcopy(net)
    trained[0].bias.requires_grad_(False)
    optimiser = torch.optim.SGD([p for p in trained.parameters() if p.requires_grad], lr=0.3)
    for _ in range(3):
        optimiser.zero_grad()
        nn.functional.cross_entropy(trained(inputs), targets).backward()
        optimiser.step()
    before = {name: value.detach() for name, value in net.named_parameters()}

    def gradient(parameters, buffers, x, y):
        loss = nn.functional.cross_entropy(functional_call(net, parameters, (x,)), y)
        own = {name: parameters[name] for name in before if name != "0.bias"}
        return dict(zip(own, torch.autograd.grad(loss, own.values())))

    held = {name: value.clone().requires_grad_() for name, value in before.items()}
    found = Schedule(3, 0.3).update(gradient)(held, {}, inputs, targets)
    assert set(found) == set(before) - {"0.bias"}
    for name, value in found.items():
        torch.testing.assert_close(value, before[name] - dict(trained.named_parameters())[name])


def test_the_schedule_of_the_client_has_the_lowest_objective_and_all_runs_are_counted(parties) -> None:
    """The rate is so high that one step, or a rate of 0.3, gives an update of another direction."""
    built = parties(*SEARCH, "attack.evaluations=8", *TINY, *LONG)
    said: list[str] = []
    built.engine.notice = said.append
    claims = run(built.attack, built.client.share(built.data.deal([0, 1])))
    assert said == ["schedule search over 4, victims by schedule: 2 steps at 2 for 2"]
    assert (claims.evaluations == 4 * 6 + 8).all()
    assert (claims.seconds > 0).all()
    granted = parties("attack=inverting_gradients", "attack.evaluations=8", *TINY, *LONG, "threat=training_details")
    known = run(granted.attack, granted.client.share(granted.data.deal([0, 1])))
    torch.testing.assert_close(claims.inputs, known.inputs, rtol=0, atol=1e-4)  # who was granted it computes the same


@pytest.mark.slow
def test_victims_do_not_depend_on_one_another(parties) -> None:
    words = (*SEARCH, "attack.evaluations=4", "attack.search_evaluations=3", *TINY, *LONG)
    several, single = parties(*words, "engine.chunk=3"), parties(*words, "engine.chunk=1")
    seen = several.client.share(several.data.deal(range(3)))
    together, alone = run(several.attack, seen), run(single.attack, seen)
    torch.testing.assert_close(together.inputs, alone.inputs, rtol=1e-6, atol=1e-6)
    assert torch.equal(together.evaluations, alone.evaluations)


@pytest.mark.slow
def test_of_a_gradient_nothing_is_searched(parties) -> None:
    claims = []
    for words in (SEARCH, ("attack=inverting_gradients",)):
        built = parties(*words, "attack.evaluations=5", *TINY, "engine.chunk=1")
        claims.append(run(built.attack, built.client.share(built.data.deal([0]))))
    assert torch.equal(claims[0].inputs, claims[1].inputs)
    assert torch.equal(claims[0].evaluations, claims[1].evaluations)


def test_it_refuses_a_schedule_that_is_granted(parties) -> None:
    with pytest.raises(NotApplicable, match=r"looks for the local steps and their rate.*use threat=basic"):
        parties(*SEARCH, *TINY, *LONG, "threat=training_details")


@pytest.mark.parametrize("setting", ["attack.steps=[0,2]", "attack.steps=[]", "attack.lrs=[]", "attack.lrs=[0.1,-1]"])
def test_a_grid_out_of_range_is_refused(parties, setting: str) -> None:
    key = setting.removeprefix("attack.").partition("=")[0]
    with pytest.raises(Exception, match=rf"{key}=.*at least, each"):
        parties("attack=schedule_search", setting)
