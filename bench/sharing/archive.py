"""Reads an entry (`entry.zip`), which anybody may have written: everything is checked before a result is taken from it.

An entry is a zip file without compression, so that it never holds more than its own size. It holds `manifest.json` and
the files of cells under the names that leakbench gives them. No file in it is executed or unpickled: records are JSON,
rows are parquet, tensors are safetensors.
"""

from __future__ import annotations

import hashlib
import re
import stat
import struct
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.errors import UserError
from bench.results import document as documents
from bench.results import verification
from bench.results.kinds import KINDS
from bench.results.store import load
from bench.results.stored_cell import StoredCell

MANIFEST, FORMAT, SCHEMA = "manifest.json", "leakbench entry", 1
_KINDS = {kind.kind: kind for kind in KINDS}
MOST_FILES = 50_000
_DIRECTORY = 32 * 2**20  # bytes of the list of files within a zip file
_ROWS, _CELLS = 10_000_000, 2**31  # of a parquet file: rows, and bytes after decompression
_ID = "[0-9a-f]{32}"
_FILE = re.compile(
    rf"cells/(?P<cell>(?:{'|'.join(_KINDS)})-[A-Za-z0-9._-]{{1,200}}-[0-9a-f]{{16}})/"
    rf"(?:cell\.json|failed\.json|{re.escape(verification.NAME)}"
    rf"|parts/(?:(?:victims|samples|scores|labels|run\d{{1,9}})-{_ID}\.parquet"
    rf"|(?:images|reconstructions)-{_ID}\.safetensors))"
)


def is_file_of_a_cell(name: str) -> bool:
    """Whether a path in an entry is one that leakbench gives to a file of a cell."""
    return _FILE.fullmatch(name) is not None


def unpack(path: Path, folder: Path) -> list[Path]:
    """Checks an entry and writes its cells below `folder`, an empty folder of the caller's.

    Args:
        path: the entry.
        folder: where `cells/` is made. The caller removes it if the entry is refused.

    Returns:
        The folders of the cells, in order.

    Raises:
        UserError: the file is not an entry of leakbench; one line says what is wrong with it.
    """
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as file:
            members = _members(path, file)
            manifest = _manifest(file, members, folder)
            for name, info in members.items():
                if name != MANIFEST:
                    _extract(file, info, folder / name, manifest[name])
        cells = sorted({folder / Path(name).parts[0] / Path(name).parts[1] for name in manifest})
        for cell in cells:
            check_cell(cell)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError, struct.error) as problem:
        why = getattr(problem, "strerror", None) or " ".join(str(problem).split()) or type(problem).__name__
        raise UserError(f"{path} is refused: {why}; nothing was taken from it") from None
    return cells


def _check_directory(path: Path) -> None:
    """Refuses a list of files that would take long to read; `zipfile` reads it as a whole before anything else."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is not a file")
    with path.open("rb") as file:
        file.seek(max(0, found.st_size - 2**16 - 22))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise ValueError("it is not a zip file")
    sizes = [struct.unpack_from("<L", tail, at + 12)[0]]
    before = tail.rfind(b"PK\x06\x06", 0, at)  # the record of a zip file with more files or bytes than 32 bits count
    if before >= 0 and len(tail) - before >= 56:
        sizes = [struct.unpack_from("<Q", tail, before + 40)[0]]
    if max(sizes) > _DIRECTORY:
        raise ValueError("it holds too many files")


def _members(path: Path, file: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files of an entry by name, judged by what the zip file says of them.

    Raises:
        ValueError: one of them is none of leakbench's.
    """
    found = file.infolist()
    if len(found) > MOST_FILES:
        raise ValueError(f"it holds {len(found):,} files, {MOST_FILES:,} at most are read")
    for info in found:
        if problem := _fault(info):
            raise ValueError(f"{info.orig_filename[:80]!r} {problem}")
    twice = [name for name, count in Counter(info.filename.casefold() for info in found).items() if count > 1]
    if twice:
        raise ValueError(f"it holds {twice[0]!r} twice")
    if sum(info.file_size for info in found) > path.stat().st_size:
        raise ValueError("its files are larger than the archive")
    return {info.filename: info for info in found}


