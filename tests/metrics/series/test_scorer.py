"""Series are assigned one to one by their squared errors, without bounds, and every score follows the assignment."""

import itertools

import torch

from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.messages.victims import Victims
from bench.metrics.label_accuracy import LabelAccuracy
from bench.metrics.matching import assign
from bench.metrics.mse import mean_squared_error
from bench.metrics.series.scorer import SeriesScorer
from bench.metrics.series.series_error import SeriesError


def series(v: int, b: int, seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(v, b, 2, 5, generator=torch.Generator().manual_seed(seed))


def victims(inputs: torch.Tensor) -> Victims:
    v, b = inputs.shape[:2]
    zeros = torch.zeros(v, dtype=torch.int64)
    labels = torch.arange(b).expand(v, b)
    return Victims(inputs, labels, torch.arange(v), torch.zeros(v, b, dtype=torch.int64), zeros)


def test_no_permutation_has_a_smaller_error_although_values_leave_the_range_of_images() -> None:
    truth, guess = series(5, 4), series(5, 4, seed=1)
    found = assign(guess, truth, clip=False)
    for v in range(5):

        def error(order: list[int], v: int = v) -> float:
            return float(mean_squared_error(guess[v][None, order], truth[v][None]).sum())

        orders = [list(order) for order in itertools.permutations(range(4))]
        assert error(found[v].tolist()) == min(map(error, orders))


def test_series_in_another_order_have_no_error_and_their_labels_move_with_them() -> None:
    truth = victims(series(2, 3))
    order = torch.tensor([2, 0, 1])
    given = Reconstruction.of_claim(truth.ids, truth.inputs[:, order], truth.labels[:, order], [Status.BUDGET] * 2)
    scores = SeriesScorer({"error": SeriesError(), "label": LabelAccuracy()})(given, truth)
    assert scores.values["error"].eq(0).all() and scores.values["label"].eq(1).all()


def test_a_victim_that_is_not_finite_has_no_score() -> None:
    truth = victims(series(2, 2))
    broken = truth.inputs.clone()
    broken[1, 0, 0, 0] = torch.nan
    given = Reconstruction.of_claim(truth.ids, broken, truth.labels, [Status.BUDGET] * 2)
    scores = SeriesScorer({"error": SeriesError()})(given, truth)
    assert scores.values["error"][0].eq(0).all() and scores.values["error"][1].isnan().all()
