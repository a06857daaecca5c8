"""Writes an entry: cells as one zip file, with the SHA-256 of each file, that another laboratory can import."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from safetensors.numpy import save

from bench.errors import UserError
from bench.results import document as documents
from bench.results import image_parts, reconstruction_parts, verification
from bench.results.part_format import KEY, SCHEMA
from bench.results.row_files import sentences, without_sentences
from bench.results.store import load
from bench.results.stored_cell import StoredCell
from bench.sharing import archive
from bench.storage.atomic import aside
from bench.storage.provenance import commit, now, versions

_CURVES = ("ids", "curve_at", "curve")


def cells_of(folders: Sequence[Path]) -> list[StoredCell]:
    """The cells in these folders: each is the folder of a cell, or a results folder, which stands for all of its cells.

    Raises:
        UserError: a folder has no cell, or a cell that this version does not read.
    """
    found: dict[str, StoredCell] = {}
    for folder in folders:
        inner = [folder] if (folder / "cell.json").exists() else sorted((folder / "cells").glob("[!.]*"))
        if not inner:
            raise UserError(f"{folder} holds no cell; name a results folder, or a folder in its cells/")
        for one in inner:
            kind = archive.kind_of_folder(one.resolve())
            if kind is None:
                raise UserError(f"{one} is no cell of this version of leakbench")
            try:
                cell = load(one.resolve(), kind)
            except ValueError as problem:
                raise UserError(f"{one}: {problem}") from None
            if cell.folder.name in found and found[cell.folder.name].folder != cell.folder:
                raise UserError(f"{cell.folder.name} is named twice; merge the two folders first (leakbench merge)")
            found[cell.folder.name] = cell
    return [found[name] for name in sorted(found)]


def export(cells: Sequence[StoredCell], target: Path, *, pictures: bool) -> int:
    """Writes the entry in one step, in place of an earlier file of that name.

    Args:
        cells: the cells.
        target: the zip file.
        pictures: whether private examples and their reconstructions go along; without them, scores and curves do.

    Returns:
        The number of files in the entry.

    Raises:
        UserError: a part cannot be read, or the file cannot be written.
    """
    listed: dict[str, dict[str, object]] = {}
    with aside(target, "-o") as temporary, zipfile.ZipFile(temporary, "x", zipfile.ZIP_STORED) as file:
        for cell in cells:
            for name, content in _files(cell, pictures):
                listed[name] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
                file.writestr(zipfile.ZipInfo(name), content)
        manifest = {
            "format": archive.FORMAT,
            "schema": archive.SCHEMA,
            "created": now(),
            "commit": commit(),
            "versions": json.loads(versions()),
            "pictures": pictures,
            "files": listed,
        }
        file.writestr(zipfile.ZipInfo(archive.MANIFEST), documents.dump(manifest))
    return len(listed)


def _files(cell: StoredCell, pictures: bool) -> Iterator[tuple[str, bytes]]:
    """Path in the entry and content of each file of a cell that leakbench wrote."""
    names = ["cell.json", "failed.json", verification.NAME]
    names += sorted(f"parts/{path.name}" for path in cell.parts.glob("[!.]*"))
    try:
        archive.check_cell(cell.folder)
    except ValueError as problem:
        raise UserError(f"{cell.folder}: {problem}") from None
    for name in names:
        path, place = cell.folder / name, f"cells/{cell.folder.name}/{name}"
        if not archive.is_file_of_a_cell(place):
            raise UserError(f"{path} is no file of leakbench; move it away")
        if not path.is_file():
            continue
        content = path.read_bytes() if pictures or not name.startswith("parts/") else _without_pictures(path)
        if content is not None:
            yield place, content


def _without_pictures(path: Path) -> bytes | None:
    """A part without private examples and their reconstructions; None if nothing is left of it."""
    kind = path.name.partition("-")[0]
    if kind == reconstruction_parts.KIND:
        return None
    if kind == image_parts.KIND:
        held = {name: value for name, value in image_parts.read_images(path).items() if name in _CURVES}
        return save(held, metadata={KEY: str(SCHEMA)}) if set(held) == set(_CURVES) else None
    return without_sentences(path)


def holds_pictures(cells: Sequence[StoredCell]) -> bool:
    """Whether any of the cells stores private examples or reconstructions of them."""
    return any(_holds_pictures(path) for cell in cells for path in cell.parts.glob("[!.]*"))


def _holds_pictures(path: Path) -> bool:
    kind = path.name.partition("-")[0]
    if kind == image_parts.KIND:
        return not set(image_parts.read_images(path)) <= set(_CURVES)
    return kind == reconstruction_parts.KIND or bool(sentences(path))
