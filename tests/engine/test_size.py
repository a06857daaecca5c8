"""The size of a piece of work, against counts by hand."""

import pytest
import torch

from bench.engine.matching import Layout, Matching
from bench.engine.size import bytes_of, bytes_of_gradients, empty, operations
from bench.engine.slots import Nothing
from bench.engine.wolfe import StrongWolfe
from bench.messages.observation import Observation
from bench.messages.task import Task
from bench.objectives.squared_error import SquaredError

PIXELS, CLASSES = 8, 3


def linear(parameters, buffers, inputs, targets):
    """The gradient of cross entropy behind one linear layer, (p - y) x', with one matrix product each way."""
    x = inputs.flatten(1)
    p = (x @ parameters["weight"].T).softmax(-1) - torch.nn.functional.one_hot(targets, CLASSES)
    return {"weight": p.T @ x}


def matching(shared: bool, gradient=linear) -> Matching:
    weight = torch.ones(1, CLASSES, PIXELS).expand(2, -1, -1) if shared else torch.ones(2, CLASSES, PIXELS)
    task = Task(gradient, (1, 2, 4), CLASSES, (0.0, 1.0), mappable=False)
    seen = Observation({"weight": torch.ones(2, CLASSES, PIXELS)}, {"weight": weight}, {}, torch.arange(2), task, 1)
    made = Matching(
        seen, Layout(1, (1, 2, 4), 0), SquaredError(1.0), torch.zeros(2, 1, dtype=torch.long), torch.float32
    )
    made.load(torch.tensor([0]))
    return made


def test_operations_are_those_of_the_matrix_products() -> None:
    """Two products forward; of the three backward, one by p, and by x' through each of the two products."""
    product = 2 * 1 * PIXELS * CLASSES  # a multiplication and an addition per entry
    assert operations(matching(True), torch.rand(1, PIXELS)) == 5 * product


def test_work_that_cannot_be_counted_has_no_number() -> None:
    def broken(*arguments):
        raise RuntimeError("an operation that the counter does not support")

    assert operations(matching(True, broken), torch.rand(1, PIXELS)) is None


@pytest.mark.parametrize(("shared", "own"), [(True, 0), (False, 1)])
def test_a_slot_holds_six_gradients_and_its_parameters_if_they_are_its_own(shared: bool, own: int) -> None:
    assert bytes_of_gradients(matching(shared)) == (6 + own) * PIXELS * CLASSES * 4


def test_states_inside_a_state_are_counted() -> None:
    """Wolfe's search holds two points of three numbers, two masks, a counter and a gradient."""
    n = 5
    state = StrongWolfe(1.0, 1e-4, 0.9, 20, 1e-9).start(torch.zeros(1, n, dtype=torch.float64))
    assert bytes_of(state) == 2 * 3 * 8 + 2 * 1 + 8 + n * 8


def test_a_state_can_be_sized_without_memory() -> None:
    like = empty(10**12, torch.float32)
    assert like.is_meta and bytes_of(Nothing(like)) == 4 * 10**12
