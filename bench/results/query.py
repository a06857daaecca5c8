"""Reads results: the cells of a folder, and their victims, samples and images. It writes and locks nothing.

Only parts that `parts.read` has checked are used, so that a foreign file does no harm and several reports can run
beside a suite. If a victim is in several parts, one DuckDB per process chooses in memory which row counts.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.errors import UserError
from bench.modalities.lookup import modality_of
from bench.results import document as documents
from bench.results import image_parts, parts, score_parts, store
from bench.results.latest import in_order, latest
from bench.results.stored_leak import StoredLeak


@dataclass(frozen=True)
class Listing:
    """The cells of a results folder, and one sentence for each file or folder that was skipped."""

    cells: list[StoredLeak]
    warnings: list[str]


@dataclass(frozen=True)
class Rows:
    """The stored rows of a cell.

    Args:
        victims: one row per victim, by id.
        samples: one row per (victim, position), in order.
        warnings: one sentence per file that was skipped.
    """

    victims: pa.Table
    samples: pa.Table
    warnings: list[str]

    def limit(self, victims: int | None) -> "Rows":
        """Only the victims with an id below `victims` (None: all)."""
        if victims is None:
            return self
        kept = [table.filter(pc.field("victim") < victims) for table in (self.victims, self.samples)]
        return Rows(kept[0], kept[1], self.warnings)

    def slim(self) -> "Rows":
        """The rows without most columns that record how the work went, so that many cells' rows fit into memory."""
        wanted = ("victim", "status", "batch_size", "part", "evaluations", "iterations", "seconds", "member")
        kept = [name for name in self.victims.column_names if name in wanted]
        return Rows(self.victims.select(kept), self.samples.drop_columns(["part", "stored"]), self.warnings)


@dataclass(frozen=True)
class VictimImages:
    """The pictures of one victim.

    Args:
        victim: its id.
        truth: the private images, `[B, C, H, W]` in [0, 1].
        guess: the reconstructions, `[B, C, H, W]` in [0, 1].
        moments: `[M]`, numbers of iterations; -1 marks an unused place.
        images: `[M, B, C, H, W]`, the iterates at these moments.
        curve_at: `[K]`, numbers of iterations; -1 marks an unused place.
        curve: `[K]`, the attacker's objective at these iterations.
    """

    victim: int
    truth: np.ndarray
    guess: np.ndarray
    moments: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    images: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0, 0, 0), np.float16))
    curve_at: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    curve: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))


@dataclass(frozen=True)
class Sentence:
    """One private sentence in words, and its reconstruction.

    Args:
        victim: the victim's id.
        position: the place of the sentence in the batch.
        truth: the private sentence as the model's tokeniser spells it.
        guess: the reconstruction, with `?` for a token that is not claimed; None if there is no reconstruction.
        trace: `(iteration, sentence)` at the stored moments, in order; empty if the attack keeps no trace.
    """

    victim: int
    position: int
    truth: str
    guess: str | None
    trace: list[tuple[int, str]]


@dataclass(frozen=True)
class Curve:
    """The attacker's objective on one victim.

    Args:
        victim: the victim's id.
        at: `[K]`, numbers of iterations; -1 marks an unused place.
        values: `[K]`, the objective at these iterations.
    """

    victim: int
    at: np.ndarray
    values: np.ndarray


def require_folder(root: Path) -> None:
    """Refuses a results folder that does not exist.

    Raises:
        UserError: it is not a folder.
    """
    if not root.is_dir():
        raise UserError(f"no results folder at {root}; name one (leakbench report DIR) or run: leakbench suite quick")


def cells(root: Path) -> Listing:
    """The cells below `root`, in the order of their folders' names.

    Raises:
        UserError: `root` is not a folder that can be read.
    """
    root = Path(root)
    require_folder(root)
    try:
        found, warnings = store.cells(root, StoredLeak)
        strays = sorted(path for depth in ("", "cells/", "cells/*/") for path in root.glob(f"{depth}[!.]*.parquet"))
        warnings += [f"skipped {folder}: {problem}" for folder, problem in _of_no_kind(root)]
    except OSError as error:
        raise UserError(f"cannot read {root}: {error.strerror or error}; check its permissions") from error
    warnings += [f"skipped {path}: no result of leakbench lies there" for path in strays]
    strange = {cell.folder: problem for cell in found if (problem := _of_no_modality(cell)) is not None}
    warnings += [f"skipped {folder}: {problem}" for folder, problem in strange.items()]
    return Listing([cell for cell in found if cell.folder not in strange], warnings)


def _of_no_modality(cell: StoredLeak) -> str | None:
    """What is wrong with the kind of data that a cell names; None if this installation knows it."""
    try:
        modality_of(cell.facts)
    except UserError as problem:
        return str(problem)
    return None


