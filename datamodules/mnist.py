"""MNIST (LeCun, Bottou, Bengio, Haffner 1998): handwritten digits, 28x28 gray, 60,000 train and 10,000 test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from torchvision import datasets
from torchvision.datasets.mnist import read_image_file, read_label_file
from torchvision.datasets.utils import check_integrity, download_and_extract_archive

from bench.datamodules.pool import Pool
from bench.datamodules.torchvision_set import TorchvisionSet
from bench.download.http import TROUBLE, probe
from bench.errors import UserError


@dataclass(eq=False, repr=False, kw_only=True)
class MNIST(TorchvisionSet):
    """The digits of one split, read from `ROOT/MNIST/raw/{t10k,train}-{images-idx3,labels-idx1}-ubyte`.

    Source: torchvision's mirrors (MD5 is checked there). Licence: commonly listed as CC BY-SA 3.0. Only the two files
    of the split are needed and downloaded; `prepare()` unpacks `.gz` files that were put into the folder by hand.
    """

    def folder(self) -> Path:
        """The folder `ROOT/MNIST/raw`, as in torchvision."""
        return self._root / "MNIST" / "raw"

    def files(self) -> dict[str, str | None]:
        """The unpacked images and labels of the split; only the packed files have a published checksum."""
        start = "t10k" if self.split == "test" else "train"
        return {f"{start}-images-idx3-ubyte": None, f"{start}-labels-idx1-ubyte": None}

    def fetch(self) -> None:
        """Downloads the files from the first mirror that answers, and unpacks them."""
        wanted = [(f"{name}.gz", dict(datasets.MNIST.resources)[f"{name}.gz"]) for name in self.missing()]
        packed = all(check_integrity(self.folder() / name, checksum) for name, checksum in wanted)
        mirror = datasets.MNIST.mirrors[0] if packed else self._mirror(wanted[0][0])
        for name, checksum in wanted:
            download_and_extract_archive(mirror + name, str(self.folder()), filename=name, md5=checksum)

    def _mirror(self, name: str) -> str:
        trouble: Exception = OSError("no mirror is known")
        for mirror in datasets.MNIST.mirrors:
            try:
                probe(mirror + name)
            except OSError as error:
                trouble = error
            else:
                return mirror
        raise trouble

    def load(self) -> Pool:
        """Reads the two idx files of the split.

        Raises:
            UserError: a file is damaged, or the numbers of images and labels differ.
        """
        images_name, labels_name = self.files()
        images = self._read_idx(images_name)
        labels = self._read_idx(labels_name)
        if len(images) != len(labels):
            raise UserError(
                f"{self.where()}: {images_name} has {len(images)} images, {labels_name} {len(labels)} labels"
            )
        return Pool(images.numpy()[..., None], labels.numpy(), 10, tuple("0123456789"))

    def _read_idx(self, name: str) -> Tensor:
        path = self.folder() / name
        try:
            return read_image_file(str(path)) if "images" in name else read_label_file(str(path))
        except (*TROUBLE, AssertionError, TypeError, KeyError):
            # torchvision's own message only names the tensor operation that failed.
            raise UserError(
                f"{path}: is truncated or corrupt ({path.stat().st_size} bytes, not what an idx header promises); "
                f"delete it and run: {self.command()}"
            ) from None
