"""No public image is a victim's, and no victim becomes another one because of them."""

import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bench.datamodules.public_images import public_images, public_samples
from bench.datamodules.samples import Samples
from bench.errors import NotApplicable

FACTS = {"name": "samples", "set": "mnist", "seed": 0, "label_rule": "random", "labels": "own", "size": None}


@functools.cache  # tests read it, none changes it
def samples(**changes: object) -> Samples:
    data = Samples(**{**FACTS, "victims": 4, "batch_size": 1, "channels": None, **changes})
    data.setup()
    return data


@settings(max_examples=30)
@given(
    victims=st.integers(1, 10),
    batch_size=st.integers(1, 4),
    seed=st.integers(0, 3),
    rule=st.sampled_from(["random", "unique", "same"]),
    most=st.integers(0, 30),
)
def test_victims_and_public_images_have_no_image_in_common(victims, batch_size, seed, rule, most) -> None:
    size = 1 if rule == "same" else batch_size  # the classes of twenty digits are small
    data = samples(victims=victims, batch_size=size, seed=seed, label_rule=rule)
    held = set(data.deal(range(victims)).samples.flatten().tolist())
    last = set(public_last(data, min(most, 10)))
    if held & last:
        with pytest.raises(NotApplicable, match=r"threat\.public_images"):
            public_samples(data, most)
    else:
        assert set(public_samples(data, most).tolist()) == last
        assert not held & last


def public_last(data: Samples, count: int) -> list[int]:
    """The last images that one victim after the other holds, of batches of one; all 20 are different."""
    order = samples(seed=data.seed, victims=20).deal(range(20)).samples.flatten().tolist()
    return order[20 - count :]


def test_they_depend_neither_on_the_number_of_victims_nor_on_the_batch_size() -> None:
    first = public_samples(samples(victims=1), 100)
    assert len(first) == 10  # half of them
    for changes in ({"victims": 10}, {"batch_size": 3, "victims": 3}):
        assert np.array_equal(public_samples(samples(**changes), 100), first)
    assert np.array_equal(public_samples(samples(), 4), first[-4:])
    assert set(public_samples(samples(seed=1), 100).tolist()) != set(first.tolist())


def test_a_victim_that_holds_one_is_named_with_what_to_do() -> None:
    with pytest.raises(NotApplicable, match=r"victim 10 .* the last 10 images .* \(data\.victims=10, or make fewer"):
        public_samples(samples(victims=11), 100)
    assert len(public_samples(samples(victims=11), 9)) == 9
    with pytest.raises(NotApplicable, match=r"victim 0 .*\(make fewer images public\)"):
        public_samples(samples(batch_size=15, victims=1), 100)


def test_images_and_labels_are_those_of_the_data_set() -> None:
    data = samples()
    found = public_images(data, 100)
    assert found is not None
    images, labels = found
    assert images.shape == (10, 1, 28, 28) and labels.dtype is torch.int64
    whole = samples(victims=20).deal(range(20))
    assert torch.equal(images, whole.inputs[10:, 0]) and torch.equal(labels, whole.labels[10:, 0])
    assert public_images(data, 0) is None


def test_a_copy_of_an_image_that_a_victim_could_hold_is_not_public(build, tmp_path: Path) -> None:
    """Twelve files, of which four are one image: at whichever place the copies are, none of them is public with
    another one left for a victim."""
    for number in range(12):
        folder = tmp_path / f"class{number % 2}"
        folder.mkdir(exist_ok=True)
        Image.new("L", (4, 4), 200 if number % 3 == 0 else number).save(folder / f"{number:02d}.png")
    left = 0
    for seed in range(6):
        data = build("folder", root=str(tmp_path), victims=3, seed=seed)
        data.setup()
        public = public_samples(data, 6).tolist()
        bright = {number for number in range(12) if data.pool.images[number].max() == 200}
        assert len(bright) == 4 and (not bright & set(public) or bright <= set(public))
        left += 6 - len(public)
    assert left > 0
