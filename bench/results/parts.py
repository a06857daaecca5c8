"""Writes and checks the files of a cell: parquet parts of victims and samples, and safetensors parts with tensors.

One append makes up to four files that share an id: `reconstructions-ID.safetensors`, `images-ID.safetensors`,
`samples-ID.parquet` and `victims-ID.parquet`. They are written in this order, so that all of them exist whenever a
victim's row can be read. Scores that are added later are in files of their own (see `bench.results.score_parts`).
"""

import os
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save

from bench.results import image_parts, reconstruction_parts, score_parts
from bench.results.part_format import FOREIGN, KEY, SCHEMA, WORK, names, number, read_table, table_of, write_table
from bench.storage.atomic import write_bytes

# Words of messages.Status that mean that the machine failed, and not the attack (a test compares the two).
AGAIN = frozenset({"out_of_memory", "error"})

_STAMP = [("part", pa.string()), ("stored", pa.int64())]
_VICTIM = [
    ("victim", pa.int64()),
    ("status", pa.string()),
    ("reason", pa.string()),
    ("objective", pa.float64()),
    ("iterations", pa.int64()),
    ("evaluations", pa.int64()),
    ("seconds", pa.float64()),
    ("repeats", pa.int64()),
    ("batch_size", pa.int64()),
    ("rank", pa.int64()),
    *WORK,
]
# The origin of data and weights as JSON: repository, commit and hash.
_ORIGINS = [("sources", pa.string())]
# The name of the attack whose claim an ensemble returned (see `Reconstruction.member`).
_MEMBER = [("member", pa.string())]
_SAMPLE = [(name, pa.int64()) for name in ("victim", "position", "sample", "label", "label_guess")]
# The sentences of the first victims, if a part has any: the truth, the reconstruction (null: no claim), and the trace
# `[[iteration, sentence], ...]` as JSON (null: no trace).
_TEXTS = [(name, pa.string()) for name in ("text", "text_guess", "text_trace")]
_REQUIRED = {"victims": ("victim", "status", "batch_size"), "samples": tuple(name for name, _ in _SAMPLE)}
_COLUMNS = {"victims": _VICTIM + _STAMP, "samples": _SAMPLE + _STAMP, score_parts.KIND: score_parts.COLUMNS}
_TENSORS = (image_parts.KIND, reconstruction_parts.KIND)
_COUNTED = ("victim", "status")  # the columns whose statistics `stored` reads from a footer
_NO_METRICS = frozenset(name for name, _ in _COLUMNS["samples"] + _TEXTS)


@dataclass
class Parts:
    """The readable parts of a cell.

    Args:
        victims: the tables of victims, `{part id: table}`.
        samples: the tables of samples, `{part id: table}`.
        scores: the tables of added scores, `{id of the file: table}`.
        images: the files of images, `{part id: path}`.
        reconstructions: the files of reconstructions, `{part id: path}`.
        warnings: one sentence per file that was skipped.
    """

    victims: dict[str, pa.Table] = field(default_factory=dict)
    samples: dict[str, pa.Table] = field(default_factory=dict)
    scores: dict[str, pa.Table] = field(default_factory=dict)
    images: dict[str, Path] = field(default_factory=dict)
    reconstructions: dict[str, Path] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def write(
    folder: Path,
    victim_rows: Sequence[Mapping[str, Any]],
    sample_rows: Sequence[Mapping[str, Any]],
    images: Mapping[str, np.ndarray] | None,
    reconstructions: Mapping[str, np.ndarray] | None = None,
) -> str:
    """Writes one append to a folder of parts.

    Args:
        folder: the folder of the parts.
        victim_rows: one row per victim (see `StoredLeak.append`).
        sample_rows: one row per sample (see `StoredLeak.append`).
        images: the tensors to show (see `StoredLeak.append`), or None.
        reconstructions: what the attack returned (see `bench.results.reconstruction_parts.packed`), or None.

    Returns:
        The id of the append, which is a part of the files' names.

    Raises:
        ValueError: a row or a tensor does not have the form that `StoredLeak.append` describes.
        UserError: the folder cannot be written.
    """
    part = uuid.uuid4().hex
    stamp = {"part": part, "stored": time.time_ns()}
    _check_rows(victim_rows, sample_rows)
    metrics = _metrics(sample_rows)
    further = [one for one in _ORIGINS + _MEMBER if any(one[0] in row for row in victim_rows)]
    texts = _TEXTS if any(name in row for row in sample_rows for name, _ in _TEXTS) else []
    victims = table_of([{**row, **stamp} for row in victim_rows], _COLUMNS["victims"] + further)
    samples = table_of(
        [{**row, **{name: number(row.get(name)) for name in metrics}, **stamp} for row in sample_rows],
        _COLUMNS["samples"] + texts + [(name, pa.float64()) for name in metrics],
    )
    if reconstructions is not None:
        if sorted(reconstructions["ids"].tolist()) != sorted(row["victim"] for row in victim_rows):
            raise ValueError("reconstructions: want those of the victims of this append")
        content = reconstruction_parts.packed(reconstructions)
        write_bytes(folder / f"{reconstruction_parts.KIND}-{part}.safetensors", content)
    if images is not None:
        content = save(image_parts.image_tensors(images), metadata={KEY: str(SCHEMA)})
        write_bytes(folder / f"{image_parts.KIND}-{part}.safetensors", content)
    for kind, table in (("samples", samples), ("victims", victims)):
        write_table(folder / f"{kind}-{part}.parquet", table, _COUNTED)
    return part


