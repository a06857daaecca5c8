"""The document of a cell: known answers on rows written by hand, failures counted, nothing averaged away."""

from collections.abc import Callable

import pytest
from metric_facts import metric_columns

from bench.results.intervals import wilson
from bench.results.stored_leak import StoredLeak
from bench.results.summary import ENDED_WELL, summary

CellMaker = Callable[..., StoredLeak]
NUMBERS = ("mean", "low", "high", "n")
KEYS = ["attack", "data", "model", "defense", "threat", "victims", "failures", "success_rate", "label_accuracy", "mse"]
KEYS += ["psnr", "ssim", "lpips_alex", "lpips_vgg", "evaluations_per_victim", "seconds_per_victim", "results"]


def test_failures_are_what_the_messages_say() -> None:
    from bench.messages.status import Status

    assert {status.value for status in Status if not status.failed} == ENDED_WELL


def test_known_answers(make_cell: CellMaker, rows: tuple) -> None:
    """Five victims: exact, at 5e-4, at 5e-3, bad, and one that diverged with an image that would have counted."""
    victim, sample = rows
    cell = make_cell()
    errors = [0.0, 5e-4, 5e-3, 0.2, 1e-6]
    status = ["converged", "budget", "converged", "converged", "diverged"]
    cell.append(
        [victim(i, status=word, evaluations=10 * i, seconds=i / 2) for i, word in enumerate(status)],
        [sample(i, mse=mse, psnr=20.0 + i, label_guess=3 if i else 4) for i, mse in enumerate(errors)],
    )
    found = summary(cell)
    assert set(KEYS) <= found.keys()
    assert (found["attack"], found["threat"], found["victims"], found["failures"]) == ("idlg", "B", 5, 1)
    for bound, hits in (("1e-2", 3), ("1e-3", 2), ("1e-4", 1)):
        low, high = wilson(hits, 5)
        assert {name: found["success_rate"][bound][name] for name in NUMBERS} == pytest.approx(
            {"mean": hits / 5, "low": low, "high": high, "n": 5}
        )
    assert found["label_accuracy"]["mean"] == 0.8
    # squared errors have a geometric mean; an exact image counts as 1e-10
    assert found["mse"]["mean"] == pytest.approx((1e-10 * 5e-4 * 5e-3 * 0.2 * 1e-6) ** (1 / 5))
    assert found["mse"]["estimand"] == "geometric mean" and found["psnr"]["estimand"] == "mean"
    # three came back and two did not (one of them failed): no interval of what they have in common
    assert (found["mse"]["low"], found["psnr"]["high"]) == (None, None)
    assert {name: group["mean"] for name, group in found["psnr"]["groups"].items()} == {"recovered": 21, "others": 23.5}
    assert found["reasons"]["psnr"] == "3 recovered and 2 others: two groups have no interval of their joint mean"
    assert found["psnr"]["mean"] == 22.0
    assert found["evaluations_per_victim"] == 20.0
    assert found["seconds_per_victim"] == 1.0
    assert found["ssim"] is None
    assert found["reasons"]["ssim"] == "no sample has a value of ssim"
    assert found["results"] == str(cell.folder)


def test_the_bound_itself_is_a_success(make_cell: CellMaker, rows: tuple) -> None:
    victim, sample = rows
    cell = make_cell()
    cell.append([victim(0), victim(1)], [sample(0, mse=1e-2), sample(1, mse=1.0001e-2)])
    assert summary(cell)["success_rate"]["1e-2"]["mean"] == 0.5


def test_only_the_victims_asked_for(make_cell: CellMaker, rows: tuple) -> None:
    victim, sample = rows
    cell = make_cell()
    cell.append([victim(i) for i in range(4)], [sample(i, psnr=float(i)) for i in range(4)])
    assert summary(cell, 2)["psnr"]["mean"] == 0.5
    assert summary(cell, 2)["victims"] == 2
    assert summary(cell)["psnr"]["mean"] == 1.5


