"""Parts of reconstructions: safetensors files with what an attack returned, so that it can be scored again later."""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from bench.errors import UserError
from bench.results.part_format import KEY, SCHEMA, tensor_files

KIND = "reconstructions"
LARGE = 300_000_000  # bytes from which on a cell's reconstructions are announced before the start
_TENSORS = ("ids", "inputs", "labels")
_DIGEST = "sha256"  # of the tensors, because a safetensors file has no checksum of its own
_FLOATS = (np.float32, np.float64)


def reconstructions(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The readable parts of reconstructions, `{part id: file}`, and a sentence for each file that was skipped."""
    return tensor_files(folder, KIND, _TENSORS)


def packed(tensors: Mapping[str, np.ndarray]) -> bytes:
    """The content of a part of reconstructions.

    Args:
        tensors: `ids` `[V]`; `inputs` `[V, B, C, H, W]` of images, `[V, B, F]` of rows or `[V, B, C, T]` of series, as
            the attack returned them, or integers `[V, B, T]` of sentences, the tokens (-1: no claim); `labels` `[V, B]`
            (-1: no claim).

    Raises:
        ValueError: a tensor does not have this form.
    """
    if set(tensors) != set(_TENSORS):
        raise ValueError(f"reconstructions: want the tensors {', '.join(_TENSORS)}, got {', '.join(sorted(tensors))}")
    ids, inputs, labels = (np.ascontiguousarray(tensors[name]) for name in _TENSORS)
    if inputs.dtype not in _FLOATS:
        # float64 stays as it is, because rounded values would not have the scores that the run has stored.
        inputs = inputs.astype(np.int32 if np.issubdtype(inputs.dtype, np.integer) else np.float32)
    kept = {"ids": ids.astype(np.int64), "inputs": inputs, "labels": labels.astype(np.int64)}
    if problem := _fault(kept):
        raise ValueError(f"reconstructions: {problem}")
    return save(kept, metadata={KEY: str(SCHEMA), _DIGEST: _digest(kept)})


def read_reconstructions(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a part of reconstructions, `{name: array}`; `packed` describes them.

    Raises:
        ValueError: the file is corrupt; the message says how.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            found = {name: file.get_tensor(name) for name in _TENSORS}
            digest = (file.metadata() or {}).get(_DIGEST)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"it is corrupt ({str(error).splitlines()[0]})") from None
    if digest != _digest(found):
        raise ValueError("it is corrupt (its checksum does not match)")
    if problem := _fault(found):
        raise ValueError(f"it was not written by leakbench ({problem})")
    return found


def _digest(tensors: Mapping[str, np.ndarray]) -> str:
    found = hashlib.sha256()
    for name in _TENSORS:
        found.update(f"{name} {tensors[name].dtype} {tensors[name].shape};".encode())
        found.update(np.ascontiguousarray(tensors[name]).tobytes())
    return found.hexdigest()


def _fault(tensors: Mapping[str, np.ndarray]) -> str | None:
    ids, inputs, labels = (tensors[name] for name in _TENSORS)
    if ids.ndim != 1 or len(np.unique(ids)) < len(ids):
        return f"ids: want [V], each once, got {list(ids.shape)}"
    if inputs.ndim not in (3, 4, 5) or len(inputs) != len(ids):
        want = ", ".join(f"[{len(ids)}, B, {rest}]" for rest in ("C, H, W", "C, T", "F"))
        return f"inputs: want {want} or [{len(ids)}, B, T], got {list(inputs.shape)}"
    if inputs.dtype not in ((np.int32, *_FLOATS) if inputs.ndim == 3 else _FLOATS):
        return f"inputs: {inputs.dtype} does not go with {list(inputs.shape)}"
    if labels.shape != inputs.shape[:2]:
        return f"labels: want {list(inputs.shape[:2])}, got {list(labels.shape)}"
    return None


def size(victims: int, batch_size: int, numbers: int) -> int:
    """The bytes that the reconstructions of a cell take on the disk; the headers of the files are not counted.

    Args:
        victims: how many victims are still to be stored.
        batch_size: B, the examples in each victim's batch.
        numbers: the pixel values of an image, or the tokens of a sentence.
    """
    return victims * batch_size * numbers * 4


def free(folder: Path) -> int:
    """The free bytes of the disk that holds `folder`, or will hold it."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free


def announcement(needed: int, available: int) -> str | None:
    """What the user must know before the start of a cell; None if its reconstructions take less than `LARGE` bytes.

    Args:
        needed: the bytes that the reconstructions take.
        available: the free bytes of the disk that will hold them.

    Raises:
        UserError: the reconstructions are large, and do not fit.
    """
    if needed < LARGE:
        return None
    words = f"the reconstructions of this cell take {_words(needed)} of disk, and {_words(available)} are free"
    if needed > available:
        raise UserError(f"{words}; make room, choose another folder with results=DIR, or say {_KEEP_NONE}")
    return f"{words} ({_KEEP_NONE} keeps none)"


_KEEP_NONE = "report.reconstructions=none"


def _words(count: int) -> str:
    """A number of bytes in MB or GB.

    >>> _words(300_000_000), _words(12_345_678_901)
    ('300 MB', '12.3 GB')
    """
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
