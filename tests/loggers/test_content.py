"""What every logger tells: figures under stable keys, quartiles, pictures by moment; private data only if it may."""

from pathlib import Path

import numpy as np
import page_cells
import page_sentences
import pytest
from page_cells import CURVE, Kind

from bench.loggers.content import RECONSTRUCTION, TRUTH, by_moment, content, gray_levels, quartiles, scalars
from bench.results.stored_cell import UnitCurve
from bench.results.summary import summary


def test_figures_of_a_summary_have_stable_keys_and_are_nothing_but_numbers() -> None:
    figure = {"mean": 0.25, "low": 0.1, "high": None, "median": {"mean": 0.2}}
    summary = {
        "mse": figure,
        "lpips": {"mean": None},
        "psnr": None,
        "victims": 4,
        "failures": 0,
        "leaks": True,
        "seconds_per_victim": 1.5,
        "evaluations_per_victim": None,
        "lr": 0.1,
        "reasons": {"lpips": "no weights"},
        "metrics": {"mse": {"title": "MSE"}},
        "other": {"mine": {"mean": 7}, "note": "words"},
        "success_rate": {"1e-2": {"mean": 0.5, "low": 0.2, "high": 0.8}, "1e-3": None},
    }
    assert scalars(summary) == {
        "count/victims": 4,
        "count/failures": 0,
        "cost/seconds_per_victim": 1.5,
        "score/mse": 0.25,
        "score/mse_low": 0.1,
        "score/mine": 7,
        "score/success_rate_1e-2": 0.5,
        "score/success_rate_1e-2_low": 0.2,
        "score/success_rate_1e-2_high": 0.8,
    }
    assert scalars({"exact_match": {"mean": 1.0}, "success_rate": None}) == {"score/exact_match": 1.0}


def test_quartiles_are_those_of_numpy_over_the_latest_values() -> None:
    curves = [
        UnitCurve("a", [(0, 8.0), (5, 4.0)]),
        UnitCurve("b", [(0, 6.0), (2, 2.0), (9, 1.0)]),
        UnitCurve("c", [(2, 5.0), (4, float("nan"))]),
        UnitCurve("d", [(0, float("inf"))]),
    ]
    latest = {0: [8, 6, 5], 2: [8, 2, 5], 5: [4, 2, 5], 9: [4, 1, 5]}  # c counts with its first value before it
    expected = {at: np.percentile(values, [25, 50, 75]) for at, values in latest.items()}
    found = dict(quartiles(curves))
    assert sorted(found) == sorted(expected)
    for at, values in found.items():
        told = [values["objective/q25"], values["objective/median"], values["objective/q75"]]
        assert told == pytest.approx(list(expected[at]))
    assert quartiles([]) == quartiles([curves[-1]]) == []


def test_long_curves_are_thinned_with_their_ends() -> None:
    found = quartiles([UnitCurve("a", [(at, float(at)) for at in range(1000)])])
    assert len(found) == 200 and [found[0][0], found[-1][0]] == [0, 999]


def test_a_stored_cell_is_told_with_pictures_and_without(tmp_path: Path) -> None:
    cell = page_cells.add(tmp_path, Kind("idlg", "mnist", batch=2), 1, victims=3, shown=2)
    told = content(cell, summary(cell))
    keys = [key for key, _, _ in by_moment(told.pictures)]
    assert keys == [TRUTH, *[RECONSTRUCTION] * len(page_cells.MOMENTS)]
    assert [len(images) for _, _, images in by_moment(told.pictures)] == [4] * len(keys)  # 2 victims of 2 images
    assert told.images == 4 * len(keys) + 2 * 4 and len(told.table.rows) == 6
    assert [at for at, _ in told.objective] == list(CURVE)
    assert told.scalars["count/victims"] == 3 and told.words["results"] == f"cells/{cell.folder.name}"
    bare = content(cell, summary(cell), private=False)
    assert bare.images == 0 and bare.scalars == told.scalars and bare.objective == told.objective
    assert set(told.table.columns) - set(bare.table.columns) == {"truth", "reconstruction"}


def test_without_private_data_no_sentence_is_told(tmp_path: Path) -> None:
    cell = page_cells.add_sentences(tmp_path, "dlg", 1, [0, 4])
    assert page_sentences.SENTENCES[0] in str(content(cell, summary(cell)).table.rows)
    bare = content(cell, summary(cell), private=False)
    assert not any(word in str(bare.table.rows) for word in page_sentences.SENTENCES[0].split() if len(word) > 3)


def test_gray_levels_are_bytes_in_the_order_of_a_picture() -> None:
    colour = np.stack([np.full((2, 3), value) for value in (0.0, 0.5, 2.0)])
    assert gray_levels(colour).shape == (2, 3, 3) and gray_levels(colour)[0, 0].tolist() == [0, 128, 255]
    assert gray_levels(np.full((1, 2, 3), np.nan)).tolist() == [[0] * 3] * 2
