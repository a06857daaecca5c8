"""What marks a file of a cell as ours."""

import os
from pathlib import Path

SCHEMA = 1
KEY = "leakbench"


def names(folder: Path) -> list[str]:
    """The sorted names in a folder of parts, without files that are being written; empty if there is no folder."""
    return sorted(name for name in os.listdir(folder) if not name.startswith(".")) if folder.is_dir() else []


def version_problem(found: str | None) -> str | None:
    """Why a file with this schema is skipped, the end of a sentence; None if it is read."""
    if found is None:
        return "it was not written by leakbench"
    if found != str(SCHEMA):
        return f"it has schema {found}, this version reads schema {SCHEMA}"
    return None
