"""The parts of an audit: the tensors of a batch, random numbers that are held, a clock, and the room that is left."""

import collections
import dataclasses

import pytest
import torch
from torch import nn
from torch.nn import functional

import bench
from bench.auditing.budget import Clock, TimedStop
from bench.auditing.leaves import in_float32, leaves, rebuilt
from bench.auditing.randomness import Tape
from bench.auditing.recorded_loss import LossRecorder
from bench.engine.stops import BUDGET, GO_ON, StepOutcome, Tolerances

Pair = collections.namedtuple("Pair", "x y")


@dataclasses.dataclass
class Example:
    image: torch.Tensor
    name: str


def test_a_batch_of_any_form_is_rebuilt_with_other_tensors() -> None:
    one, two = torch.zeros(1), torch.ones(1)
    for batch in (one, (one, two), [one], {"a": one, "b": {"c": two}}, Pair(one, two), (Example(one, "n"), two)):
        there = leaves(batch)
        again = rebuilt(batch, {path: value + 5 for path, value in there.items()})
        assert type(again) is type(batch) and list(leaves(again)) == list(there)
        assert all(float(value) >= 5 for value in leaves(again).values())
        assert all(torch.equal(value, there[path]) for path, value in leaves(batch).items())  # it is not changed
    assert list(leaves((Example(one, "n"), two))) == ["0.image", "1"]


def test_numbers_become_float32_and_integers_stay() -> None:
    found = in_float32({"x": torch.zeros(1, dtype=torch.float64), "y": torch.zeros(1, dtype=torch.int32)})
    assert [value.dtype for value in found.values()] == [torch.float32, torch.int32]


def random_step(x: torch.Tensor) -> torch.Tensor:
    noise = torch.randn_like(x) + torch.empty_like(x).uniform_()
    return functional.dropout(x, 0.4, True) + noise * torch.rand(())


def test_a_tape_gives_the_same_random_numbers_again() -> None:
    torch.manual_seed(0)
    x, tape = torch.ones(50, 2), Tape()
    with tape:
        first = random_step(x)
    tape.recording = False
    with tape:
        again = random_step(x)
    with tape:
        mapped = torch.func.vmap(random_step)(x[None])[0]
    assert torch.equal(first, again) and torch.equal(first, mapped) and len(tape.values) == 4
    assert not torch.equal(first, random_step(x))


def test_the_masks_of_dropout_are_those_of_torch() -> None:
    x = torch.ones(20_000)
    with Tape():
        found = nn.Dropout(0.3)(x)
    # The share of zeros among 20,000 has a standard deviation of 0.0033.
    assert float((found == 0).double().mean()) == pytest.approx(0.3, abs=0.02)
    assert float(found.max()) == pytest.approx(1 / 0.7)
    with Tape():
        assert nn.Dropout(0.3).eval()(x) is x


def test_a_loss_is_seen_with_its_output_and_its_targets() -> None:
    z, y = torch.zeros(2, 3), torch.tensor([0, 1])
    with LossRecorder() as seen:
        value = nn.CrossEntropyLoss(label_smoothing=0.1)(z, y)
        functional.mse_loss(input=z[:, 0], target=y.float())
    first, second = seen.calls
    assert first.output is z and first.target is y and first.value is value and first.kind == "classes"
    assert first.options["label_smoothing"] == 0.1 and second.kind == "real"


def outcome() -> StepOutcome:
    one, row = torch.ones(1), torch.ones(1, 2)
    return StepOutcome(one, one, row, row, torch.ones(1, dtype=torch.long), torch.ones(1, dtype=torch.long))


@pytest.mark.parametrize(("seconds", "code"), [(None, GO_ON), (1e9, GO_ON), (0.0, BUDGET)])
def test_a_run_ends_when_the_budget_is_spent(seconds: float | None, code: int) -> None:
    stop = TimedStop(Tolerances(9, 9, 0.0, 0.0, None, 0.0), clock := Clock(seconds))
    state = stop.start(1, torch.device("cpu"))
    assert stop(state, outcome(), torch.tensor([True])).tolist() == [code]
    assert clock.cut == (code == BUDGET) and stop.budget == 9


def test_the_first_member_begins_and_later_ones_if_they_fit() -> None:
    clock = Clock(0.0)
    assert clock.may_begin("first", 800)
    clock.step(None)
    assert not clock.may_begin("second", 800) and not clock.may_begin("exact", 0)
    assert clock.tried == ["first"] and set(clock.left_out) == {"second", "exact"}
    free = Clock(None)
    assert free.may_begin("first", 800) and free.may_begin("second", 10**9)


def test_the_room_left_is_that_of_the_jacobian() -> None:
    """Against torch's own Jacobian of the gradient by the input, whose unit is a deviation of 1."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    x, y = torch.randn(1, 6), torch.tensor([1])
    noise = {"defense": "gaussian", "overrides": ("defense.std=0.02", "attack.evaluations=2"), "attack": "idlg"}
    room = bench.audit(net, (x, y), loss=functional.cross_entropy, **noise).room
    net = net.double()

    def gradient(row: torch.Tensor) -> torch.Tensor:
        loss = functional.cross_entropy(net(row), y)
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()), create_graph=True)])

    jacobian = torch.autograd.functional.jacobian(gradient, x.double()).reshape(-1, 6)
    values = torch.linalg.svdvals(jacobian)
    assert (room.rank, room.entries) == (6, 6)
    # The audit's weights and input are in float32 first, hence five digits.
    assert room.condition == pytest.approx(float(values[0] / values[-1]), rel=1e-5)
    assert room.bound == pytest.approx(0.02 * float(values.pow(-2).mean().sqrt()), rel=1e-5)


def test_what_is_hidden_and_what_is_too_large_is_said() -> None:
    net = nn.Sequential(nn.Linear(6, 2), nn.Linear(2, 2))
    net[0].requires_grad_(False)
    few = {"attack": "idlg", "overrides": ("attack.evaluations=2",)}
    report = bench.audit(net, (torch.randn(1, 6), torch.tensor([1])), loss=functional.cross_entropy, **few)
    assert report.room.rank < 6 and "directions of the inputs" in report.room.sentence
    quick = bench.audit(net, (torch.randn(1, 6), torch.tensor([1])), loss=functional.cross_entropy, budget=1e-9, **few)
    assert quick.room.reason is not None and "s of the budget are left" in quick.room.reason
