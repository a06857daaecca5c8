"""Protects: what APRIL and PatchSpan share: labels that are granted are taken, and open equations are no picture."""

import pytest
import torch
from image_observations import observe_images

from bench.attacks.exact.patch_attack import PatchAttack
from bench.attacks.exact.patches import Patches
from bench.engine.settings import EngineSettings
from bench.labels.last_layer import LastLayer
from bench.messages.status import Status
from bench.models.patch_attention import patch_attention_of
from bench.models.vit import ViT

SHAPE = (1, 4, 4)


class FromPixels(PatchAttack):
    """Embeds an image that it was told, or leaves the tokens open."""

    image: torch.Tensor | None = None

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"batch_size", "batch_of_one", "patches"})

    def tokens(self, patches: Patches) -> torch.Tensor | None:
        if self.image is None:
            return None
        rows = self.image.unfold(1, 2, 2).unfold(2, 2, 2).permute(1, 2, 0, 3, 4).reshape(4, 4)
        return rows @ patches.weight.T + patches.known


def made(enough: float = 1e-20) -> FromPixels:
    engine = EngineSettings(chunk=1, threads=1, compile=False, precision="float32")
    return FromPixels(1e-9, enough, LastLayer(), engine=engine)


def observed():
    torch.manual_seed(0)
    model = ViT(2, 8, 1, 1, 8, True, True, None, None, None, shape=SHAPE, classes=3)
    structure = patch_attention_of(model, SHAPE)
    images = torch.rand(1, 1, *SHAPE, dtype=torch.float64)
    return observe_images(model.double(), images, torch.tensor([[2]]), patches=structure), images


def test_the_image_of_the_tokens_counts_if_its_gradient_is_the_shared_one() -> None:
    seen, images = observed()
    attack = made()
    attack.image = images[0, 0]
    (claim,) = attack.reconstruct(seen, 0)
    assert claim.status == [Status.CONVERGED] and claim.labels.tolist() == [[2]] and claim.seconds.item() > 0
    torch.testing.assert_close(claim.inputs, images, rtol=0, atol=1e-12)
    attack.image = images[0, 0].flip(2)
    (claim,) = attack.reconstruct(seen, 0)
    assert claim.status == [Status.UNVERIFIED] and claim.inputs.isnan().all()


def test_labels_that_are_granted_are_taken_and_open_equations_are_no_picture() -> None:
    seen, images = observed()
    seen.labels = torch.tensor([[1]])
    attack = made(1e9)
    attack.image = images[0, 0]
    assert next(attack.reconstruct(seen, 0)).labels.tolist() == [[1]]
    (claim,) = made().reconstruct(seen, 0)
    assert claim.status == [Status.UNVERIFIED] and claim.objective.isnan().all()


@pytest.mark.parametrize("enough", [0.0, -1.0, float("nan")])
def test_a_distance_that_nothing_can_meet_is_refused(enough: float) -> None:
    with pytest.raises(ValueError, match="must be > 0"):
        made(enough)
