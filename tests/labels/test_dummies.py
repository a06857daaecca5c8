"""Protects: dummy gradients are those of the model, per gradient even after local steps, and the same with a seed."""

from dataclasses import replace

import pytest
import torch
from label_batches import SHAPE, shared

from bench.errors import NotApplicable
from bench.labels.dummies import check_images, uniform_images, weight_gradients


@pytest.mark.parametrize("mappable", [True, False])
def test_a_dummy_that_is_the_private_image_has_the_shared_gradient(mappable) -> None:
    """The image is made again as `shared` makes it; the length of the update is divided out."""
    seen = shared([[2]], 10, unit=0.5)
    seen = replace(seen, task=replace(seen.task, mappable=mappable))
    image, label = uniform_images(seen, 0, (3, 1), 0, "test"), torch.tensor([[2], [2], [4]])
    found = weight_gradients(seen, 0, image, label)
    own = {name: value[0] for name, value in seen.parameters.items()}
    want = [seen.task.gradient(own, {}, x, y)["3.weight"] * 2 for x, y in zip(image, label)]
    assert torch.allclose(found, torch.stack(want))


def test_dummies_are_in_the_range_and_belong_to_the_victim() -> None:
    seen = shared([[2], [2]], 10)
    first, again, other = (uniform_images(seen, v, (4, 2), 0, "test") for v in (0, 0, 1))
    assert first.shape == (4, 2, *SHAPE) and 0 <= float(first.min()) <= float(first.max()) <= 1
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_sentences_are_refused() -> None:
    seen = shared([[2]], 10)
    check_images(seen)
    with pytest.raises(NotApplicable, match="the data are sentences"):
        check_images(replace(seen, task=replace(seen.task, language=object())))  # type: ignore[arg-type]
