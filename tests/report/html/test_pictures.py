"""The page shows the stored pixels: a PNG holds every iterate exactly, and every private image once."""

import base64
import io
import itertools

import numpy as np
import pytest
from PIL import Image

from bench.report.html.pictures import Truths, chosen, strip


def decoded(uri: str) -> Image.Image:
    head, _, text = uri.partition(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(text)))


def test_the_first_image_is_at_the_top_and_gray_ones_are_stored_as_gray() -> None:
    first, second = np.array([[[0.0, 1.0]]]), np.array([[[0.2, 0.6]]])
    image = decoded(strip([first, second]))
    assert image.mode == "L" and image.size == (2, 2)
    assert np.asarray(image).tolist() == [[0, 255], [51, 153]]


def test_three_channels_are_red_green_and_blue() -> None:
    pixel = np.array([10, 20, 30]).reshape(3, 1, 1) / 255
    image = decoded(strip([pixel]))
    assert image.mode == "RGB" and np.asarray(image).tolist() == [[[10, 20, 30]]]


def test_one_colour_among_gray_images_keeps_all_of_them_in_colour() -> None:
    gray, red = np.full((3, 1, 1), 0.2), np.array([1.0, 0.0, 0.0]).reshape(3, 1, 1)
    assert np.asarray(decoded(strip([gray, red]))).tolist() == [[[51, 51, 51]], [[255, 0, 0]]]
    assert decoded(strip([gray, gray])).mode == "L"


def test_pixels_are_rounded_and_clipped_and_not_cut() -> None:
    values = np.array([[[-1.0, 0.499 / 255, 0.501 / 255, 254.6 / 255, 7.0]]])
    assert np.asarray(decoded(strip([values]))).tolist() == [[0, 0, 1, 255, 255]]


def test_an_image_has_one_place_however_often_it_comes() -> None:
    truths, one, other = Truths(), np.zeros((1, 2, 2)), np.ones((1, 2, 2))
    assert [truths.place(image) for image in (one, other, one.copy(), other)] == [0, 1, 0, 1]
    assert len(truths.uris) == 2 and np.asarray(decoded(truths.uris[1])).min() == 255


def test_places_are_spread_over_all_with_the_first_and_the_last() -> None:
    for count, most in itertools.product(range(40), range(14)):
        found = chosen(count, most)
        assert len(found) == min(count, most) and found == sorted(set(found)) and set(found) <= set(range(count))
        if found:
            assert found[-1] == count - 1
        if len(found) > 1:
            gaps = np.diff(found)
            assert found[0] == 0 and gaps.max() - gaps.min() <= 1


@pytest.mark.parametrize(("count", "most", "places"), [(9, 5, [0, 2, 4, 6, 8]), (7, 1, [6]), (0, 3, [])])
def test_known_places(count: int, most: int, places: list[int]) -> None:
    assert chosen(count, most) == places