def _of_no_kind(root: Path) -> Iterator[tuple[Path, str]]:
    """The folders that no kind of cell of this version reads: among the cells, or where earlier versions put trainings.

    Yields:
        The folder, and what is wrong with it.
    """
    for folder in sorted(path for path in (root / "cells").glob("[!.]*") if path.is_dir()):
        if folder.name.startswith(f"{StoredLeak.kind}-"):
            continue
        try:
            kind = documents.read(folder / "cell.json").get("kind")
        except FileNotFoundError:
            yield folder, "it has no cell.json"
        except ValueError as problem:
            yield folder, str(problem)
        else:
            if not isinstance(kind, str) or not folder.name.startswith(f"{kind}-"):
                yield folder, "this version of leakbench did not write it: run the same command again"
    if (root / "prices").is_dir():
        yield root / "prices", "this version of leakbench keeps trainings in cells/: train again"


def rows(cell: StoredLeak) -> Rows:
    """Reads the rows of a cell; each victim and each sample occurs once, with the scores that were added later."""
    return _rows(parts.read(cell.parts))


def victims(cell: StoredLeak) -> pa.Table:
    """Reads one row per victim, by id.

    The columns are those of `StoredLeak.append`, and `part` and `stored` (nanoseconds since 1970).
    """
    return chosen(parts.read(cell.parts))[0]


def samples(cell: StoredLeak) -> pa.Table:
    """Reads one row per (victim, position), in order.

    The columns are those of `StoredLeak.append`; metrics are float64 with nulls.
    """
    return rows(cell).samples


def images(cell: StoredLeak, n: int | None = None, stored: Rows | None = None) -> list[VictimImages]:
    """Reads the pictures of the first victims that have some, by id.

    Args:
        cell: the cell.
        n: the number of victims; None for all.
        stored: the rows of the cell, if they have been read already.
    """
    found = _tensors(cell, "truth", stored)
    return [VictimImages(victim, **values) for victim, values in itertools.islice(found, n)]


def curves(cell: StoredLeak, n: int | None = None, stored: Rows | None = None) -> list[Curve]:
    """Reads the objective of the first victims for which it is stored, by id.

    Args:
        cell: the cell.
        n: the number of victims; None for all.
        stored: the rows of the cell, if they have been read already.
    """
    found = itertools.islice(_tensors(cell, "curve", stored), n)
    return [Curve(victim, values["curve_at"], values["curve"]) for victim, values in found]


def sentences(cell: StoredLeak, stored: Rows | None = None) -> list[Sentence]:
    """Reads the sentences that are stored in words, by victim and position; empty for a cell of images.

    Args:
        cell: the cell.
        stored: the rows of the cell, if they have been read already.
    """
    table = (stored or rows(cell)).samples
    if "text" not in table.column_names:
        return []
    return [
        Sentence(row["victim"], row["position"], row["text"], row["text_guess"], _trace(row["text_trace"]))
        for row in table.select(["victim", "position", "text", "text_guess", "text_trace"]).to_pylist()
        if row["text"] is not None
    ]


def shown(cell: StoredLeak, stored: Rows | None = None) -> dict[tuple[int, int], tuple[Any, Any]]:
    """The stored examples, `{(victim, position): (truth, reconstruction)}`: images `[C, H, W]`, or sentences in words.

    Args:
        cell: the cell.
        stored: the rows of the cell, if they have been read already.
    """
    spoken = {(one.victim, one.position): (one.truth, one.guess) for one in sentences(cell, stored)}
    return spoken or {
        (one.victim, position): (truth, guess)
        for one in images(cell, stored=stored)
        for position, (truth, guess) in enumerate(zip(one.truth, one.guess))
    }


def _trace(text: str | None) -> list[tuple[int, str]]:
    return [(at, sentence) for at, sentence in json.loads(text or "[]")]


def _tensors(cell: StoredLeak, wanted: str, stored: Rows | None = None) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Yields each victim, by id, whose stored tensors include the one named `wanted`, with all its tensors."""
    chosen = (stored or rows(cell)).victims
    pictures, _ = image_parts.images(cell.parts)
    tensors: dict[str, dict[str, np.ndarray]] = {}
    for victim, part in zip(chosen["victim"].to_pylist(), chosen["part"].to_pylist()):
        if part not in pictures:
            continue
        if part not in tensors:
            tensors[part] = image_parts.read_images(pictures[part])
        at = np.flatnonzero(tensors[part]["ids"] == victim)
        if len(at) and wanted in tensors[part]:
            yield victim, {key: value[at[0]] for key, value in tensors[part].items() if key != "ids"}


def chosen(checked: parts.Parts) -> tuple[pa.Table, pa.Table]:
    """The rows of victims and samples that count, without added scores."""
    # The parts of one cell may differ in their metrics, for example if a backbone was missing at first.
    victims, samples = (
        pa.concat_tables(list(found.values()) or [parts.empty(kind)], promote_options="default").combine_chunks()
        for kind, found in (("victims", checked.victims), ("samples", checked.samples))
    )
    return in_order(victims, samples) or latest(victims, samples)


def _rows(checked: parts.Parts) -> Rows:
    victims, samples = chosen(checked)
    return Rows(victims, score_parts.joined(samples, checked.scores.values()), checked.warnings)
