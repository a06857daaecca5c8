"""Variables of the optimisation: the same images, in other coordinates."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dctn

from bench.engine.matching import Layout
from bench.engine.parametrisation import Dct, Pixels

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
