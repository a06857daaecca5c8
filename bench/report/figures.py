"""A picture a cell: a line a private image, with the truth, the reconstruction, and how it came about."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.report import drawn
from bench.report.ended import in_words
from bench.report.table import number
from bench.results import image_parts, query
from bench.results.query import Rows, VictimImages
from bench.results.stored_leak import StoredLeak
from bench.terminal.printable import drawable_lines

MOMENTS = 8
_LINES = 16
_DPI = 100
# Pixels on the page: an image is enlarged by a whole factor to about _SIDE, so that each of its pixels is a square.
_SIDE, _GAP, _CAPTION, _MARGIN, _LABELS, _TITLE = 112, 8, 17, 14, 154, 44
# Between the reconstruction and the moments that led to it.
_STEP = 14
# Of a sample, what stands beside its pictures.
_SHOWN = ("victim", "position", "label", "label_guess", "mse")
_NOT_FINITE = (0.84, 0.15, 0.16)
_FONT = {"fontsize": 9, "fontfamily": "DejaVu Sans"}


@dataclass(frozen=True)
class PictureRow:
    """One private image: its words at the left and its pictures `[H, W, 3]`, each with a caption."""

    words: list[str]
    pictures: list[tuple[str, np.ndarray]]


def stamp(cell: StoredLeak, rows: Rows) -> str | None:
    """What the picture of a cell follows from (see `drawn`); None where it has no images."""
    found = pictured(cell, rows)
    return None if found is None else drawn.stamp("grid", cell.facts["labels"], found)


def pictured(cell: StoredLeak, rows: Rows) -> list[Any] | None:
    """What stands beside the images that are stored, and which images these are; None where there are none.

    Parts are written once, so that a part's name and size stand for its images.
    """
    pictures, _ = image_parts.images(cell.parts)
    victims = [one for one in _plain(rows.victims, ["victim", "part", "status"]) if one[1] in pictures]
    if not victims:
        return None
    named = [name for name in _SHOWN if name in rows.samples.column_names]
    chosen = pc.is_in(rows.samples["victim"], pa.array([one[0] for one in victims], pa.int64()))
    samples = _plain(rows.samples.filter(chosen), named)
    return [victims, named, samples, {part: path.stat().st_size for part, path in pictures.items()}]


def _plain(table: pa.Table, columns: list[str]) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].to_pylist() for name in columns)))


def grid(cell: StoredLeak, victims: int = 8, rows: Rows | None = None, of: str = "") -> bytes | None:
    """The picture of a cell as a PNG, from stored images only; None where it has none.

    Args:
        cell: the cell.
        victims: how many of its victims at most; of batches larger than one, as many as make 16 lines.
        rows: of the cell, if they have been read.
        of: its stamp.
    """
    rows = rows or query.rows(cell)
    statuses = dict(_plain(rows.victims, ["victim", "status"]))
    images = query.images(cell, victims, rows)
    chosen = pc.is_in(rows.samples["victim"], pa.array([each.victim for each in images], pa.int64()))
    samples = {(row["victim"], row["position"]): row for row in rows.samples.filter(chosen).to_pylist()}
    lines = [line for each in images for line in _lines(each, statuses[each.victim], samples)][:_LINES]
    if not lines:
        return None
    labels = cell.facts["labels"]
    title = f"{labels['attack']} on {labels['data']}"
    context = f"model {labels['model']}, defence {labels['defense']}, threat model {labels['threat']}"
    return _draw(title, context, lines, of)


def pixels(image: np.ndarray) -> np.ndarray:
    """An image as it is shown.

    Args:
        image: `[C, H, W]`, uint8 or in [0, 1]; three channels are RGB, any other number is averaged to gray.

    Returns:
        `[H, W, 3]`, float, in [0, 1]; a pixel that is not finite is red.
    """
    values = image.astype(np.float64) / (255.0 if image.dtype == np.uint8 else 1.0)
    shown = np.moveaxis(values if len(values) == 3 else np.repeat(values.mean(0, keepdims=True), 3, 0), 0, -1)
    finite = np.isfinite(shown).all(-1, keepdims=True)
    return np.where(finite, np.clip(np.nan_to_num(shown), 0.0, 1.0), np.array(_NOT_FINITE))


def _lines(shown: VictimImages, status: str, samples: dict[tuple[int, int], dict[str, Any]]) -> list[PictureRow]:
    moments = [at for at in range(len(shown.moments)) if shown.moments[at] >= 0]
    if len(moments) > MOMENTS:
        moments = [moments[i] for i in np.linspace(0, len(moments) - 1, MOMENTS).round().astype(int)]
    lines = []
    for position in range(len(shown.truth)):
        pictures: list[tuple[str, np.ndarray]] = [
            ("truth", pixels(shown.truth[position])),
            ("reconstruction", pixels(shown.guess[position])),
        ]
        pictures += [(f"it. {shown.moments[at]:,}", pixels(shown.images[at][position])) for at in moments]
        sample = samples.get((shown.victim, position), {})
        words = _words(shown.victim, position, len(shown.truth), sample, status)
        lines.append(PictureRow(words, pictures))
    return lines


def _words(victim: int, position: int, batch: int, sample: dict[str, Any], status: str) -> list[str]:
    words = [f"victim {victim}" + (f", {position + 1} of {batch}" if batch > 1 else "")]
    if sample:
        claim = sample["label_guess"]
        words.append(f"label {sample['label']}" + (f", guessed {claim}" if claim >= 0 else ""))
        if sample.get("mse") is not None:
            words.append(f"MSE {number(sample['mse'], None)}")
    return [*words, in_words(status)]


def _draw(title: str, context: str, lines: list[PictureRow], of: str) -> bytes:
    height, width = lines[0].pictures[0][1].shape[:2]
    factor = max(1, round(_SIDE / max(height, width)))
    across, down = width * factor, height * factor
    columns = max(len(line.pictures) for line in lines)
    page_width = _MARGIN * 2 + _LABELS + columns * (across + _GAP) - _GAP + (_STEP if columns > 2 else 0)
    page_height = _MARGIN * 2 + _TITLE + len(lines) * (down + _CAPTION + _GAP) - _GAP
    page_width = max(page_width, _MARGIN * 2 + 7 * len(context))
    figure = Figure(figsize=(page_width / _DPI, page_height / _DPI), dpi=_DPI)
    canvas = FigureCanvasAgg(figure)
    page = np.ones((page_height, page_width, 3))

    def write(x: float, y: float, words: str, **style: Any) -> None:
        figure.text(
            x / page_width,
            1 - y / page_height,
            drawable_lines(words),
            va="top",
            **{**_FONT, **style},
        )

    write(_MARGIN, _MARGIN, title, fontsize=12, fontweight="bold")
    write(_MARGIN, _MARGIN + 20, context, color="0.35")
    for row, line in enumerate(lines):
        top = _MARGIN + _TITLE + row * (down + _CAPTION + _GAP)
        write(_MARGIN, top + _CAPTION + 2, "\n".join(line.words), linespacing=1.5)
        top_of_image = top + _CAPTION
        for column, (caption, image) in enumerate(line.pictures):
            left = _MARGIN + _LABELS + column * (across + _GAP) + (_STEP if column > 1 else 0)
            write(left, top + 2, caption, fontsize=8, color="0.2" if column < 2 else "0.45")
            page[top_of_image : top_of_image + down, left : left + across] = np.kron(
                image, np.ones((factor, factor, 1))
            )
    # One image for the page, pixel for pixel: a set of axes a picture takes ten times as long.
    figure.figimage(np.round(page * 255).astype(np.uint8))
    out = io.BytesIO()
    canvas.print_png(out, metadata=drawn.metadata(of))
    return out.getvalue()
