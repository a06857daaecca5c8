"""Real images that installed packages contain; nothing is downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from bench.datamodules.checks import check_word
from bench.datamodules.cifar_classes import CIFAR10_CLASSES, CIFAR100_CLASSES
from bench.datamodules.images import ImageDataModule
from bench.datamodules.pool import Pool
from bench.datamodules.tree import read_images
from bench.errors import UserError

CLASSES = {"mnist": 10, "cifar10": 10, "cifar100": 100}  # class counts of the full datasets
NAMES: dict[str, tuple[str, ...]] = {"cifar10": CIFAR10_CLASSES, "cifar100": CIFAR100_CLASSES}
FACES = 100  # the first 100 of lfw_subset's 200 patches are faces, the others background


@dataclass(eq=False, repr=False, kw_only=True)
class Samples(ImageDataModule):
    """The first 20 test images of MNIST, CIFAR-10 or CIFAR-100 (in foolbox), or 100 faces (in scikit-image).

    The files of foolbox are `data/SET_POSITION_LABEL.png`; labels and numbers of classes are those of the full
    datasets. The file `data/lfw_subset.npy` of scikit-image has 25x25 gray faces from LFW without identities: `classes`
    is None and every label 0, which suffices for pictures and controls. The packages are not imported; only their files
    are read.

    Args:
        set: `mnist`, `cifar10`, `cifar100` or `lfw`.
    """

    set: str

    def __post_init__(self) -> None:
        super().__post_init__()
        check_word("data.set", self.set, (*CLASSES, "lfw"))

    def where(self) -> str:
        """The name of the package that holds the images."""
        return f"the package {self._package()}"

    def missing(self) -> list[str]:
        """Returns what to look for in the package, if it is not there."""
        return [] if self._files() else [f"{self.set} images"]

    def absent(self) -> str:
        """The message for a missing package; there is nothing to prepare."""
        return f"data '{self.title}' is not in {self.where()}; {self.by_hand()}"

    def by_hand(self) -> str:
        """The end of a sentence that says which package to install."""
        return f"run: pip install --force-reinstall {self._package()}"

    def fetch(self) -> None:
        """Raises an error, since only installing the package brings the files.

        Raises:
            UserError: always.
        """
        raise UserError(self.absent())

    def load(self) -> Pool:
        """Reads the images of the set.

        Raises:
            UserError: a file is damaged.
        """
        return self._load_faces() if self.set == "lfw" else self._load_pictures()

    def _package(self) -> str:
        return "scikit-image" if self.set == "lfw" else "foolbox"

    def _files(self) -> list[Path]:
        """Returns the files of the set, in the order of their positions."""
        try:
            listed = metadata.files(self._package()) or []
        except metadata.PackageNotFoundError:
            return []
        start, end = ("lfw_subset", ".npy") if self.set == "lfw" else (f"{self.set}_", ".png")
        paths = [
            Path(str(entry.locate())) for entry in listed if entry.name.startswith(start) and entry.name.endswith(end)
        ]
        return sorted(path for path in paths if path.is_file())

    def _load_pictures(self) -> Pool:
        files = self._files()
        labels = np.array([int(path.stem.split("_")[2]) for path in files], dtype=np.int64)
        return Pool(read_images(files, self.size, self.channels), labels, CLASSES[self.set], NAMES.get(self.set))

    def _load_faces(self) -> Pool:
        path = self._files()[0]
        try:
            faces = np.load(path)[:FACES, :, :, None].astype(np.float32)
        except (OSError, ValueError, EOFError, IndexError) as error:
            raise UserError(f"{path}: is truncated or corrupt ({error}); {self.by_hand()}") from None
        return Pool(faces, np.zeros(len(faces), dtype=np.int64), None, None)
