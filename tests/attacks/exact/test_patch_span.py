"""Protects: neither a LayerNorm nor a skip hides an image from the span, and what leaves a patch open is no picture."""

import pytest
import torch
from image_observations import observe_images

from bench.attacks.exact.patch_span import PatchSpan
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable
from bench.labels.last_layer import LastLayer
from bench.messages.status import Status
from bench.models.patch_attention import patch_attention_of
from bench.models.vit import ViT

ENGINE = EngineSettings(chunk=1, threads=1, compile=False, precision="float32")
SHAPE = (2, 8, 8)  # 16 patches of 8 pixels, and a class token


def attack(tolerance: float = 1e-9, enough: float = 1e-12) -> PatchSpan:
    return PatchSpan(tolerance, enough, LastLayer(), engine=ENGINE)


def observed(*, width: int = 32, layers: int = 2, norm: bool = True, skip: bool = True, biased: bool = False):
    torch.manual_seed(0)
    model = ViT(2, width, layers, 2, 48, norm, skip, None, 0.5, 0.5, shape=SHAPE, classes=5)
    if biased:  # as after a training
        torch.nn.init.uniform_(model.layers[0].attention_norm.weight, 0.5, 1.5)
        torch.nn.init.normal_(model.layers[0].attention_norm.bias)
    structure = patch_attention_of(model, SHAPE)
    images, labels = torch.rand(3, 1, *SHAPE, dtype=torch.float64), torch.randint(5, (3, 1))
    return observe_images(model.double(), images, labels, patches=structure), images, labels


@pytest.mark.parametrize(
    "options",
    [{"norm": False, "skip": False}, {"norm": False}, {"skip": False}, {}, {"biased": True}],
    ids=["neither", "skip", "norm", "both", "trained norm"],
)
def test_images_and_labels_are_exact(options) -> None:
    seen, images, labels = observed(**options)
    del seen.gradients["positions"]  # as of positions that are not learned
    for i, claim in enumerate(attack().reconstruct(seen, 0)):
        assert claim.status == [Status.CONVERGED] and torch.equal(claim.labels[0], labels[i])
        assert (claim.inputs[0] - images[i]).square().mean() < 1e-12  # 120 dB


def test_a_gradient_in_float32_is_enough() -> None:
    seen, images, _ = observed()
    seen.gradients = {name: value.float() for name, value in seen.gradients.items()}
    for i, claim in enumerate(attack(enough=1e-6).reconstruct(seen, 0)):
        assert claim.status == [Status.CONVERGED] and (claim.inputs[0] - images[i]).square().mean() < 1e-6


def test_noise_and_one_layer_are_no_pictures() -> None:
    seen, _, _ = observed()
    for value in seen.gradients.values():
        value[0] += value[0].std() * torch.randn_like(value[0])
        value[1] = torch.nan
    claims = list(attack().reconstruct(seen, 0))
    assert [claim.status[0] for claim in claims] == [Status.UNVERIFIED, Status.UNVERIFIED, Status.CONVERGED]
    assert claims[0].inputs.isnan().all() and claims[0].labels.tolist() == [[-1]]
    seen, _, _ = observed(layers=1)
    assert {claim.status[0] for claim in attack().reconstruct(seen, 0)} == {Status.UNVERIFIED}


@pytest.mark.parametrize(
    ("width", "norm", "sentence"),
    [
        (24, False, "17 tokens of 24 entries leave 7 equations per patch for 8 unknowns"),
        (24, True, "leave 7 equations per patch for 9 unknowns"),
        (6, False, "it embeds the 8 pixels of a patch with rank 6"),
    ],
)
def test_tokens_that_are_too_narrow_are_refused(width, norm, sentence) -> None:
    seen, _, _ = observed(width=width, norm=norm)
    with pytest.raises(NotApplicable, match=sentence) as caught:
        attack().check(seen)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("tolerance", "enough"), [(0.0, 1e-2), (1.0, 1e-2), (1e-9, 0.0)])
def test_numbers_out_of_range_are_refused(tolerance, enough) -> None:
    with pytest.raises(ValueError, match="must be"):
        attack(tolerance, enough)
