"""Protects: the start of a vision transformer is found by what its layers read, and not claimed for another model."""

import pytest
import torch
from torch import nn

from bench.models.lenet import LeNet
from bench.models.patch_attention import patch_attention_of, patches_of
from bench.models.vit import ViT

SHAPE = (2, 8, 8)


def vit(norm: bool, skip: bool, mean: float | None = 0.5) -> ViT:
    torch.manual_seed(0)
    return ViT(2, 24, 2, 2, 32, norm, skip, None, mean, mean, shape=SHAPE, classes=4)


class Torchs(nn.Module):
    """A vision transformer of torch's own layers: a convolution embeds patches, and three weights are fused."""

    def __init__(self, token: bool = True, first: bool = False) -> None:
        super().__init__()
        self.patch = nn.Conv2d(2, 24, 2, stride=2, bias=False)
        self.cls = nn.Parameter(torch.randn(1, 1, 24)) if token else None
        self.pos = nn.Parameter(torch.randn(1, 16 + token, 24))
        self.block = nn.TransformerEncoderLayer(24, 2, 32, 0.0, batch_first=True, norm_first=first)
        self.head = nn.Linear(24, 4)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = x if self.cls is None else torch.cat([self.cls.expand(len(x), -1, -1), x], 1)
        return self.head(self.block(x + self.pos).mean(1))


@pytest.mark.parametrize(("norm", "skip"), [(False, False), (False, True), (True, False), (True, True)])
def test_what_the_first_attention_reads_is_found(norm, skip) -> None:
    found = patch_attention_of(vit(norm, skip), SHAPE)
    assert (found.position, found.token, found.side) == ("positions", "class_token", 2)
    assert (found.patch, found.bias) == ("embedding.weight", "embedding.bias")
    assert found.readers == tuple(f"layers.0.attention.{part}.weight" for part in ("query", "key", "value"))
    assert found.normalise == ("normalise.mean", "normalise.std")
    assert (found.norm is not None) == norm and found.only == (not norm and not skip)
    if norm:
        assert (found.norm.weight, found.norm.bias) == (
            "layers.0.attention_norm.weight",
            "layers.0.attention_norm.bias",
        )


@pytest.mark.parametrize("token", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_layers_of_torch_are_found_too(token, first) -> None:
    torch.manual_seed(0)
    found = patch_attention_of(Torchs(token, first).eval(), SHAPE)
    assert (found.position, found.token, found.patch, found.bias) == (
        "pos",
        "cls" if token else None,
        "patch.weight",
        None,
    )
    assert found.readers == ("block.self_attn.in_proj_weight",) and found.normalise is None
    assert (found.norm is not None) == first and not found.only  # torch's layer has skips


def test_other_models_have_no_such_start() -> None:
    torch.manual_seed(0)
    lenet = LeNet(4, [2, 2, 1], "sigmoid", 0.5, None, None, shape=SHAPE, classes=3)
    patches = nn.Sequential(nn.Conv2d(2, 4, 2, stride=2), nn.Flatten(), nn.Linear(64, 4))
    for model in (lenet, patches, nn.Sequential(nn.Flatten(), nn.Linear(128, 4))):
        assert patch_attention_of(model, SHAPE) is None


def test_patches_follow_row_by_row() -> None:
    image = torch.arange(32.0).reshape(1, 2, 4, 4)
    patches = patches_of(image, 2)
    assert patches.shape == (1, 4, 8) and torch.equal(patches[0, 1], image[0, :, :2, 2:].flatten())