def test_a_victim_without_a_reconstruction_counts_in_every_rate(make_cell: CellMaker, rows: tuple) -> None:
    """Batches of two; the second victim crashed and left no row of samples."""
    victim, sample = rows
    cell = make_cell()
    cell.append(
        [victim(0, batch_size=2), victim(1, batch_size=2, status="error", reason="it broke")],
        [sample(0, 0, mse=0.0), sample(0, 1, mse=0.0)],
    )
    found = summary(cell)
    assert found["success_rate"]["1e-2"]["mean"] == 0.5
    assert found["success_rate"]["1e-2"]["n"] == 4
    assert found["label_accuracy"]["mean"] == 0.5
    assert (found["mse"]["mean"], found["mse"]["n"], found["mse"]["left_out"]) == (1e-10, 2, 2)
    assert found["reasons"]["mse"] == "over the 2 of 4 samples that have a finite value"


def test_when_every_victim_fails_the_rate_is_zero(make_cell: CellMaker, rows: tuple) -> None:
    victim, _ = rows
    cell = make_cell()
    cell.append([victim(i, status="nonfinite") for i in range(3)], [])
    found = summary(cell)
    assert found["failures"] == 3
    assert (found["success_rate"]["1e-4"]["mean"], found["success_rate"]["1e-4"]["n"]) == (0.0, 3)
    assert found["mse"] is None


def test_labels_of_a_batch_count_in_their_places_and_as_a_multiset(make_cell: CellMaker, rows: tuple) -> None:
    """Of {1, 1, 2} the claim {2, 1, 3} has two and none in its place; of {4, 5, 6} the claim {6, -, 4} has two."""
    victim, sample = rows
    cell = make_cell()
    labels = [[(1, 2), (1, 3), (2, 1)], [(4, 6), (5, -1), (6, 4)]]
    samples = [
        sample(v, b, label=label, label_guess=guess)
        for v, batch in enumerate(labels)
        for b, (label, guess) in enumerate(batch)
    ]
    cell.append([victim(v, batch_size=3) for v in range(2)], samples)
    found = summary(cell)
    assert found["label_accuracy"]["mean"] == 0.0 and found["label_overlap"]["mean"] == pytest.approx(2 / 3)
    # both batches have two of three: nothing varies, and Wilson's interval of two batches is as wide as it has to be
    assert (found["label_overlap"]["low"], found["label_overlap"]["high"]) == pytest.approx(wilson(4 / 3, 2))


def test_a_batch_without_a_reconstruction_claims_no_labels(make_cell: CellMaker, rows: tuple) -> None:
    victim, sample = rows
    cell = make_cell()
    cell.append(
        [victim(0, batch_size=2), victim(1, batch_size=2, status="nonfinite")],
        [sample(v, b, label=b, label_guess=1 - b, label_accuracy=None if v else 0.0) for v in (0, 1) for b in (0, 1)],
    )
    found = summary(cell)
    assert (found["label_accuracy"]["mean"], found["label_overlap"]["mean"]) == (0.0, 0.5)


def test_an_attack_that_makes_no_claim_has_no_label_accuracy(make_cell: CellMaker, rows: tuple) -> None:
    victim, sample = rows
    cell = make_cell()
    cell.append([victim(0), victim(1)], [sample(0, label_guess=-1), sample(1, label_guess=-1)])
    found = summary(cell)
    for name in ("label_accuracy", "label_overlap"):
        assert found[name] is None and found["reasons"][name] == "the attack makes no claim about labels"


def test_the_metric_decides_over_labels_where_it_was_computed(make_cell: CellMaker, rows: tuple) -> None:
    victim, sample = rows
    cell = make_cell()
    values = [1.0, 0.0, None]
    cell.append([victim(i) for i in range(3)], [sample(i, label_accuracy=v) for i, v in enumerate(values)])
    found = summary(cell)
    assert found["label_accuracy"]["mean"] == pytest.approx(1 / 3)
    assert found["label_accuracy"]["n"] == 3
    assert "label_accuracy" not in found["other"]


