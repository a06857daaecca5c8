"""What CIFAR-10 and CIFAR-100 share (Krizhevsky 2009): 32x32 RGB, 50,000 train and 10,000 test, one archive."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from torchvision import datasets
from torchvision.datasets.utils import check_integrity

from bench.datamodules.pool import Pool
from bench.datamodules.torchvision_set import TorchvisionSet
from bench.download.http import probe


@dataclass(eq=False, repr=False, kw_only=True)
class CIFAR(TorchvisionSet):
    """One split of the dataset that `reader`, a torchvision class, reads; the Python version's batches of pickles.

    No explicit licence; the authors ask for citation (A. Krizhevsky, Learning Multiple Layers of Features from Tiny
    Images, 2009).
    """

    reader: ClassVar[type[datasets.CIFAR10]]
    count: ClassVar[int]

    def folder(self) -> Path:
        """`ROOT/cifar-10-batches-py` or `ROOT/cifar-100-python`."""
        return self._root / self.reader.base_folder

    def files(self) -> dict[str, str | None]:
        """The archive's files, of both splits (torchvision asks for all of them)."""
        batches = dict(self.reader.train_list + self.reader.test_list)
        return {**batches, self.reader.meta["filename"]: self.reader.meta["md5"]}

    def by_hand(self) -> str:
        """Which archive to unpack where."""
        return f"unpack {self.reader.filename} in {self._root}"

    def fetch(self) -> None:
        """Download (unless the archive already lies in `root`) and unpack."""
        if not check_integrity(self._root / self.reader.filename, self.reader.tgz_md5):
            probe(self.reader.url)
        self.reader(self._root, download=True)

    def load(self) -> Pool:
        """Check every file against its MD5, then unpickle the split."""
        self.check_whole()
        read = self.reader(self._root, train=self.split == "train")
        return Pool(read.data, np.array(read.targets, dtype=np.int64), self.count, tuple(read.classes))
