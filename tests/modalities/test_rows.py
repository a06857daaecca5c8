"""What is recorded of rows, and what counts as recovered."""

import json

import numpy as np
import torch

from bench.messages.columns import TableColumn, TableColumns
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.messages.victims import Victims
from bench.metrics.table.cell_accuracy import CellAccuracy
from bench.modalities.rows import MODALITY

COLUMNS = TableColumns((TableColumn("age", (), 40.0, 10.0), TableColumn("owner", ("no", "yes"))))


def test_only_a_whole_row_is_a_success():
    assert MODALITY.scale.hit(np.array([1.0, 0.99, np.nan])).tolist() == [True, False, False]
    assert MODALITY.describe_shape((30,)) == "30 numbers"


def test_cells_are_recorded_in_words_in_the_order_of_the_truth():
    truth = torch.tensor([[[1.0, 1, 0], [-1.0, 0, 1]]])
    zeros = torch.zeros(1, dtype=torch.int64)
    victims = Victims(truth, torch.tensor([[0, 1]]), zeros, torch.tensor([[4, 5]]), zeros, columns=COLUMNS)
    made = Reconstruction.of_claim(zeros, truth[:, [1, 0]], torch.tensor([[1, 0]]), [Status.BUDGET])
    start = torch.zeros_like(made.inputs)
    made.trace = {"moments": torch.tensor([[0, 9, -1]]), "images": torch.stack([start, made.inputs, start], 1)}
    scores = MODALITY.scorer({"cells": CellAccuracy(0.3)}, None)(made, victims)
    rows = [{}, {}]
    assert MODALITY.record(rows, made, victims, scores, zeros) is None  # no curve to draw
    assert [row["text"] for row in rows] == ["age 50; owner no", "age 30; owner yes"]
    assert [row["text_guess"] for row in rows] == ["age 50; owner no", "age 30; owner yes"]
    assert json.loads(rows[1]["text_trace"]) == [[0, "age 40; owner no"], [9, "age 30; owner yes"]]


def test_a_failed_victim_has_no_words_of_a_guess():
    zeros = torch.zeros(1, dtype=torch.int64)
    truth = torch.tensor([[[1.0, 1, 0]]])
    victims = Victims(truth, zeros[None], zeros, zeros[None], zeros, columns=COLUMNS)
    made = Reconstruction.of_claim(zeros, truth * torch.nan, zeros[None] - 1, [Status.NONFINITE])
    scores = MODALITY.scorer({"cells": CellAccuracy(0.3)}, None)(made, victims)
    rows = [{}]
    MODALITY.record(rows, made, victims, scores, zeros)
    assert rows[0]["text"] == "age 50; owner no" and rows[0]["text_guess"] is None
