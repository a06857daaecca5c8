"""Parts of images: safetensors files with the pictures of the first victims, and with curves."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import safe_open

from bench.results.part_format import tensor_files

KIND = "images"
_IMAGES = ("ids", "truth", "guess", "moments", "images", "curve_at", "curve")
_PIXELS = ("truth", "guess", "images")
_SHOWN = {"ids", "truth", "guess"}


def images(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The readable parts of images in `folder`, `{part id: file}`, and a sentence for each file that was skipped."""
    return tensor_files(folder, KIND)


def read_images(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a part of images, `{name: array}`; `StoredLeak.append` describes them."""
    with safe_open(path, framework="numpy") as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)


def image_tensors(images: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of an append as they are stored: pixels clipped to [0, 1], in half precision.

    Raises:
        ValueError: a tensor is unknown or missing, or holds another number of victims.
    """
    if unknown := sorted(images.keys() - set(_IMAGES)):
        raise ValueError(f"unknown image tensors: {', '.join(unknown)}; known: {', '.join(_IMAGES)}")
    # A cell of sentences has curves only.
    needed = {"ids", "curve_at", "curve"} if "curve" in images and not images.keys() & set(_PIXELS) else _SHOWN
    if missing := sorted(needed - images.keys()):
        raise ValueError(f"image tensors lack {', '.join(missing)}")
    count = len(images["ids"])
    out = {}
    for key, array in images.items():
        if len(array) != count:
            raise ValueError(f"{key}: want {count} victims as in ids, got {len(array)}")
        if key in _PIXELS and np.issubdtype(array.dtype, np.floating):
            # Pixels are clipped as for display and scoring. Half precision is finer than the 8 bits of a screen.
            array = np.clip(array, 0, 1).astype(np.float16)
        out[key] = np.ascontiguousarray(array)
    return out
