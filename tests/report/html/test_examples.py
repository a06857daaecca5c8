"""What a reader sees of a cell is what is stored: the right victim, the right moment, and nothing that is not there."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import page_cells
import page_sentences
import pytest
from PIL import Image
from shared_cells import cell_with

from bench.report.html.examples import class_names, curves, examples
from bench.report.html.pictures import Truths
from bench.results import query
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak

LABELS = {"attack": "dlg", "data": "mnist", "model": "lenet", "defense": "none", "threat": "basic"}
MOMENTS = [0, 5, 9, -1]  # of every victim; the last place is unused
PLENTY = 10**6


def stored(root: Path, victims: int = 3, batch: int = 1, claims: int = 4) -> StoredLeak:
    """Gray images of 2x2: the truth is black, iterate `m` of 255 gray, and the reconstruction white."""
    cell = Store(root).cell(StoredLeak, "dlg-mnist", "0" * 16, {"labels": LABELS})
    shape = (victims, batch, 1, 2, 2)
    steps = np.maximum(0, np.array(MOMENTS)) / 255
    images = {
        "ids": np.arange(victims),
        "truth": np.zeros(shape, np.float32),
        "guess": np.ones(shape, np.float32),
        "moments": np.tile(MOMENTS, (victims, 1)),
        "images": np.tile(steps[None, :, None, None, None, None], (victims, 1, batch, 1, 2, 2)),
        "curve_at": np.tile([0, 1, 2, -1], (victims, 1)),
        "curve": np.stack([np.array([4.0, np.nan, 1.23456789, 7.0]) + victim for victim in range(victims)]),
    }
    samples = [
        {"victim": v, "position": p, "sample": p, "label": 3 + p, "label_guess": claims if v == 0 else -1, "mse": 1.0}
        for v in range(victims)
        for p in range(batch)
    ]
    cell.append([{"victim": v, "status": "budget", "batch_size": batch} for v in range(victims)], samples, images)
    return cell


def shown(cell: StoredLeak, budget: int = PLENTY) -> dict[str, Any]:
    return examples(cell, query.rows(cell), Truths(), budget)


def rows_of(uri: str) -> list[int]:
    """The gray values of the left column of a picture, from top to bottom."""
    image = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    return np.asarray(image)[:, 0].tolist()


def test_the_iterates_stand_in_order_and_the_reconstruction_last(tmp_path: Path) -> None:
    found = shown(stored(tmp_path))
    assert (found["kind"], found["victims"], found["stored"]) == ("pictures", 3, 3)
    item = found["items"][1]
    assert item.pop("frames") and item == {
        "victim": 1,
        "position": 0,
        "truth": 0,
        "moments": [0, 5, 9],
        "width": 2,
        "height": 2,
        "label": 3,
        "guess": None,
    }
    assert rows_of(found["items"][0]["frames"]) == [0, 0, 5, 5, 9, 9, 255, 255]
    assert found["items"][0]["guess"] == 4


def test_truths_are_shared_by_all_examples_that_have_them(tmp_path: Path) -> None:
    cell, truths = stored(tmp_path, victims=2, batch=3), Truths()
    found = examples(cell, query.rows(cell), truths, PLENTY)
    assert [(one["victim"], one["position"], one["label"]) for one in found["items"]] == [
        (v, p, 3 + p) for v in (0, 1) for p in (0, 1, 2)
    ]
    assert len(truths.uris) == 1 and rows_of(truths.uris[0]) == [0, 0]


def test_a_small_budget_takes_iterates_first_and_then_victims_and_always_leaves_one(tmp_path: Path) -> None:
    cell = stored(tmp_path)
    everything = shown(cell)
    sizes = [len(one["frames"]) for one in everything["items"]]
    tight = shown(cell, sizes[0] + sizes[1])
    assert [len(one["moments"]) for one in tight["items"]] == [3, 3] and (tight["victims"], tight["stored"]) == (2, 3)
    least = shown(cell, 0)
    assert [one["victim"] for one in least["items"]] == [0] and least["items"][0]["moments"] == []
    assert rows_of(least["items"][0]["frames"]) == [255, 255] and least["stored"] == 3


def test_of_a_large_batch_the_first_sixteen_are_shown(tmp_path: Path) -> None:
    found = shown(stored(tmp_path, victims=1, batch=18))
    assert [one["position"] for one in found["items"]] == list(range(16))


def test_a_picture_without_a_trace_is_the_reconstruction_alone(tmp_path: Path) -> None:
    (item,) = shown(cell_with(tmp_path, {7: 0.1}))["items"]
    assert (item["victim"], item["moments"], rows_of(item["frames"])) == (7, [], [0] * 4)


def test_a_sentence_changes_only_where_its_words_do(tmp_path: Path) -> None:
    found = shown(page_cells.add_sentences(tmp_path, "tag", 1, (4, 4, 9)))
    assert (found["kind"], found["victims"], found["stored"]) == ("sentences", 4, 4)
    first = found["items"][0]
    assert first["truth"] == page_sentences.SENTENCES[0] and first["moments"] == [0, 20]  # iteration 10 changed nothing
    assert len(first["frames"]) == 3 and first["frames"][1] == first["frames"][2]
    assert first["frames"][0].split()[:4] == first["truth"].split()[:4]
    assert (first["label"], first["guess"]) == (0, 0)


def test_a_sentence_without_a_reconstruction_has_none(tmp_path: Path) -> None:
    cell = Store(tmp_path).cell(
        StoredLeak, "tag", "0" * 16, {"labels": LABELS, "data": {"modality": "sentences", "classes": 2}}
    )
    sample = {
        "victim": 0,
        "position": 0,
        "sample": 0,
        "label": -1,
        "label_guess": -1,
        "text": "a b",
        "text_guess": None,
    }
    cell.append([{"victim": 0, "status": "diverged", "batch_size": 1}], [{**sample, "text_trace": None}])
    (item,) = shown(cell)["items"]
    assert (item["frames"], item["moments"], item["label"], item["guess"]) == ([None], [], None, None)


def test_a_cell_without_examples_shows_none(tmp_path: Path) -> None:
    cell = cell_with(tmp_path, {0: 0.1}, status="error")
    assert shown(cell) == {"kind": None, "items": [], "victims": 0, "stored": 0}
    assert curves(cell, query.rows(cell), 8) == []


def test_a_curve_leaves_out_what_is_not_a_number(tmp_path: Path) -> None:
    cell = stored(tmp_path)
    found = curves(cell, query.rows(cell), 2)
    assert found == [
        {"victim": 0, "at": [0, 2], "values": [4.0, 1.2346]},
        {"victim": 1, "at": [0, 2], "values": [5.0, 2.2346]},
    ]


def test_a_long_curve_keeps_its_ends(tmp_path: Path) -> None:
    cell = Store(tmp_path).cell(StoredLeak, "dlg", "0" * 16, {"labels": LABELS})
    at, pixels = np.arange(1000)[None], np.zeros((1, 1, 1, 2, 2), np.float32)
    images = {"ids": np.array([0]), "truth": pixels, "guess": pixels, "curve_at": at, "curve": 1000.0 - at}
    images |= {"moments": np.array([[0]]), "images": pixels[:, None]}
    sample = {"victim": 0, "position": 0, "sample": 0, "label": 0, "label_guess": 0, "mse": 0.0}
    cell.append([{"victim": 0, "status": "budget", "batch_size": 1}], [sample], images)
    (curve,) = curves(cell, query.rows(cell), 8)
    assert len(curve["at"]) == len(curve["values"]) == 200
    assert (curve["at"][0], curve["at"][-1], curve["values"][-1]) == (0, 999, 1.0)
    assert [1000 - value for value in curve["values"]] == curve["at"]


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({"class_names": ["cat", "a\x1bb"]}, 2),
        ({"class_names": None}, 0),
        ({}, 0),
        (None, 0),
    ],
    ids=["two", "null", "none", "no data"],
)
def test_class_names_are_there_if_they_are_stored(data: Any, names: int) -> None:
    found = class_names({"data": data})
    assert len(found) == names and all(name.isprintable() for name in found)
