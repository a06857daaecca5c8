"""Protects: sentences travel like images, and neither can be taken for the other."""

import pytest
import torch

from bench.messages.columns import TableColumn, TableColumns
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


def test_a_part_of_the_victims_keeps_what_belongs_to_each():
    made = sentences(torch.tensor([[1], [0]])).take(torch.tensor([1]))
    assert torch.equal(made.inputs, TOKENS[1:]) and torch.equal(made.mask, MASK[1:])
    assert (made.labels.tolist(), made.ids.tolist()) == ([[0]], [1])


def test_every_tensor_moves_to_a_device():
    moved = sentences(torch.tensor([[1], [0]])).to("meta")
    assert {value.device.type for value in vars(moved).values() if value is not None} == {"meta"}


def test_rows_and_series_have_no_bounds_and_rows_keep_their_columns():
    columns, labels = (
        TableColumns((TableColumn("age"), TableColumn("owner", ("no", "yes")))),
        torch.zeros(2, 1, dtype=torch.int64),
    )
    rows = Victims(torch.full((2, 1, 3), -7.0), labels, IDS, SAMPLES, REPEATS, columns=columns)
    assert rows.take(torch.tensor([1])).columns is columns and rows.take(torch.tensor([1])).inputs.shape == (1, 1, 3)
    assert Victims(torch.full((2, 1, 2, 5), 7.0), labels, IDS, SAMPLES, REPEATS).inputs.shape == (2, 1, 2, 5)
    with pytest.raises(ValueError, match=r"inputs: want \[V, B, 3\], got \[2, 1, 4\]"):
        Victims(torch.zeros(2, 1, 4), labels, IDS, SAMPLES, REPEATS, columns=columns)
    with pytest.raises(ValueError, match="want finite values"):
        Victims(torch.full((2, 1, 3), torch.nan), labels, IDS, SAMPLES, REPEATS, columns=columns)


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


IMAGES = torch.rand(2, 1, 1, 2, 2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"inputs": IMAGES + 0.5}, r"want values in \[0, 1\], got \["),
        ({"inputs": IMAGES - 1}, r"want values in \[0, 1\], got \[-"),
        ({"labels": SAMPLES[:, 0]}, r"labels: want \[2, 1\], got \[2\]"),
        ({"samples": SAMPLES[:1]}, r"samples: want \[2, 1\], got \[1, 1\]"),
        ({"ids": IDS[:1]}, r"ids: want \[2\], got \[1\]"),
        ({"repeats": SAMPLES}, r"repeats: want \[2\], got \[2, 1\]"),
    ],
)
def test_images_of_another_shape_or_range_are_refused(arguments, sentence):
    given = {"inputs": IMAGES, "labels": SAMPLES, "ids": IDS, "samples": SAMPLES, "repeats": REPEATS, **arguments}
    with pytest.raises(ValueError, match=sentence):
        Victims(**given)


def test_images_have_classes_and_an_empty_block_has_no_range():
    labels = torch.tensor([[3], [1]])
    assert torch.equal(Victims(IMAGES, labels, IDS, SAMPLES, REPEATS).classes, labels)
    assert len(Victims(IMAGES[:0], labels[:0], IDS[:0], SAMPLES[:0], REPEATS[:0])) == 0