def read(folder: Path) -> Parts:
    """Reads every part in `folder`; a file that is foreign, old or corrupt is left out and named in `warnings`.

    A part of victims counts only with its part of samples. Without it the scores are lost, so the victims are attacked
    again.
    """
    parts = Parts()
    parts.images, parts.warnings = image_parts.images(folder)
    parts.reconstructions, warnings = reconstruction_parts.reconstructions(folder)
    parts.warnings += warnings
    for name in names(folder):
        stem, suffix = os.path.splitext(name)
        kind, _, part = stem.partition("-")
        problem = None
        if suffix == ".parquet":
            table, problem = _read_table(folder / name, kind)
            if table is not None:
                getattr(parts, kind)[part] = table
        elif suffix != ".safetensors":
            problem = "it is not a file of leakbench"
        elif kind not in _TENSORS:
            problem = FOREIGN
        if problem:
            parts.warnings.append(f"skipped {folder / name}: {problem}")
    for part in sorted(parts.victims.keys() - parts.samples.keys()):
        del parts.victims[part]
        parts.warnings.append(f"skipped {folder / f'victims-{part}.parquet'}: its samples cannot be read")
    return parts


def stored(folder: Path) -> set[int] | None:
    """The ids of the victims in `folder` that need no more work, from the footers of the parts of victims.

    This serves readers that want to know how far the work is, and no score: reading a footer takes a tenth of the time
    of reading a part. No checksum of a page is verified.

    Returns:
        The ids; None if the footers are not enough and `read` is needed. This is so if a part is not whole or not
        written by leakbench, if its ids have gaps, if a victim is in two parts, or if a status may be one under which a
        victim is tried again.
    """
    found = set(names(folder))
    ids: set[int] = set()
    for name in found:
        kind, _, part = name.partition("-")
        if kind in ("samples", score_parts.KIND, *_TENSORS):
            continue
        if kind != "victims" or f"samples-{part}" not in found:
            return None
        span = _span(folder / name)
        if span is None or not ids.isdisjoint(span):
            return None
        ids.update(span)
    return ids


def _span(path: Path) -> range | None:
    """The ids in a part of victims if all are done, from its footer; None if the footer does not show this."""
    try:
        footer = pq.read_metadata(pa.BufferReader(path.read_bytes()))
    except (pa.ArrowException, OSError):
        return None
    if (footer.metadata or {}).get(KEY.encode()) != str(SCHEMA).encode() or footer.num_row_groups != 1:
        return None
    names = footer.schema.names
    known, further = ([name for name, _ in group] for group in (_COLUMNS["victims"], _ORIGINS + _MEMBER))
    if names != known + [name for name in further if name in names]:
        return None
    ids, words = (footer.row_group(0).column(names.index(name)).statistics for name in _COUNTED)
    if not all(one is not None and one.has_min_max for one in (ids, words)):
        return None
    # Any word that the alphabet puts between the least and the greatest may be in a row.
    if any(words.min <= word <= words.max for word in AGAIN) or ids.max - ids.min + 1 != footer.num_rows:
        return None
    return range(ids.min, ids.max + 1)


def empty(kind: str) -> pa.Table:
    """A table of `victims` or `samples` without rows."""
    return table_of([], _COLUMNS[kind])


def metric_names(samples: pa.Table) -> list[str]:
    """The metric columns of a table of samples."""
    return [name for name in samples.column_names if name not in _NO_METRICS]


def _check_rows(victim_rows: Sequence[Mapping[str, Any]], sample_rows: Sequence[Mapping[str, Any]]) -> None:
    known = {name for name, _ in _VICTIM + _ORIGINS + _MEMBER}
    for kind, rows in (("victims", victim_rows), ("samples", sample_rows)):
        for row in rows:
            missing = [name for name in _REQUIRED[kind] if row.get(name) is None]
            if missing:
                raise ValueError(f"a row of {kind} lacks {', '.join(missing)}: {dict(row)}")
    for row in victim_rows:
        if unknown := sorted(row.keys() - known):
            raise ValueError(f"a row of victims has unknown columns: {', '.join(unknown)}")
    ids = [row["victim"] for row in victim_rows]
    places = [(row["victim"], row["position"]) for row in sample_rows]
    if len(set(ids)) < len(ids) or len(set(places)) < len(places):
        raise ValueError("a victim or a sample occurs twice in one append")
    sizes = {row["victim"]: row["batch_size"] for row in victim_rows}
    if beyond := [place for place in places if not 0 <= place[1] < sizes.get(place[0], place[1] + 1)]:
        raise ValueError(f"positions outside their batch: (victim, position) {beyond}")
    if strays := sorted({victim for victim, _ in places} - set(ids)):
        raise ValueError(f"samples of victims {strays} come without their victims")


def _metrics(sample_rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted({name for row in sample_rows for name in row} - _NO_METRICS)


def _read_table(path: Path, kind: str) -> tuple[pa.Table | None, str | None]:
    if kind not in _COLUMNS:
        return None, FOREIGN
    table, problem = read_table(path)
    if table is None:
        return None, problem
    types = dict(zip(table.schema.names, table.schema.types))
    wrong = [name for name, kept in _COLUMNS[kind] if types.get(name) != kept]
    if kind == "victims":
        wrong += [name for name, kept in _ORIGINS + _MEMBER if types.get(name, kept) != kept]
    if kind == "samples":
        wrong += [name for name, kept in _TEXTS if types.keys() & dict(_TEXTS) and types.get(name) != kept]
        wrong += [name for name in metric_names(table) if types[name] != pa.float64()]
    if kind == score_parts.KIND:
        own = score_parts.metric_names(table)
        wrong += [name for name in own if name in _NO_METRICS or types[name] != pa.float64()]
    if wrong:
        return None, f"its columns are not leakbench's ({', '.join(wrong)})"
    return table, None
