"""Image files on disk: a tree of class folders (`ROOT/CLASS/[FOLDERS/]NAME.png`), read completely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.datamodules.pixels import fit, fitted_bytes, read_pages
from bench.datamodules.pool import Integers, Pixels
from bench.errors import UserError
from bench.host.capacity import require_memory

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Tree:
    """Image files with the class folder of each.

    Args:
        class_names: the names of the folders, sorted; the index of a class is its position here, as in torchvision's
            ImageFolder.
        files: N paths, sorted by class, then by folder, then by name.
        labels: `[N]`, int64.
    """

    class_names: tuple[str, ...]
    files: tuple[Path, ...]
    labels: Integers


def is_image(path: Path) -> bool:
    """Whether the name has the ending of an image and is not hidden."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


def subfolders(root: Path) -> list[Path]:
    """Returns the folders directly in `root` that are not hidden, sorted by name."""
    return sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def images_in(folder: Path) -> list[Path]:
    """Returns the image files directly in `folder`, sorted by name; other files are ignored."""
    return sorted(entry for entry in folder.iterdir() if is_image(entry) and not entry.is_dir())


def images_below(folder: Path) -> list[Path]:
    """Returns the image files in `folder` and in all folders below it that are not hidden, in the order of ImageFolder.

    The order is by the folder's path, then by name. Links are followed; a folder that is met twice (through a link to
    one above it, say) is read once.
    """
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        status = here.stat()
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        found += images_in(here)
        waiting += reversed(subfolders(here))
    return sorted(found, key=lambda file: (str(file.parent), file.name))


def list_tree(root: Path) -> Tree:
    """Finds `ROOT/CLASS/[FOLDERS/]NAME.ext`; other files (a SOURCE.txt, a MANIFEST.csv) are ignored.

    Raises:
        UserError: `root` is no readable folder, has no class folders, or one of them holds no image.
    """
    try:
        folders = subfolders(root)
        found = [images_below(folder) for folder in folders]
        loose = images_in(root)
    except OSError as error:
        raise UserError(f"{error.filename or root}: cannot be read as a folder of images ({error.strerror})") from None
    if not folders:
        what = f"{len(loose)} images but no class folders" if loose else "no class folders"
        raise UserError(f"{root}: has {what}; images must lie in ROOT/CLASS/NAME.png")
    for folder, files in zip(folders, found, strict=True):
        if not files:
            raise UserError(f"{folder}: holds no image; every folder in {root} is a class (ROOT/CLASS/NAME.png)")
    labels = np.repeat(np.arange(len(folders), dtype=np.int64), [len(files) for files in found])
    return Tree(tuple(folder.name for folder in folders), tuple(file for files in found for file in files), labels)


def read_images(files: Sequence[Path], size: int | None, channels: int | None) -> Pixels:
    """Reads and fits every file: `[N, H, W, C]`, see `read_labelled`.

    Args:
        files: at least one path.
        size: see `pixels.fit`.
        channels: see `pixels.fit`.
    """
    return read_labelled(files, np.zeros(len(files), dtype=np.int64), size, channels)[0]


def read_labelled(
    files: Sequence[Path], labels: Integers, size: int | None, channels: int | None
) -> tuple[Pixels, Integers]:
    """Reads and fits every file: images `[N, H, W, C]` and their labels `[N]`; each page of a stack is an image.

    Images are uint8 if none has more than 8 bits per channel, else float32 in [0, 1]. Everything is decoded here,
    before any attack runs, so that a damaged file never ends a run half-way. Before the first image is fitted, it is
    checked that all of them fit into memory.

    Args:
        files: at least one path.
        labels: `[len(files)]`, int64, one label per file.
        size: see `pixels.fit`.
        channels: see `pixels.fit`.

    Raises:
        UserError: a file is damaged (`read_pages`), the images differ in size or channels, or they do not fit into
            memory.
    """
    images: list[Pixels] = []
    owners: list[int] = []
    for place, path in enumerate(files):
        for page in read_pages(path):
            _check_room(len(images), len(files), page, size, channels)
            image = fit(page, size, channels)
            if images and image.shape != images[0].shape:
                raise UserError(_difference(files[owners[0]], images[0], path, image))
            images.append(image)
            owners.append(place)
    if any(image.dtype != np.uint8 for image in images):
        images = [image if image.dtype != np.uint8 else image.astype(np.float32) / 255 for image in images]
    return np.stack(images), labels[owners]


def _check_room(there: int, files: int, page: Pixels, size: int | None, channels: int | None) -> None:
    """Refuses images like `page` if they do not fit: each is in memory alone, and then in the array of all.

    The check is made for all files at the first image, and again for each further page of a stack.
    """
    if 0 < there < files:
        return
    alone, together = (files, files) if there == 0 else (1, there + 1)
    height, width = page.shape[:2] if size is None else (size, size)
    require_memory(
        (alone + together) * fitted_bytes(page, size, channels),
        f"{together} images of {width}x{height}",
        "set data.size=32 (or another side)" if size is None else f"set data.size to less than {size}",
    )


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
