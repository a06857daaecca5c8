"""The private examples of a cell beside their reconstructions, as plain data for the page.

Only this file asks whether examples are pictures or sentences, and it asks what is stored.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.report.html.pictures import Truths, chosen, strip
from bench.report.sentences import changes, plain
from bench.results import query
from bench.results.query import Rows
from bench.results.stored_leak import StoredLeak

PICTURES, SENTENCES = "pictures", "sentences"
_MOMENTS = 12  # iterates per private image
_EXAMPLES = 16  # per victim; of larger batches the page shows the first ones
_TEXTS = 32  # sentences per cell
_POINTS = 200  # of a curve
_NOTHING: dict[str, Any] = {"kind": None, "items": [], "victims": 0, "stored": 0}


def examples(cell: StoredLeak, rows: Rows, truths: Truths, budget: int) -> dict[str, Any]:
    """The stored examples of a cell.

    Args:
        cell: the cell.
        rows: its rows.
        truths: takes the private images.
        budget: how many characters the pictures of the cell may take. The first victim is shown in any case, with
            fewer iterates if it has to be.

    Returns:
        `kind` (`pictures`, `sentences`, or null if nothing is stored), `items`, a mapping per example: `victim`,
        `position`, `label`, `guess` (null: no claim), `moments` (iteration numbers), and `truth` and `frames`. Of a
        picture, `truth` is its place in `truths`, and `frames` is the PNG of the iterates and then the reconstruction.
        Of a sentence, both are words. `victims` and `stored` count the victims that are shown and that are stored.
    """
    spoken = query.sentences(cell, rows)
    if spoken:
        items = [_sentence(one) for one in spoken[:_TEXTS]]
        found = {"kind": SENTENCES, "items": items, "stored": len({one.victim for one in spoken})}
    else:
        items, stored = _pictures(cell, rows, truths, budget)
        if not items:
            return dict(_NOTHING)
        found = {"kind": PICTURES, "items": items, "stored": stored}
    labels = _labels(rows, {item["victim"] for item in items})
    for item in items:
        item["label"], item["guess"] = labels.get((item["victim"], item["position"]), (None, None))
    return {**found, "victims": len({item["victim"] for item in items})}


def _sentence(one: query.Sentence) -> dict[str, Any]:
    moments = changes([(at, plain(sentence)) for at, sentence in one.trace])
    return {
        "victim": one.victim,
        "position": one.position,
        "truth": plain(one.truth),
        "moments": [at for at, _ in moments],
        "frames": [*(sentence for _, sentence in moments), None if one.guess is None else plain(one.guess)],
    }


def _pictures(cell: StoredLeak, rows: Rows, truths: Truths, budget: int) -> tuple[list[dict[str, Any]], int]:
    """The items, and how many victims have pictures in the store."""
    stored = query.images(cell, stored=rows)
    items: list[dict[str, Any]] = []
    spent = 0
    for one in stored:
        for most in (_MOMENTS, 5, 2, 0):
            found = list(_shown(one, most))
            size = sum(len(frames) for _, frames, _ in found)
            if spent + size <= budget:
                break
        if items and spent + size > budget:
            break
        spent += size
        for position, frames, moments in found:
            height, width = one.truth[position].shape[1:]
            place = truths.place(one.truth[position])
            item = {"victim": one.victim, "position": position, "truth": place, "frames": frames, "moments": moments}
            items.append({**item, "width": width, "height": height})
    return items, len(stored)


def _shown(one: query.VictimImages, most: int) -> Iterator[tuple[int, str, list[int]]]:
    """`(position, picture of all iterates, their iterations)` of the first examples of a victim."""
    kept = [place for place in range(len(one.moments)) if one.moments[place] >= 0]
    kept = [kept[place] for place in chosen(len(kept), most)]
    for position, guess in enumerate(itertools.islice(one.guess, _EXAMPLES)):
        frames = [*(one.images[place][position] for place in kept), guess]
        yield position, strip(frames), [int(one.moments[place]) for place in kept]


def _labels(rows: Rows, victims: set[int]) -> dict[tuple[int, int], tuple[int | None, int | None]]:
    kept = rows.samples.filter(pc.is_in(rows.samples["victim"], pa.array(sorted(victims), pa.int64())))
    columns = (kept[name].to_pylist() for name in ("victim", "position", "label", "label_guess"))
    return {
        (victim, position): (label if label >= 0 else None, guess if guess >= 0 else None)
        for victim, position, label, guess in zip(*columns)
    }


def curves(cell: StoredLeak, rows: Rows, limit: int) -> list[dict[str, Any]]:
    """The attacker's objective on the first `limit` victims for which it is stored, thinned to 200 points each."""
    found = []
    for one in query.curves(cell, limit, rows):
        used = [place for place in range(len(one.at)) if one.at[place] >= 0 and np.isfinite(one.values[place])]
        used = [used[place] for place in chosen(len(used), _POINTS)]
        if used:
            values = [float(f"{one.values[place]:.5g}") for place in used]
            found.append({"victim": one.victim, "at": [int(one.at[place]) for place in used], "values": values})
    return found


def class_names(facts: Mapping[str, Any]) -> list[str]:
    """The names of the classes, if the cell was stored with them."""
    names = (facts.get("data") or {}).get("class_names")
    return [plain(str(name)) for name in names] if isinstance(names, list) else []
