"""Training data: no image is both trained and tested on, and each step is drawn as it says."""

import numpy as np
import pytest

from bench.datamodules.labelled import LabelledSplit, held_out
from bench.errors import UserError


@pytest.fixture
def pool_of(build, shared_data):
    data = build("samples", set="mnist")
    data.setup()
    return data


def split(data, train=12, test=6, seed=0):
    return held_out(data, train, test, seed)


def images(pool):
    return {image.tobytes() for image in pool.images}


def test_no_image_is_trained_and_tested_on_and_the_seed_fixes_which(pool_of):
    train, test = split(pool_of)
    assert len(train) == 12 and len(test) == 6 and not images(train) & images(test)
    again, other = split(pool_of), split(pool_of, seed=1)
    assert images(again[1]) == images(test) != images(other[1])
    own = dict(zip((image.tobytes() for image in pool_of.pool.images), pool_of.pool.labels))
    assert [own[image.tobytes()] for image in test.images] == test.labels.tolist()


def test_too_few_images_and_no_labels_are_refused(pool_of, build, tmp_path):
    with pytest.raises(UserError, match=r"training.train=15, training.test=6: data 'samples-mnist' has only 20 images"):
        split(pool_of, 15)
    with pytest.raises(UserError, match="batch_size=13: must be 1 to 12"):
        LabelledSplit(*split(pool_of), 13, "shuffle", 0)
    with pytest.raises(ValueError, match="want one of shuffle, poisson"):
        LabelledSplit(*split(pool_of), 4, "shuffled", 0)


def test_an_epoch_goes_through_every_example_once_in_an_order_of_its_own(pool_of):
    data = LabelledSplit(*split(pool_of), 4, "shuffle", 7)
    epochs = [np.concatenate(list(data.epoch(number))) for number in (0, 1)]
    assert all(sorted(epoch) == list(range(12)) for epoch in epochs) and not np.array_equal(*epochs)
    loader = data.train_dataloader()
    assert len(loader) == data.steps == 3
    for epoch in epochs:  # what Lightning goes through, epoch after epoch
        labels = np.concatenate([labels.numpy() for _, labels in loader])
        assert np.array_equal(labels, data.train.labels[epoch])
    other = LabelledSplit(*split(pool_of), 4, "shuffle", 8)
    assert not np.array_equal(epochs[0], np.concatenate(list(other.epoch(0))))


def test_poisson_steps_hold_each_example_independently_with_the_rate_that_is_accounted_for(pool_of):
    data = LabelledSplit(*split(pool_of), 3, "poisson", 0)
    steps = [places for number in range(500) for places in data.epoch(number)]
    held = np.array([np.isin(np.arange(12), places) for places in steps], float)
    assert data.sample_rate == 0.25 and len(steps) == 2000
    error = np.sqrt(0.25 * 0.75 / len(steps))
    assert np.abs(held.mean(0) - 0.25).max() < 4 * error  # 12 examples, 4 standard errors
    # sizes are binomial: their variance is 12 * 0.25 * 0.75, which a fixed size has not
    assert held.sum(1).var() == pytest.approx(12 * 0.25 * 0.75, rel=0.15)
    assert np.abs(np.corrcoef(held.T) - np.eye(12)).max() < 4 / np.sqrt(len(steps))


def test_every_image_is_tested_once(pool_of):
    data = LabelledSplit(*split(pool_of), 4, "shuffle", 0)
    assert np.array_equal(np.concatenate([labels for _, labels in data.test_dataloader()]), data.test.labels)
