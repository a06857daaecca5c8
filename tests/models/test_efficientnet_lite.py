"""EfficientNet-Lite0: real images it was not trained on, logits of another implementation, and second derivatives."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from second_derivatives import check_mapped
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import UserError
from bench.models.efficientnet_lite import FILES, EfficientNetLite0, MBConv, SameConv2d, missing, renamed
from bench.models.introspect import introspect


def build(weights: Path | None = None, **changes) -> EfficientNetLite0:
    torch.manual_seed(0)
    given = {"mean": 0.498, "std": 0.502, "shape": (3, 64, 64), "classes": 10}
    return EfficientNetLite0(str(weights) if weights else None, **{**given, **changes}).eval()


def pictures(side: int | None = None) -> list[tuple[Tensor, int]]:
    """Twenty ImageNet validation images that come with foolbox, and their classes, which their names end in."""
    found = []
    for file in sorted(Path(str(files("foolbox") / "data")).glob("imagenet_*.jpg")):
        image = Image.open(file).convert("RGB")
        image = image if side is None else image.resize((side, side), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255
        found.append((pixels, int(file.stem.rpartition("_")[2])))
    return found


@torch.no_grad()
def test_it_names_what_is_in_images_that_it_was_not_trained_on(efficientnet: Path) -> None:
    """Of 1,000 classes; it was published with 75 % right. A wrong stride, norm or padding leaves next to nothing."""
    model, shown = build(efficientnet, classes=1000), pictures(160)
    assert len(shown) == 20
    assert sum(model(image).argmax().item() == label for image, label in shown) >= 14


@torch.no_grad()
def test_its_logits_are_those_of_another_implementation(efficientnet: Path) -> None:
    """Measured with the package efficientnet-lite-pytorch 0.1.0, by the same weights and the same normalisation."""
    image, label = pictures()[3]
    assert image.shape == (1, 3, 512, 512) and label == 990
    (logits,) = build(efficientnet, classes=1000)(image)
    expected = torch.tensor([-0.1439, -0.7445, -0.1364, 3.5787, -0.4209])
    torch.testing.assert_close(logits[[0, 99, 285, 990, 999]], expected, rtol=1e-3, atol=1e-3)
    assert float(logits.norm()) == pytest.approx(15.829, abs=0.01)


def test_the_head_is_drawn_for_other_classes_and_all_else_is_read(efficientnet: Path) -> None:
    one, other = build(efficientnet), build(efficientnet, classes=7)
    assert sum(p.numel() for p in one.parameters()) == 4_652_008 - 1000 * 1281 + 10 * 1281
    assert one.fc.weight.shape == (10, 1280) and other.fc.weight.shape == (7, 1280)
    assert torch.equal(one.features[0].weight, other.features[0].weight)
    assert float(one.features[1].running_var.min()) != 1.0  # the statistics of real images


@pytest.mark.parametrize(
    ("length", "side", "stride"), [(8, 3, 2), (9, 3, 2), (8, 5, 2), (7, 5, 2), (7, 5, 1), (1, 3, 2)]
)
def test_a_convolution_pads_as_tensorflow_does(length: int, side: int, stride: int) -> None:
    """By TensorFlow's formula: output i reads from i * stride - (padding // 2), and what lies outside is zero."""
    model = SameConv2d(1, 1, side, stride, 1).double()
    x = torch.rand(1, 1, length, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    column = model.weight[0, 0, :, (side - 1) // 2]  # one column wide: the others meet zeros
    count = -(-length // stride)
    start = max((count - 1) * stride + side - length, 0) // 2
    expected = [
        sum(column[j] * x[0, 0, i * stride - start + j, 0] for j in range(side) if 0 <= i * stride - start + j < length)
        for i in range(count)
    ]
    assert model(x).shape == (1, 1, count, 1)
    torch.testing.assert_close(model(x).flatten(), torch.stack(expected), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("expansion", [1, 6])
def test_second_derivatives_mapped_over_victims_are_those_one_by_one(expansion: int) -> None:
    """Of a block with a skip: all others are such blocks, or convolutions with a norm."""
    block = nn.Sequential(MBConv(2, 2, 5, 1, expansion), MBConv(2, 4, 3, 2, expansion), nn.Flatten(), nn.Linear(64, 3))
    check_mapped(block.eval(), (2, 8, 8))


@pytest.mark.slow
def test_it_can_be_attacked_many_victims_at_once_and_says_which_layer_is_last() -> None:
    """One channel is taken for three, and five halvings leave something of 28x28."""
    facts = introspect(build(shape=(1, 28, 28)), functional.cross_entropy, (1, 28, 28), 10, 1)
    assert facts.mappable and (facts.last_linear, facts.last_bias) == ("fc.weight", "fc.bias")


def test_a_folder_without_its_weights_or_with_others_says_how_to_fetch_them(tmp_path: Path) -> None:
    assert missing(tmp_path) == list(FILES)
    with pytest.raises(UserError, match=r"not in .*; run: leakbench prepare efficientnet_lite0$"):
        build(tmp_path)
    save_file({"fc.weight": torch.zeros(2, 2)}, tmp_path / FILES[0])
    with pytest.raises(
        UserError, match=r"does not hold the weights .*; delete it and run: leakbench prepare"
    ) as caught:
        build(tmp_path)
    assert "\n" not in str(caught.value)


def test_other_tensors_and_other_images_are_refused() -> None:
    with pytest.raises(ValueError, match="not the tensors of EfficientNet-Lite0"):
        renamed({"one": torch.zeros(3)})
    with pytest.raises(ValueError, match="images of 2 channels: want 1 or 3"):
        build(shape=(2, 32, 32))
