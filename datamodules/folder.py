"""Your own images: a tree of class folders (the layout of torchvision's ImageFolder), or a single file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bench.datamodules.checks import check_integer, given_path
from bench.datamodules.images import ImageDataModule
from bench.datamodules.pool import Pool
from bench.datamodules.regular import what_else
from bench.datamodules.tree import list_tree, read_labelled
from bench.errors import UserError

SINGLE_SIDE, SINGLE_CLASSES = 32, 10  # a single file is treated like a CIFAR-10 image unless configured otherwise


@dataclass(eq=False, repr=False, kw_only=True)
class Folder(ImageDataModule):
    """A tree `ROOT/CLASS/[FOLDERS/]NAME.png`, or a single image file.

    Classes are numbered in the order of their names. Folders below a class folder (one per site, say) belong to that
    class, and each page of a TIFF is an example. Files that are no images (SOURCE.txt, MANIFEST.csv) are ignored. All
    images must have the same size and number of channels, unless `size` and `channels` make them so.

    Args:
        root: the folder, or the image file (fitted to 32x32 if `size` is None).
        class_count: None counts the class folders (10 for a single file). A larger number gives the model more classes
            than there are folders.
        label: the class of a single file, >= 0; not used for a folder.
    """

    root: str
    class_count: int | None
    label: int
    public: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.class_count is not None:
            check_integer("data.class_count", self.class_count, 1, "classes, or null to count the folders")
        check_integer("data.label", self.label, 0, "class of a single image file")
        self._root = given_path("data.root", self.root, "a tree CLASS/NAME.png, or one image file")

    @property
    def title(self) -> str:
        """The name of the folder or file itself, such as `cifar10 (folder)`."""
        return f"{self._root.resolve().name} ({self.name})"

    def where(self) -> str:
        """The configured path `root`."""
        return str(self._root)

    def missing(self) -> list[str]:
        """Returns `root` if it does not exist."""
        return [] if self._root.exists() else [str(self._root)]

    def absent(self) -> str:
        """The message for a path that does not exist; there is nothing to prepare."""
        return f"data.root={self._root}: does not exist; {self.by_hand()}"

    def by_hand(self) -> str:
        """The end of a sentence that says what `root` may be."""
        return "data.root must be a folder with images in CLASS/NAME.png, or one image file"

    def fetch(self) -> None:
        """Raises an error, since nothing can be fetched.

        Raises:
            UserError: always.
        """
        raise UserError(self.absent())

    def load(self) -> Pool:
        """Reads every image of the tree, or the single file.

        Raises:
            UserError: a file is damaged, or there are more class folders than `class_count`.
        """
        return self._load_tree() if what_else(self._root) == "a folder" else self._load_file()

    def _load_file(self) -> Pool:
        side = SINGLE_SIDE if self.size is None else self.size
        images, labels = read_labelled([self._root], np.array([self.label], dtype=np.int64), side, self.channels)
        classes = SINGLE_CLASSES if self.class_count is None else self.class_count
        return Pool(images, labels, classes, None)

    def _load_tree(self) -> Pool:
        tree = list_tree(self._root)
        folders = len(tree.class_names)
        if self.class_count is not None and self.class_count < folders:
            raise UserError(f"data.class_count={self.class_count}: {self._root} has {folders} class folders")
        images, labels = read_labelled(tree.files, tree.labels, self.size, self.channels)
        classes = folders if self.class_count is None else self.class_count
        return Pool(images, labels, classes, tree.class_names if classes == folders else None)
