"""Images of any set are fitted to the size and channels that are asked for; victims hold them and their classes."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image

from bench.datamodules.images import ImageDataModule
from bench.datamodules.pool import Pool
from bench.errors import UserError


def folder(tmp_path, count: int = 12) -> str:
    """Images of 6 x 9 pixels in two classes, each of one colour of its own."""
    for number in range(count):
        place = tmp_path / f"class{number % 2}"
        place.mkdir(exist_ok=True)
        colour = np.full((6, 9, 3), (20 * number, 10, 255 - 20 * number), dtype=np.uint8)
        Image.fromarray(colour).save(place / f"{number:02}.png")
    return str(tmp_path)


@dataclass(eq=False, repr=False, kw_only=True)
class Stripes(ImageDataModule):
    """Six images of 6 x 9 pixels in memory, red above and blue below."""

    def where(self) -> str:
        return "memory"

    def missing(self) -> list[str]:
        return []

    def by_hand(self) -> str:
        return "nothing can be done"

    def fetch(self) -> None:
        raise AssertionError

    def load(self) -> Pool:
        images = np.zeros((6, 6, 9, 3), dtype=np.uint8)
        images[:, :3, :, 0] = images[:, 3:, :, 2] = 255
        return Pool(images, np.arange(6) % 2, 2, None)


@pytest.mark.parametrize(
    ("size", "channels", "shape"),
    [(None, None, (3, 6, 9)), (4, None, (3, 4, 4)), (5, 1, (1, 5, 5)), (None, 1, (1, 6, 9))],
)
def test_images_have_the_size_and_channels_that_are_asked_for(size, channels, shape) -> None:
    facts = {"name": "stripes", "victims": 3, "batch_size": 2, "seed": 0, "label_rule": "random", "labels": "own"}
    data = Stripes(**facts, size=size, channels=channels)
    data.setup()
    victims = data.deal([0, 2])
    assert data.shape == shape and victims.inputs.shape == (2, 2, *shape) and data.modality == "images"
    assert victims.inputs.min() >= 0 and victims.inputs.max() <= 1
    everything = data.deal(range(3)).inputs
    torch.testing.assert_close(data.mean_image, everything.flatten(0, 1).mean(0))
    top, bottom = everything[0, 0, :, 0, 0], everything[0, 0, :, -1, 0]
    if channels is None:
        assert top.tolist() == [1, 0, 0] and bottom.tolist() == [0, 0, 1]
    else:  # gray as ITU-R 601-2 weighs the colours
        assert float(top) == pytest.approx(0.299, abs=0.01) and float(bottom) == pytest.approx(0.114, abs=0.01)


def test_a_victim_holds_the_images_and_classes_of_its_examples(build, tmp_path) -> None:
    data = build("folder", root=folder(tmp_path), batch_size=3)
    data.setup()
    victims = data.deal(range(4))
    for one in range(4):
        for place, sample in enumerate(victims.samples[one].tolist()):
            assert torch.equal(victims.inputs[one, place], data.pool.inputs(np.array([sample]))[0])
            assert victims.labels[one, place] == data.pool.labels[sample]


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ({"size": 0}, r"data\.size=0: must be >= 1"),
        ({"channels": 2}, r"data\.channels=2: must be 1 \(gray\), 3 \(RGB\) or null"),
    ],
)
def test_a_size_or_channels_that_no_image_has_are_refused(build, tmp_path, override: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        build("folder", root=str(tmp_path), **override)
