"""What a kind of data says in words."""

import pytest

from bench.modalities.lookup import modality


def test_grants_are_those_that_mean_something():
    grants = {"labels": False, "input_range": True, "lengths": True, "word_embedding": True, "surrogate": False}
    assert modality("images").relevant(grants) == {"labels": False, "input_range": True}
    assert list(modality("sentences").relevant(grants)) == ["labels", "lengths", "word_embedding", "surrogate"]


@pytest.mark.parametrize(
    ("name", "shape", "words"), [("images", (3, 32, 32), "3x32x32"), ("sentences", (16,), "16 tokens at most")]
)
def test_a_shape_in_words(name, shape, words):
    assert modality(name).describe_shape(shape) == words


def test_boards_of_images_are_the_usual_ones():
    assert modality("images").heading == "Threat model"
    assert modality("sentences").heading == "Sentences, threat model"
