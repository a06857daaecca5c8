"""Protects: sentences travel like images, and neither can be taken for the other."""

import pytest
import torch

from bench.leakage import select
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.messages.victims import NO_TARGET, Victims

IDS, SAMPLES, REPEATS = torch.arange(2), torch.zeros(2, 1, dtype=torch.int64), torch.zeros(2, dtype=torch.int64)
TOKENS = torch.tensor([[[2, 7, 4, 3]], [[2, 9, 3, 0]]])
MASK = TOKENS > 0


def sentences(labels, inputs=TOKENS, mask=MASK):
    return Victims(inputs, labels, IDS, SAMPLES, REPEATS, mask)


def test_what_has_to_be_predicted_takes_the_place_of_what_the_model_is_given():
    hidden = torch.full_like(TOKENS, NO_TARGET)
    hidden[0, 0, 2] = 8
    made = sentences(hidden)
    assert made.sentences.tolist() == [[[2, 7, 8, 3]], [[2, 9, 3, 0]]] and made.classes.tolist() == [[-1], [-1]]
    classified = sentences(torch.tensor([[1], [0]]))
    assert torch.equal(classified.sentences, TOKENS) and classified.classes.tolist() == [[1], [0]]


def test_the_mask_goes_where_the_tokens_go():
    picked = select(sentences(torch.tensor([[1], [0]])), torch.tensor([1]))
    assert torch.equal(picked.mask, MASK[1:]) and torch.equal(picked.inputs, TOKENS[1:])
    assert sentences(torch.tensor([[1], [0]])).to("meta").mask.device.type == "meta"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"inputs": TOKENS.float()}, "want int64 tokens"),
        ({"mask": MASK[..., :2]}, r"mask: want \[2, 1, 4\]"),
        ({"mask": MASK.long()}, "mask: want bool"),
        ({"labels": torch.zeros(2, 1, 3, dtype=torch.int64)}, r"labels: want \[2, 1\] or \[2, 1, 4\]"),
        ({"mask": None}, r"want \[V, B, C, H, W\]"),
    ],
)
def test_refusals(arguments, sentence):
    given = {"labels": torch.tensor([[1], [0]]), **arguments}
    with pytest.raises(ValueError, match=sentence):
        sentences(**given)


def test_a_reconstruction_is_of_images_or_of_tokens():
    numbers = torch.zeros(2)
    rest = {"objective": numbers, "iterations": REPEATS, "evaluations": REPEATS, "seconds": numbers}
    rest |= {"ids": IDS, "labels": SAMPLES, "status": [Status.BUDGET] * 2}
    assert len(Reconstruction(inputs=TOKENS, **rest)) == 2
    with pytest.raises(ValueError, match=r"or int64 tokens \[V, B, T\]"):
        Reconstruction(inputs=TOKENS.float(), **rest)
