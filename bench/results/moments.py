"""The stored pictures of a cell by moment: what the reconstructions of several victims looked like at one iteration."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.results import query
from bench.results.query import VictimImages
from bench.results.stored_cell import StoredCell
from bench.results.stored_leak import StoredLeak

EXAMPLES = 4  # per victim; of larger batches the first ones
_MOMENTS = 8


@dataclass(frozen=True)
class StoredImage:
    """An image `[C, H, W]` in [0, 1], and the victim and the place in its batch that it belongs to."""

    victim: int
    position: int
    pixels: np.ndarray


@dataclass(frozen=True)
class PictureMoment:
    """The images of all victims at one iteration."""

    iteration: int
    images: list[StoredImage]


@dataclass(frozen=True)
class Pictures:
    """The truth, and the reconstructions at each moment; the last moment has what the attack returned."""

    truth: list[StoredImage]
    moments: list[PictureMoment]


def pictures(cell: StoredCell) -> Pictures:
    """The stored pictures of a cell; empty for a cell that has none."""
    if not isinstance(cell, StoredLeak):
        return Pictures([], [])
    rows = query.rows(cell)
    found = query.images(cell, stored=rows)
    if not found:
        return Pictures([], [])
    ends = dict(zip(rows.victims["victim"].to_pylist(), rows.victims["iterations"].to_pylist()))
    return Pictures(
        [image for one in found for image in _images(one.victim, one.truth)],
        moments(found, max(ends[one.victim] or 0 for one in found)),
    )


def moments(found: Sequence[VictimImages], end: int) -> list[PictureMoment]:
    """At most 8 moments, evenly chosen from those of all victims, and then the end.

    Victims are stored at different iterations, so a moment shows the latest stored image of each victim, or the first
    one if there is no earlier image.

    Args:
        found: the pictures of the victims.
        end: the iteration at which the last victim ended.
    """
    stored = {one.victim: [(int(at), place) for place, at in enumerate(one.moments) if at >= 0] for one in found}
    times = sorted({at for kept in stored.values() for at, _ in kept})
    end = max([end, *times])
    times = [at for at in times if at < end]
    if len(times) > _MOMENTS:
        times = [times[int(place)] for place in np.linspace(0, len(times) - 1, _MOMENTS).round()]
    shown = [
        PictureMoment(at, [image for one in found for image in _images(one.victim, _at(one, stored[one.victim], at))])
        for at in times
    ]
    return [*shown, PictureMoment(end, [image for one in found for image in _images(one.victim, one.guess)])]


def _at(one: VictimImages, kept: list[tuple[int, int]], at: int) -> np.ndarray:
    """The images of a victim, `[B, C, H, W]`, that are the latest at this iteration."""
    if not kept:  # the attack kept no trace of this victim
        return one.guess
    return one.images[max((place for time, place in kept if time <= at), default=kept[0][1])]


def _images(victim: int, batch: np.ndarray) -> list[StoredImage]:
    return [StoredImage(victim, place, pixels) for place, pixels in enumerate(itertools.islice(batch, EXAMPLES))]
