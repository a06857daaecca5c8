"""What is recorded of time series, how much of them counts as leaked, and what counts as recovered."""

import json

import numpy as np
import pytest
import torch

from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.messages.victims import Victims
from bench.metrics.series.series_error import SeriesError
from bench.modalities.series import MODALITY, explained, in_words

ZEROS = torch.zeros(1, dtype=torch.int64)


def test_the_leak_is_the_explained_share_above_that_of_the_control() -> None:
    found = {3: np.array([0.1, 2.0]), 1: np.array([np.nan, 0.5])}
    floor = {3: np.array([0.6, 1.5]), 1: np.array([0.6, 0.6])}
    # victim 1: (0.64 of the control + 0.75) / 2; victim 3: (0.99 + 0) / 2
    assert explained(found, floor) == pytest.approx([0.695, 0.495])
    assert explained({0: np.array([0.5])}, {}) == pytest.approx([0.75])


def test_a_tenth_of_the_norm_is_the_largest_error_of_a_success() -> None:
    assert MODALITY.scale.hit(np.array([0.1, 0.11, np.nan])).tolist() == [True, False, False]


def test_shapes_and_values_in_words() -> None:
    assert MODALITY.describe_shape((1, 24)) == "1 channel of 24 times"
    assert MODALITY.describe_shape((6, 100)) == "6 channels of 100 times"
    assert in_words(torch.tensor([[0.04, -1.26]])) == "0.0 -1.3"
    many = in_words(torch.arange(60.0).view(2, 30))
    assert many.startswith("channel 1 of 2: 0.0 1.0 ") and many.endswith(" 23.0 …")


def test_series_are_recorded_in_words_in_the_order_of_the_truth() -> None:
    truth = torch.tensor([[[[1.0, 2.0]], [[-1.0, 0.5]]]])
    victims = Victims(truth, torch.tensor([[0, 1]]), ZEROS, torch.tensor([[4, 5]]), ZEROS)
    made = Reconstruction.of_claim(ZEROS, truth[:, [1, 0]], torch.tensor([[1, 0]]), [Status.BUDGET])
    start = torch.zeros_like(made.inputs)
    made.trace = {"moments": torch.tensor([[0, 9, -1]]), "images": torch.stack([start, made.inputs, start], 1)}
    scores = MODALITY.scorer({"error": SeriesError()}, None)(made, victims)
    rows: list[dict] = [{}, {}]
    assert MODALITY.record(rows, made, victims, scores, ZEROS) is None  # no curve to draw
    assert [row["text"] for row in rows] == [row["text_guess"] for row in rows] == ["1.0 2.0", "-1.0 0.5"]
    assert json.loads(rows[1]["text_trace"]) == [[0, "0.0 0.0"], [9, "-1.0 0.5"]]
