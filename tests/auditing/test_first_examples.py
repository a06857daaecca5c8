"""The first examples of batches of any form."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from bench.auditing.first_examples import batch_size, first_examples
from bench.errors import UserError


@dataclass
class Batch:
    image: Tensor
    name: str


def test_tensors_of_examples_are_cut_and_everything_else_stays() -> None:
    weights = torch.rand(5)
    batch = {
        "x": torch.arange(8.0).reshape(4, 2),
        "meta": (torch.arange(4), weights, "a word"),
        "scale": torch.tensor(2),
    }
    found = first_examples(batch, 3)
    assert found["x"].tolist() == [[0, 1], [2, 3], [4, 5]] and found["meta"][0].tolist() == [0, 1, 2]
    assert torch.equal(found["meta"][1], weights) and found["meta"][2] == "a word" and int(found["scale"]) == 2
    assert batch["x"].shape == (4, 2)
    assert first_examples(Batch(torch.rand(4, 1), "n"), 1).image.shape == (1, 1)
    assert first_examples((torch.rand(2, 3), torch.rand(2)), None)[0].shape == (2, 3)


def test_named_inputs_say_how_many_examples_there_are() -> None:
    batch = {"weights": torch.rand(7), "image": torch.rand(4, 2)}
    assert (batch_size(batch), batch_size(batch, "image")) == (7, 4)
    found = first_examples(batch, 2, "image")
    assert found["image"].shape == (2, 2) and found["weights"].shape == (7,)


def test_what_is_private_hangs_on_no_graph_of_the_training() -> None:
    assert not first_examples(torch.rand(3, requires_grad=True) * 2, 2).requires_grad


@pytest.mark.parametrize("batch", [{}, "words", torch.tensor(1.0)])
def test_a_batch_without_examples_is_refused(batch: object) -> None:
    with pytest.raises(UserError, match="without tensors of examples"):
        first_examples(batch, 1)
