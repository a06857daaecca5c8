"""A batch for an audit is images and class indices; what is anything else is told what it seems to be."""

import pytest
import torch

from bench.auditing.batch import checked
from bench.errors import UserError


def noise(count: int = 1) -> torch.Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("batch", "says"),
    [
        ({"image": noise(), "label": torch.tensor([2])}, "got a dict with the keys image, label"),
        (noise(), "want a pair .*got a Tensor"),
        ((noise(), torch.tensor([2]), 0), "got a tuple of 3"),
        ((noise(), [2]), "got Tensor and list"),
        ((noise(0), torch.tensor([], dtype=torch.long)), "no example"),
        (((noise() * 255).byte(), torch.tensor([2])), "uint8; divide by 255"),
        ((noise() / 0, torch.tensor([2])), r"\[0, 1\]"),
        ((noise(), torch.tensor([0.7])), "float32 .*real or logical targets"),
        ((noise(), torch.tensor([2.0])), "float32 .*real or logical targets"),
        ((noise(), torch.tensor([True])), "bool .*real or logical targets"),
        ((noise(), torch.tensor([[2]])), r"squeeze\(1\)"),
        ((noise(), torch.tensor([[1.0]])), "the target of a single output"),
        ((noise(), torch.tensor([[0, 1, 0, 0]])), r"one-hot labels; labels.argmax\(1\)"),
        ((noise(), torch.tensor([[0.0, 1.0, 1.0, 0.0]])), "several findings"),
        ((noise(), torch.tensor([[0.0, 0.7, 0.3, 0.0]])), "soft labels"),
        ((noise(), torch.tensor([[0.1, 2.0, -3.0]])), "real targets"),
        ((noise(), torch.zeros(1, 8, 8, dtype=torch.long)), "a mask"),
        ((noise(), torch.tensor([2, 1])), r"got int64 \[2\]"),
        ((noise()[:, 0, 0], torch.tensor([2])), "rows of a table"),
        ((noise()[0], torch.tensor([2])), "signals"),
        ((noise()[None], torch.tensor([2])), "volumes"),
    ],
)
def test_what_is_no_batch_of_images_and_indices_is_one_line(batch, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        checked(batch)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("images", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("labels", [torch.uint8, torch.int32, torch.int64])
@pytest.mark.parametrize("pair", [tuple, list])
def test_images_and_indices_of_any_type_keep_their_values(images: torch.dtype, labels: torch.dtype, pair) -> None:
    batch = pair((noise(3).to(images).requires_grad_(), torch.tensor([2, 0, 9], dtype=labels)))
    inputs, classes = checked(batch)
    assert (inputs.dtype, classes.dtype) == (torch.float32, torch.int64) and not inputs.requires_grad
    assert torch.equal(inputs, noise(3).to(images).float()) and classes.tolist() == [2, 0, 9]


def test_the_ends_of_the_range_belong_to_it() -> None:
    checked((torch.tensor([0.0, 1.0]).view(1, 1, 1, 2), torch.tensor([0])))
    with pytest.raises(UserError, match=r"got \[0, 1\.01\]; put the normalisation in the module"):
        checked((torch.tensor([0.0, 1.01]).view(1, 1, 1, 2), torch.tensor([0])))