def test_a_missing_metric_carries_the_reason_it_was_given(make_cell: CellMaker, rows: tuple) -> None:
    victim, sample = rows
    cell = make_cell(reasons={"lpips_vgg": "no backbone could be reached", "mse": "switched off"})
    cell.append([victim(0)], [sample(0, lpips_vgg=None, mse=None)])
    found = summary(cell)
    assert (found["lpips_vgg"], found["reasons"]["lpips_vgg"]) == (None, "no backbone could be reached")
    assert found["success_rate"] == {"1e-2": None, "1e-3": None, "1e-4": None}
    assert found["reasons"]["success_rate 1e-2"] == "switched off"


def test_a_cell_without_victims_says_why(make_cell: CellMaker) -> None:
    cell = make_cell()
    found = summary(cell)
    assert (found["victims"], found["mse"], found["reasons"]["mse"]) == (0, None, "no victim is done")
    cell.fail("not_applicable", "needs batches of one")
    found = summary(cell)
    assert found["reasons"]["psnr"] == "needs batches of one"
    assert found["reasons"]["cell"] == "not_applicable: needs batches of one"
    assert set(KEYS) <= found.keys()


def test_further_metrics_are_kept_apart(make_cell: CellMaker, rows: tuple) -> None:
    victim, sample = rows
    cell = make_cell()
    cell.append([victim(0), victim(1)], [sample(0, mse_raw=float("inf")), sample(1, mse_raw=4.0)])
    found = summary(cell)
    assert found["other"]["mse_raw"]["mean"] == pytest.approx(4.0)
    assert found["reasons"]["mse_raw"] == "over the 1 of 2 samples that have a finite value"


SENTENCES = {"data": {"modality": "sentences"}, "metrics": metric_columns("text")}


def test_sentences_have_their_own_scores(make_cell: CellMaker, rows: tuple) -> None:
    """Batches of one: an exact one, a partial one, one that diverged on an exact sentence, one that left nothing."""
    victim, sample = rows
    cell = make_cell(**SENTENCES)
    status = ["converged", "budget", "diverged", "nonfinite"]
    exact, rouge = [1.0, 0.0, 1.0, None], [1.0, 0.5, 1.0, None]
    cell.append(
        [victim(i, status=word) for i, word in enumerate(status)],
        [
            {**sample(i, rouge_1=rouge[i], exact_match=exact[i], bleu=None), "mse": None, "perplexity": float(i)}
            for i in range(4)
        ],
    )
    found = summary(cell)
    low, high = wilson(1, 4)  # a failed victim is no success
    assert {name: found["exact_match"][name] for name in NUMBERS} == pytest.approx(
        {"mean": 0.25, "low": low, "high": high, "n": 4}
    )
    assert (found["rouge_1"]["mean"], found["rouge_1"]["n"]) == (pytest.approx(2.5 / 3), 3)
    assert found["reasons"]["rouge_1"] == "over the 3 of 4 samples that have a finite value"
    assert found["success_rate"] is None and "psnr" not in found
    assert found["bleu"] is None and found["reasons"]["bleu"] == "no sample has a value of bleu"
    assert found["other"]["perplexity"]["mean"] == 1.5 and found["label_accuracy"]["mean"] == 1.0
    assert not [key for key in found["reasons"] if "success" in key or "psnr" in key]


def test_sentences_without_victims_say_why(make_cell: CellMaker) -> None:
    cell = make_cell(**SENTENCES)
    cell.fail("not_applicable", "needs a word embedding")
    found = summary(cell)
    assert found["exact_match"] is None and found["reasons"]["exact_match"] == "needs a word embedding"
    assert found["reasons"]["rouge_2"] == "needs a word embedding"
