"""Checks that an offline run of W&B is whole on disk.

Another process (wandb-core) writes the run after `finish` has returned, and does not report a full disk. So the run is
read back. Its file is a log in the format of LevelDB
(https://github.com/google/leveldb/blob/main/doc/log_format.md) after a header of seven bytes. Each record is a protocol
buffer with a running number; the last one says that the run ended.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from pathlib import Path

import wandb
from google.protobuf.message import DecodeError
from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]

_SOON, _TICK = 2.0, 0.02  # seconds within which a run is usually written, and between two looks at it
_MAGIC, _BEGINS = b":W&B", 7
_BLOCK, _HEAD = 32_768, struct.Struct("<IHB")  # bytes per block, and a piece's head: checksum, length, kind
_FULL, _FIRST, _LAST = 1, 2, 4  # the kinds of pieces: a whole record, its first, and its last; 3 is one in between


def settled_fault(file: Path) -> str | None:
    """The `fault` of a finished run, once no process writes it any more."""
    deadline = time.monotonic() + _SOON
    while (found := fault(file)) and time.monotonic() < deadline:
        time.sleep(_TICK)
    if found:
        wandb.teardown()  # it ends the writing process and waits for it
        found = fault(file)
    return found


def fault(file: Path) -> str | None:
    """What a run lacks, in a few words; None if it is whole.

    Args:
        file: the log of the run, `.../offline-run-TIME-ID/run-ID.wandb`.
    """
    try:
        found = list(records(file.read_bytes()))
    except OSError as error:
        return (error.strerror or str(error)).lower()
    except (ValueError, DecodeError):
        return "it breaks off"
    if [record.num for record in found] != list(range(1, len(found) + 1)):
        return "records are missing"
    if not any(record.HasField("exit") for record in found):
        return "its end is missing"
    lost = [path for record in found for path, size in _files(file, record) if not _there(path, size)]
    return f"{lost[0].name} is missing or cut off" if lost else None


def records(data: bytes) -> Iterator[Record]:
    """The records of a log.

    Raises:
        ValueError: `data` is not a log of W&B, or it ends within a record.
        DecodeError: a record cannot be decoded.
    """
    if not data.startswith(_MAGIC):
        raise ValueError("no log of W&B")
    at, pieces = _BEGINS, b""
    while at < len(data):
        if (room := _BLOCK - at % _BLOCK) < _HEAD.size:  # a head is never split between blocks
            at += room
            continue
        if at + _HEAD.size > len(data):
            raise ValueError("cut off")
        _, length, kind = _HEAD.unpack_from(data, at)
        at += _HEAD.size + length
        if not _FULL <= kind <= _LAST or at > len(data):
            raise ValueError("cut off")
        piece = data[at - length : at]
        pieces = piece if kind in (_FULL, _FIRST) else pieces + piece
        if kind in (_FULL, _LAST):
            yield Record.FromString(pieces)
            pieces = b""
    if pieces:
        raise ValueError("cut off")


def _files(file: Path, record: Record) -> Iterator[tuple[Path, int | None]]:
    """The files beside the log that a record names, and their sizes if the record has them."""
    for entry in record.artifact.manifest.contents:
        if entry.local_path:
            yield Path(entry.local_path), entry.size
    for item in record.files.files:
        if item.path.startswith("media/"):  # other files differ between versions of W&B
            yield file.parent / "files" / item.path, None


def _there(path: Path, size: int | None) -> bool:
    return path.is_file() and (size is None or path.stat().st_size == size)
