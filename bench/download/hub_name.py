"""Finds a pretrained model: in a folder, in Hugging Face's cache, or on its hub."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import requests

from bench.errors import UserError
from bench.storage.hashing import sha256

_BRANCH = "main"  # the revision of a name without one
_PATIENCE = 5.0  # seconds for the hub's answer
_READ = frozenset({".json", ".safetensors", ".bin", ".txt", ".model"})  # the files that a model is read from


def located(source: str, key: str) -> tuple[str, dict[str, Any]]:
    """Finds a model and returns the arguments for `from_pretrained` of transformers.

    A model in the cache is used without asking the hub, at the commit that `revision` reports. Otherwise the hub is
    asked once, for a few seconds, because the library itself would try six times and report each attempt.

    Args:
        source: a folder, or a name on the hub: `NAME` (its branch main) or `NAME@REVISION` (a branch, tag or commit).
        key: the config's key that holds `source`, for messages.

    Returns:
        A path or a name, and keyword arguments.

    Raises:
        UserError: the model is in none of the three places, or the hub does not answer.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        return str(folder), {"local_files_only": True}
    name, wanted = _parted(source)
    try:
        from huggingface_hub import constants

        if cached := _cached(name, wanted):
            return name, {"local_files_only": True, "revision": cached.name}
    except ImportError:
        raise UserError("pretrained models need further packages: pip install 'leakbench[text]'") from None
    except ValueError:
        raise UserError(f"{key}={source!r}: no such folder, and no name that a hub could have") from None
    trouble = _ask(f"{constants.ENDPOINT}/{name}/resolve/{wanted or _BRANCH}/config.json")
    if trouble is not None:
        raise UserError(
            f"{key}={source!r}: no such folder, not in Hugging Face's cache, and {trouble}; name a local folder"
            + (", or run: leakbench prepare text, and say model=minilm" if key.startswith("model.") else "")
        )
    return name, {} if wanted is None else {"revision": wanted}


def revision(source: str) -> str | None:
    """The version of the weights: a hash of the folder's files, or the commit in the cache; None if it has neither."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        return _content(folder)
    cached = _in_cache(source)
    return cached.name if cached else None


def provenance(source: str) -> dict[str, str]:
    """The origin of weights: `name`, `commit` (if they are from the hub), and `sha256` of the files.

    It is empty if the weights are neither in a folder nor in the cache.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        return {"name": folder.resolve().name, "sha256": _content(folder)}
    cached = _in_cache(source)
    if cached is None:
        return {}
    return {"name": _parted(source)[0], "commit": cached.name, "sha256": _content(cached)}


def _content(folder: Path) -> str:
    """A SHA-256 over the names and contents of the files in a folder that a model is read from."""
    found = hashlib.sha256()
    for file in sorted(one for one in folder.iterdir() if one.suffix in _READ and one.is_file()):
        found.update(f"{file.name} {sha256(file)};".encode())
    return found.hexdigest()


def _parted(source: str) -> tuple[str, str | None]:
    """The name and the revision of `NAME@REVISION`; the revision is None if there is none."""
    name, _, wanted = source.partition("@")
    return name, wanted or None


def _in_cache(source: str) -> Path | None:
    """`_cached` of `NAME@REVISION`; also None if huggingface_hub is not installed or no hub could have the name."""
    try:
        return _cached(*_parted(source))
    except (ImportError, ValueError):
        return None


def _cached(name: str, wanted: str | None) -> Path | None:
    """The folder of a model in Hugging Face's cache, which is named after the commit; None if it is not there.

    Raises:
        ImportError: huggingface_hub is not installed.
        ValueError: no hub could have such a name.
    """
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "config.json", revision=wanted)
    return Path(found).parent if isinstance(found, str) else None


def _ask(url: str) -> str | None:
    """Says what is wrong at `url`; None if there is a file. It uses a thread, because name look-up has no timeout."""
    found = ["its hub does not answer"]

    def ask() -> None:
        try:
            status = requests.get(url, timeout=_PATIENCE, stream=True).status_code
            found[0] = "" if status < 400 else f"its hub has no such public model (it answers {status})"
        except requests.RequestException as error:
            found[0] = f"its hub cannot be reached ({type(error).__name__})"

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PATIENCE + 1)
    return found[0] or None
