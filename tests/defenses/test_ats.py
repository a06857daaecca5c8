"""ATS: its operations against PIL's, which the authors' code calls, and the draws of policies and signs."""

import numpy as np
import pytest
import torch
from defenses.batches import FORM, batch, computed_on
from PIL import Image, ImageEnhance

from bench.defenses.ats import ATS, OPERATIONS
from bench.engine.rng import VictimRng


def pictures(channels: int) -> tuple[Image.Image, torch.Tensor]:
    """A picture of 32x24 pixels for PIL, and the same as `[1, C, H, W]` in [0, 1]."""
    levels = np.random.default_rng(0).integers(0, 256, (24, 32, channels), dtype=np.uint8)
    picture = Image.fromarray(levels[..., 0] if channels == 1 else levels)
    return picture, torch.from_numpy(levels).permute(2, 0, 1)[None].double() / 255


def tensor(picture: Image.Image) -> torch.Tensor:
    levels = np.asarray(picture)
    return torch.from_numpy(levels.reshape(24, 32, -1).copy()).permute(2, 0, 1)[None].double() / 255


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("strength", [0.0, 0.1007, 0.4532, -0.1007, -0.4532])
def test_shifts_are_pils(channels: int, strength: float) -> None:
    picture, images = pictures(channels)
    size = picture.size
    x = picture.transform(size, Image.Transform.AFFINE, (1, 0, strength * size[0], 0, 1, 0))
    y = picture.transform(size, Image.Transform.AFFINE, (1, 0, 0, 0, 1, strength * size[1]))
    torch.testing.assert_close(OPERATIONS["translate_x"](images, strength), tensor(x))
    torch.testing.assert_close(OPERATIONS["translate_y"](images, strength), tensor(y))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("strength", [0.3889, -0.3333])
def test_contrast_and_brightness_are_pils(channels: int, strength: float) -> None:
    """PIL rounds the mean, and cuts what comes out to whole levels: less than two of 255 together."""
    picture, images = pictures(channels)
    for name, enhance in (("contrast", ImageEnhance.Contrast), ("brightness", ImageEnhance.Brightness)):
        wanted = tensor(enhance(picture).enhance(1 + strength))
        torch.testing.assert_close(OPERATIONS[name](images, strength), wanted, rtol=0, atol=2 / 255)


def test_each_image_has_a_policy_and_signs_of_its_own() -> None:
    """Each image is what one of the eight policies with signs makes of it, all eight occur, and labels stay."""
    policies = [[{"translate_x": 0.2}, {"contrast": 0.3}], [{"brightness": 0.4}, {"translate_y": 0.2}]]
    part, (inputs, labels) = ATS(policies, 0), batch(64)
    ((found, kept),) = computed_on(part, 64)
    assert torch.equal(kept, labels)
    seen = set()
    for image, changed in zip(inputs, found, strict=True):
        matches = []
        for p, policy in enumerate(policies):
            for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                expected = image[None]
                for sign, operation in zip(signs, policy, strict=True):
                    ((name, strength),) = operation.items()
                    expected = OPERATIONS[name](expected, sign * strength)
                if torch.allclose(expected[0], changed, atol=1e-6):
                    matches.append((p, signs))
        assert len(matches) == 1
        seen.add(matches[0])
    assert len(seen) == 8


def test_a_policy_is_drawn_as_often_as_another() -> None:
    chosen, negative = ATS([[{"contrast": 0.1}]] * 2, 0).draw(1000, FORM, VictimRng((0,)))
    for share in (chosen.float().mean(), negative.float().mean()):
        assert float(share) == pytest.approx(0.5, abs=4 * 0.5 / 1000**0.5)  # four standard errors


@pytest.mark.parametrize(
    ("policies", "says"),
    [
        ([], "want at least one"),
        ([[]], "want at least one"),
        ([[{"rotate": 0.1}]], "want one of translate_x, translate_y, contrast, brightness"),
        ([[{"contrast": 0.1, "brightness": 0.1}]], "want one of translate_x"),
        ([[{"contrast": 1.5}]], r"want a strength in \[0, 1\]"),
    ],
)
def test_policies_that_cannot_be_run_are_refused(policies: list, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ATS(policies, 0)
