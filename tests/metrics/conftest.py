"""Real images that a dependency ships in its wheel, so that no test here depends on a data set being on the machine."""

import importlib.metadata
from collections.abc import Callable

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from torch import Tensor

SETS = ("mnist", "cifar10")  # 28x28 gray, 32x32 in colour


@pytest.fixture(scope="session")
def images() -> dict[str, Tensor]:
    """`{set: [20, C, H, W]}` in [0, 1], float32; "large": 4 crops of 224x224 of a photograph."""
    found = {}
    for name in SETS:
        files = [f for f in importlib.metadata.files("foolbox") or () if f.name.startswith(f"{name}_")]
        arrays = [np.array(Image.open(str(f.locate()))) for f in sorted(files)]
        stack = torch.from_numpy(np.stack(arrays)).float() / 255
        found[name] = stack.unsqueeze(1) if stack.dim() == 3 else stack.permute(0, 3, 1, 2).contiguous()
        assert found[name].shape[0] == 20
    photograph = torch.from_numpy(skimage.data.astronaut()).permute(2, 0, 1).float() / 255
    corners = [(0, 0), (0, 288), (288, 0), (100, 150)]
    found["large"] = torch.stack([photograph[:, y : y + 224, x : x + 224] for y, x in corners])
    return found


def add_noise(images: Tensor, sigma: float, seed: int = 0) -> Tensor:
    """Gaussian noise on top, clipped."""
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))
    return (images + sigma * noise).clamp(0, 1)


@pytest.fixture(scope="session")
def noisy() -> Callable[..., Tensor]:
    """`(images, sigma, seed=0) -> images` with gaussian noise on top, clipped."""
    return add_noise


@pytest.fixture(scope="session")
def cases(images: dict[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """`{name: (guess, truth)}`, each `[4, 5, C, H, W]`: from nearly right to unrelated."""
    table = {}
    for name in ("mnist", "cifar10"):
        truth = images[name].unflatten(0, (4, 5))
        table[f"{name}, faint noise"] = (add_noise(truth, 1e-3), truth)
        table[f"{name}, strong noise"] = (add_noise(truth, 0.3), truth)
        table[f"{name}, another image"] = (truth.roll(1, 1), truth)
        table[f"{name}, mean image"] = (truth.mean((0, 1), keepdim=True).expand_as(truth), truth)
        table[f"{name}, inverted"] = (1 - truth, truth)
        table[f"{name}, flat"] = (torch.full_like(truth, 0.5), truth)
    return table
