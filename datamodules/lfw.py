"""Labeled Faces in the Wild (Huang, Ramesh, Berg, Learned-Miller 2007): faces of 5,749 people, 250x250 RGB."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.datamodules.checks import check_integer, given_path
from bench.datamodules.images import ImageDataModule
from bench.datamodules.pool import Pool
from bench.datamodules.tree import Tree, images_in, list_tree, read_labelled, subfolders
from bench.download.http import probe
from bench.errors import UserError

# Where the tree may be under root: root itself, where scikit-learn unpacks it, and the folders of the archives.
PLACES = (
    ".",
    "lfw_home/lfw_funneled",
    "lfw_home/lfw",
    "lfw_funneled",
    "lfw-deepfunneled",
    "lfw-deepfunneled/lfw-deepfunneled",
    "lfw",
)


@dataclass(eq=False, repr=False, kw_only=True)
class LFW(ImageDataModule):
    """A tree `PERSON_NAME/NAME.jpg` in or under `root` (the first of `PLACES` that has one); each person is a class.

    The whole picture is resized, background included, as in the DLG and iDLG papers. There is no explicit licence:
    these are news photographs of real public people, for research and testing only.

    Args:
        root: the tree itself, or the folder for it, into which `prepare()` lets scikit-learn download LFW-funneled.
        min_faces: people with fewer pictures are left out, >= 1; the number of classes is that of the people left.
    """

    root: str
    min_faces: int

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("data.min_faces", self.min_faces, 1, "pictures that a person must have")
        self._root = given_path("data.root", self.root, "an LFW tree PERSON_NAME/NAME.jpg, or the folder to keep it in")

    def _tree_root(self) -> Path | None:
        return next((place for name in PLACES if _has_people(place := self._root / name)), None)

    def where(self) -> str:
        """The tree that was found, or else `root`."""
        return str(self._tree_root() or self._root)

    def missing(self) -> list[str]:
        """Returns `PERSON_NAME/NAME.jpg` if no tree is found."""
        return [] if self._tree_root() else ["PERSON_NAME/NAME.jpg"]

    def by_hand(self) -> str:
        """The end of a sentence that says which files to put where."""
        return f"put the people's folders (PERSON_NAME/NAME.jpg) into {self._root}"

    def fetch(self) -> None:
        """Lets scikit-learn download and unpack LFW-funneled, about 230 MB."""
        from sklearn.datasets import fetch_lfw_people
        from sklearn.datasets._lfw import FUNNELED_ARCHIVE

        probe(FUNNELED_ARCHIVE.url)
        # It also reads and caches pictures; the minimum of 500 leaves one person, so this is quick.
        fetch_lfw_people(data_home=str(self._root), min_faces_per_person=500)

    def load(self) -> Pool:
        """Reads and resizes every picture.

        Raises:
            UserError: no tree is found, a file is damaged, or nobody has `min_faces` pictures.
        """
        root = self._tree_root()
        if root is None:
            raise UserError(self.absent())
        tree = self._enough(list_tree(root))
        images, labels = read_labelled(tree.files, tree.labels, self.size, self.channels)
        return Pool(images, labels, len(tree.class_names), tree.class_names)

    def _enough(self, tree: Tree) -> Tree:
        """Leaves out people with fewer than `min_faces` pictures, and numbers the others again."""
        counts = np.bincount(tree.labels)
        people = np.flatnonzero(counts >= self.min_faces)
        if not len(people):
            raise UserError(
                f"data.min_faces={self.min_faces}: nobody in {self.where()} has more than {counts.max()} pictures"
            )
        kept = np.flatnonzero(np.isin(tree.labels, people))
        return Tree(
            tuple(tree.class_names[person] for person in people),
            tuple(tree.files[index] for index in kept),
            np.searchsorted(people, tree.labels[kept]).astype(np.int64),
        )


def _has_people(folder: Path) -> bool:
    return folder.is_dir() and any(images_in(person) for person in subfolders(folder))
