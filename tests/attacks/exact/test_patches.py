"""Protects: from the tokens of a vision transformer back to its image, exactly."""

import pytest
import torch
from image_observations import observe_images

from bench.attacks.exact.patches import Patches
from bench.errors import NotApplicable
from bench.models.patch_attention import patch_attention_of
from bench.models.vit import ViT


def patches(width: int, mean: float | None):
    torch.manual_seed(0)
    model = ViT(2, width, 2, 2, 8, True, True, None, mean, mean, shape=(2, 8, 6), classes=4)
    found = patch_attention_of(model, (2, 8, 6))
    images = torch.rand(2, 1, 2, 8, 6, dtype=torch.float64)
    seen = observe_images(model.double(), images, torch.tensor([[1], [2]]), patches=found)
    with torch.no_grad():
        tokens = [model.tokens(image)[0] for image in images]
    return Patches.of(seen, 1), images[1, 0], tokens[1]


@pytest.mark.parametrize("mean", [0.5, None])
def test_the_image_of_its_tokens_is_exact(mean) -> None:
    found, image, tokens = patches(16, mean)
    torch.testing.assert_close(found.image(tokens), image, rtol=0, atol=1e-12)
    torch.testing.assert_close(found.image(tokens[1:]), image, rtol=0, atol=1e-12)  # without the class token
    found.check_embedding("Some")


def test_an_embedding_that_loses_pixels_is_refused_by_its_name() -> None:
    found, _, _ = patches(6, None)
    with pytest.raises(NotApplicable, match=r"cannot invert layer 'embedding\.weight' of the model: it embeds the 8 "):
        found.check_embedding("Some")