def _fault(info: zipfile.ZipInfo) -> str | None:
    """What is wrong with a file of an entry, the end of a sentence; None if nothing is."""
    name, mode = info.orig_filename, info.external_attr >> 16
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "is an absolute path"
    if ".." in re.split(r"[/\\]", name):
        return "leads out of its folder"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "is a link or another special file"
    if info.flag_bits & 1:
        return "is encrypted"
    if info.filename != name or (name != MANIFEST and not is_file_of_a_cell(name)):
        return "is no file of leakbench"
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        return "is compressed, and an entry is not"
    if name.endswith(".json") and info.file_size > documents.LARGEST:
        return f"is larger than {documents.LARGEST // 2**20} MiB"
    return None


def _manifest(file: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], folder: Path) -> dict[str, dict[str, Any]]:
    """The files that the manifest lists, `{name: {sha256, size}}`.

    Args:
        file: the entry.
        members: its files.
        folder: where the manifest is written to and read from.

    Raises:
        ValueError: it is missing or foreign, or lists other files than the archive holds.
    """
    if MANIFEST not in members:
        raise ValueError(f"it has no {MANIFEST}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_bytes(file.read(members[MANIFEST]))
    found = documents.read(folder / MANIFEST)
    shape = {"format": str, "schema": int, "files": {...: {"sha256": str, "size": int}}}
    if (fault := documents.wrong(found, shape)) or found.get("format") != FORMAT:
        raise ValueError(f"its {MANIFEST} was not written by leakbench{f' ({fault})' if fault else ''}")
    if found.get("schema") != SCHEMA:
        raise ValueError(f"it has schema {str(found.get('schema'))[:20]}, this version reads schema {SCHEMA}")
    listed: dict[str, dict[str, Any]] = found.get("files") or {}
    odd = sorted(listed.keys() ^ (members.keys() - {MANIFEST}))
    if odd or not listed:
        raise ValueError(f"its {MANIFEST} and its files differ ({odd[0][:80]!r})" if odd else "it holds no cell")
    for name, facts in listed.items():
        if not facts or facts.get("size") != members[name].file_size:
            raise ValueError(f"{name!r} has another size than its {MANIFEST} says")
    return listed


def _extract(file: zipfile.ZipFile, info: zipfile.ZipInfo, place: Path, facts: dict[str, Any]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with file.open(info) as source, place.open("xb") as target:
        while chunk := source.read(2**20):
            size += len(chunk)
            digest.update(chunk)
            target.write(chunk)
    if size != info.file_size or digest.hexdigest() != facts.get("sha256"):
        raise ValueError(f"{info.filename!r} was changed: its SHA-256 is not that of the {MANIFEST}")


def kind_of_folder(folder: Path) -> type[StoredCell] | None:
    """The kind of the cell in a folder, by the folder's name; None if this version has no such kind."""
    return _KINDS.get(folder.name.partition("-")[0])


def check_cell(folder: Path) -> None:
    """Refuses a cell that this version does not read whole.

    Raises:
        ValueError: its record or one of its parts was not written by leakbench.
    """
    kind = kind_of_folder(folder)
    assert kind is not None
    cell = load(folder, kind)
    if folder.name != f"{cell.kind}-{cell.slug}-{cell.identity}":
        raise ValueError(f"{folder.name!r} is not the name of the cell in it")
    verification.read(folder)
    for path in sorted(cell.parts.glob("*.parquet")):
        _check_size(path)
    if fault := cell.fault():
        raise ValueError(fault.replace(str(folder.parent), "cells"))


def _check_size(path: Path) -> None:
    """Refuses a parquet file that would fill the memory when it is read."""
    try:
        footer = pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path.name!r} is corrupt ({str(error).splitlines()[0]})") from None
    groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
    if footer.num_rows > _ROWS or sum(group.total_byte_size for group in groups) > _CELLS:
        raise ValueError(f"{path.name!r} is larger than its rows can be")
