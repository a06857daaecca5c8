"""The hash of a file, by which it is known again."""

import hashlib
from pathlib import Path


def sha256(path: Path) -> str:
    """The hash of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
