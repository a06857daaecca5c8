"""Variables of the optimisation: the same images, in other coordinates."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dctn

from bench.engine.colours import to_colours
from bench.engine.matching import Layout
from bench.engine.parametrisation import ColouredDct, Dct, Pixels

CPU = torch.device("cpu")


@settings(deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    decay=st.floats(0, 2),
    seed=st.integers(0, 1000),
)
def test_decoding_undoes_encoding(height: int, width: int, decay: float, seed: int) -> None:
    images = torch.rand(2, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    variables = Dct(decay)
    torch.testing.assert_close(variables.decode(variables.encode(images)), images)


def test_the_transform_is_scipys_orthonormal_dct() -> None:
    image = torch.rand(1, 2, 6, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ours = Dct(0.0).encode(image)
    theirs = torch.from_numpy(dctn(image.numpy(), type=2, norm="ortho", axes=(-2, -1)))
    torch.testing.assert_close(ours, theirs)


def test_a_weight_is_the_size_that_a_frequency_is_expected_to_have() -> None:
    """A unit step along a variable changes the image by (1 + |k|)^-decay in norm: 1/6 at k = (3, 4) for decay 1."""
    unit = torch.zeros(1, 8, 8, dtype=torch.float64)
    unit[0, 3, 4] = 1
    assert float(Dct(1.0).decode(unit).norm()) == pytest.approx(1 / 6)


def test_an_image_is_decoded_the_same_in_any_company() -> None:
    """Bitwise: a victim's path must not depend on how many are worked on beside it."""
    z = torch.randn(32, 2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    together = Dct(0.5).decode(z)
    for count in (2, 3, 7, 31):
        assert torch.equal(Dct(0.5).decode(z[:count]), together[:count])


SIZES = (0.4, 0.12, 0.06)  # of luma and of two chromas


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_decoding_a_coloured_spectrum_undoes_encoding(channels: int) -> None:
    images = torch.rand(2, channels, 5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    variables = ColouredDct(1.25, SIZES)
    torch.testing.assert_close(variables.decode(variables.encode(images)), images)


def test_a_coloured_spectrum_is_scipys_dct_of_luma_and_chroma_over_what_is_expected_of_them() -> None:
    image = torch.rand(1, 3, 6, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    k = torch.hypot(torch.arange(6.0).unsqueeze(1), torch.arange(9.0)).double()
    falling = (1 + k) ** -1.5
    expected = torch.tensor(SIZES, dtype=torch.float64).view(3, 1, 1) * falling / falling.square().mean().sqrt()
    spectrum = torch.from_numpy(dctn(to_colours(image).numpy(), type=2, norm="ortho", axes=(-2, -1)))
    torch.testing.assert_close(ColouredDct(1.5, SIZES).encode(image), spectrum / expected)


def test_variables_of_size_one_make_colours_of_the_expected_deviation() -> None:
    """Signs at random, 64 images: the root mean square of each colour is its `deviation` exactly."""
    signs = torch.randint(2, (64, 3, 8, 8), generator=torch.Generator().manual_seed(0)).double() * 2 - 1
    colours = to_colours(ColouredDct(1.25, SIZES).decode(signs))
    assert colours.square().mean((0, 2, 3)).sqrt().tolist() == pytest.approx(SIZES)
    gray = ColouredDct(1.25, SIZES).decode(signs[:, :1])
    assert float(gray.square().mean().sqrt()) == pytest.approx(SIZES[0])


def test_a_coloured_image_is_decoded_the_same_in_any_company() -> None:
    z = torch.randn(32, 2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    together = ColouredDct(1.25, SIZES).decode(z)
    for count in (1, 3, 31):
        assert torch.equal(ColouredDct(1.25, SIZES).decode(z[:count]), together[:count])


@pytest.mark.parametrize(
    ("decay", "deviations", "sentence"),
    [(-1.0, SIZES, "decay=-1.0"), (1.0, (0.1, 0.2), "want three numbers"), (1.0, (0.1, 0.0, 1.0), "want three")],
)
def test_a_coloured_spectrum_has_three_sizes(decay: float, deviations, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ColouredDct(decay, deviations)


def test_label_logits_are_left_alone() -> None:
    layout = Layout(2, (1, 4, 4), 3, Dct(0.5))
    z = torch.randn(5, layout.n, generator=torch.Generator().manual_seed(0))
    images, logits = layout.split(z)
    plain, same = Layout(2, (1, 4, 4), 3, Pixels()).split(z)
    assert logits is not None and same is not None
    assert torch.equal(logits, same)
    assert not torch.equal(images, plain)


def test_a_growing_spectrum_is_refused() -> None:
    with pytest.raises(ValueError, match="decay=-1: must be >= 0"):
        Dct(-1)


def test_pixels_are_themselves() -> None:
    images = torch.rand(1, 2, 3, 4, 4)
    assert Pixels().decode(images) is images
    assert Pixels().encode(images) is images
