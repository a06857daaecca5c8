"""Protects: APRIL's images are exact in float64, its refusals say what is missing, and a failure is no picture."""

import pytest
import torch
from image_observations import observe_images

from bench.attacks.exact.april import April
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable
from bench.labels.last_layer import LastLayer
from bench.messages.status import Status
from bench.models.patch_attention import patch_attention_of
from bench.models.vit import ViT

ENGINE = EngineSettings(chunk=1, threads=1, compile=False, precision="float32")
SHAPE = (2, 8, 8)


def attack(tolerance: float = 1e-14, enough: float = 1e-12) -> April:
    return April(tolerance, enough, LastLayer(), engine=ENGINE)


def observed(
    count: int = 3, *, width: int = 32, layers: int = 2, norm: bool = False, skip: bool = False, size: int = 1
):
    torch.manual_seed(0)
    model = ViT(2, width, layers, 2, 48, norm, skip, None, 0.5, 0.5, shape=SHAPE, classes=5)
    structure = patch_attention_of(model, SHAPE)
    images = torch.rand(count, size, *SHAPE, dtype=torch.float64)
    labels = torch.randint(5, (count, size))
    return observe_images(model.double(), images, labels, patches=structure), images, labels


def test_images_and_labels_are_exact_in_float64() -> None:
    seen, images, labels = observed()
    for i, claim in enumerate(attack().reconstruct(seen, 0)):
        assert claim.status == [Status.CONVERGED] and torch.equal(claim.labels[0], labels[i])
        assert (claim.inputs[0] - images[i]).square().mean() < 1e-10  # 100 dB
        assert claim.ids.tolist() == [i] and claim.objective.item() < 1e-20


def test_labels_that_are_granted_are_taken() -> None:
    seen, _, labels = observed(1)
    seen.labels = (labels + 1) % 5
    (claim,) = attack(enough=1e9).reconstruct(seen, 0)
    assert torch.equal(claim.labels, seen.labels)


def test_noise_is_no_picture() -> None:
    seen, _, _ = observed(2)
    for value in seen.gradients.values():
        value[0] += value[0].std() * torch.randn_like(value[0])
    first, second = attack().reconstruct(seen, 0)
    assert first.status == [Status.UNVERIFIED] and first.inputs.isnan().all() and first.labels.tolist() == [[-1]]
    assert second.status == [Status.CONVERGED]
    seen.gradients["positions"][1] = torch.nan
    assert list(attack().reconstruct(seen, 0))[1].status == [Status.UNVERIFIED]


def test_one_layer_leaves_the_tokens_open() -> None:
    """Only the class token is read behind it, so few combinations of the tokens have a gradient."""
    seen, _, _ = observed(1, layers=1)
    assert torch.linalg.matrix_rank(seen.gradients["positions"][0], rtol=1e-10) <= 5 < 17
    (claim,) = attack(1e-10).reconstruct(seen, 0)
    assert claim.status == [Status.UNVERIFIED] and claim.objective.isnan().all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"norm": True}, "without a LayerNorm before it"),
        ({"skip": True}, "without a LayerNorm before it and a skip connection around it"),
        ({"width": 12}, "17 tokens of 12 entries leave the equations open"),
        ({"width": 6}, "cannot invert layer 'embedding.weight' of the model: it embeds the 8 pixels"),
        ({"size": 2}, "needs a batch of one example"),
    ],
)
def test_refusals(options, sentence) -> None:
    seen, _, _ = observed(1, **options)
    with pytest.raises(NotApplicable, match=sentence) as caught:
        attack().check(seen)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("positions", "learned positions"), ("layers.0.attention.key.weight", "query, key and value")],
)
def test_a_gradient_that_is_not_shared_is_named(name, sentence) -> None:
    seen, _, _ = observed(1)
    del seen.gradients[name]
    with pytest.raises(NotApplicable, match=sentence):
        attack().check(seen)
    seen.task.patches = None
    with pytest.raises(NotApplicable, match="needs a vision transformer with learned positions"):
        attack().check(seen)


@pytest.mark.parametrize(("tolerance", "enough"), [(0.0, 1e-2), (1.0, 1e-2), (1e-9, 0.0)])
def test_numbers_out_of_range_are_refused(tolerance, enough) -> None:
    with pytest.raises(ValueError, match="must be"):
        attack(tolerance, enough)
