"""Image files on disk: a tree of class folders (`ROOT/CLASS/NAME.png`), read whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.errors import UserError
from datamodules.pixels import check_room, fit, read_image
from datamodules.pool import Integers, Pixels

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Tree:
    """Image files with the class folder that each one lies in.

    Args:
        class_names: the folders' names, sorted: a class's index is its place here, as in torchvision's ImageFolder.
        files: `N` paths, sorted by class, then by name.
        labels: `[N]`, int64.
    """

    class_names: tuple[str, ...]
    files: tuple[Path, ...]
    labels: Integers


def is_image(path: Path) -> bool:
    """Whether the name ends like an image's and is not hidden."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


def subfolders(root: Path) -> list[Path]:
    """The folders directly in `root` that are not hidden, sorted by name."""
    return sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def images_in(folder: Path) -> list[Path]:
    """The image files directly in `folder`, sorted by name; anything else there is left aside."""
    return sorted(entry for entry in folder.iterdir() if is_image(entry))


def list_tree(root: Path) -> Tree:
    """Find `ROOT/CLASS/NAME.ext`; other files (a SOURCE.txt, a MANIFEST.csv) are left aside.

    Raises:
        UserError: `root` is no readable folder, has no class folders, or one of them holds no image.
    """
    try:
        folders = subfolders(root)
        found = [images_in(folder) for folder in folders]
        loose = images_in(root)
    except OSError as error:
        raise UserError(f"{root}: cannot be read as a folder of images ({error.strerror})") from None
    if not folders:
        what = f"{len(loose)} images but no class folders" if loose else "no class folders"
        raise UserError(f"{root}: has {what}; images must lie in ROOT/CLASS/NAME.png")
    for folder, files in zip(folders, found, strict=True):
        if not files:
            raise UserError(f"{folder}: holds no image; every folder in {root} is a class (ROOT/CLASS/NAME.png)")
    labels = np.repeat(np.arange(len(folders), dtype=np.int64), [len(files) for files in found])
    return Tree(tuple(folder.name for folder in folders), tuple(file for files in found for file in files), labels)


def read_images(files: Sequence[Path], size: int | None, channels: int | None) -> Pixels:
    """Decode and fit every file: `[N, H, W, C]` uint8.

    Everything is decoded here, before any attack runs, so that a damaged file never ends a run half-way.

    Raises:
        UserError: a file is damaged (`read_image`), or the images differ in size or channels.
    """
    check_room(len(files), size, channels or 1)
    images: list[Pixels] = []
    for path in files:
        image = fit(read_image(path), size, channels)
        if images and image.shape != images[0].shape:
            raise UserError(_difference(files[0], images[0], path, image))
        images.append(image)
    return np.stack(images)


def _difference(first: Path, expected: Pixels, path: Path, image: Pixels) -> str:
    size = expected.shape[:2] != image.shape[:2]
    remedy = "data.size=32 (or another side)" if size else "data.channels=3 (or 1)"
    return (
        f"{path}: is {_describe(image)}, but {first.parent.name}/{first.name} is {_describe(expected)}; "
        f"one dataset has one size: set {remedy}"
    )


def _describe(image: Pixels) -> str:
    height, width, channels = image.shape
    return f"{width}x{height} {'gray' if channels == 1 else 'RGB'}"
