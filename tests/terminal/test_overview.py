"""What a person sees of a cell says all that is in its document."""

from io import StringIO

from rich.console import Console

from bench.results.kinds import KINDS
from bench.terminal.overview import VIEWS, labels, limits, overview, summary


def drawn(what):
    console = Console(file=StringIO(), width=120)
    console.print(what)
    return console.file.getvalue()


def test_the_overview_separates_what_is_granted_from_what_is_not():
    text = drawn(
        overview({"attack": "idlg", "sees": {"batch_size": True, "labels": False}, "parameters": 15826, "x": None})
    )
    assert "batch size; not: labels" in text and "15,826" in text and "None" not in text


def test_the_summary_has_every_score_its_interval_and_the_reason_where_it_is_missing():
    score = {"mean": 0.25, "low": 0.125, "high": 0.5, "n": 8}
    names = dict.fromkeys(("attack", "data", "model", "defense", "threat"), "some")
    document = {
        **names,
        "victims": 8,
        "failures": 1,
        "success_rate": {"1e-2": score, "1e-3": score, "1e-4": None},
        **dict.fromkeys(("label_accuracy", "mse", "psnr", "ssim", "lpips_alex"), score),
        "lpips_vgg": None,
        "metrics": {
            key: {"title": key.upper(), "unit": ""} for key in ("mse", "psnr", "ssim", "lpips_alex", "lpips_vgg")
        },
        "evaluations_per_victim": 2000.0,
        "seconds_per_victim": None,
        "reasons": {"lpips_vgg": "no weights here", "success_rate 1e-4": "no [MSE] here"},
    }
    text = drawn(summary(document))
    assert text.count("0.125 to 0.5") == 7 and text.count("n/a") == 2
    assert "no weights here" in text and "no [MSE] here" in text and "8 victims, 1 failed" in text


def test_sentences_have_rows_of_their_own():
    names = dict.fromkeys(("attack", "data", "model", "defense", "threat"), "some")
    keys = ("rouge_1", "rouge_2", "rouge_l", "exact_match", "token_accuracy", "bag_of_words", "token_set", "bleu")
    score = {"mean": 0.25, "low": 0.125, "high": 0.5, "n": 8}
    document = {**names, "victims": 8, "failures": 1, "success_rate": None, **dict.fromkeys(keys, score)}
    document["metrics"] = {key: {"title": key.replace("_", "-").upper(), "unit": ""} for key in keys}
    document |= {"label_accuracy": None, "reasons": {"label_accuracy": "no claim"}, "evaluations_per_victim": 3.0}
    text = drawn(summary(document))
    assert text.count("0.125 to 0.5") == 8 and text.count("n/a") == 1 and "no claim" in text
    assert "ROUGE-L" in text and "MSE" not in text and "psnr" not in text


def test_label_inference_shows_each_share_and_the_batch_size_that_ranks_show():
    share = {"mean": 0.75, "low": 0.5, "high": 0.875, "n": 16}
    names = dict.fromkeys(("data", "model", "defense", "threat"), "some")
    shares = ("label_overlap", "batches_right", "class_set", "class_precision", "class_recall")
    document = {
        **{"rule": "[ilrg]", **names, "victims": 16, "failures": 2, "batch_size": 24, "label_rule": "random"},
        **dict.fromkeys(shares, share),
        "batch_size_right": None,
        "inferred_batch_size": {"median": 24.0, "low": 23, "high": 24, "largest": 99},
        "seconds_per_victim": 0.125,
        "reasons": {"batch_size_right": "no linear layer's gradient is shared"},
    }
    text = drawn(labels(document))
    assert "rule=[ilrg]" in text and "random labels" in text and "2 failed" in text
    assert text.count("0.5 to 0.875") == len(shares) and "0.125" in text
    assert "99 at most" in text and "no linear layer's gradient" in text


def test_a_limit_shows_its_figures_or_why_there_are_none():
    spread = {"median": 640.5, "low": 612.0, "high": 655.0}
    share = {"mean": 0.25, "low": 0.1, "high": 0.5, "n": 4}
    known = {"data": "mnist", "model": "lenet", "defense": "pruning", "victims": 4, "failures": 0, "entries": 784}
    document = {
        **{**known, "shared": 13426, "determined": share, "jacobian_rank": spread, "condition": None, "std": None},
        **dict.fromkeys(("limit_mse", "limit_psnr", "bayesian_psnr", "mean_mse", "informative", "seconds_per_victim")),
        "reasons": {"limit_mse": "the defence adds no noise last"},
    }
    text = drawn(limits(document))
    assert "612 to 655" in text and "0.1 to 0.5" in text and "n/a" in text and "no noise last" in text
    limit = {"limit_mse": spread, "limit_psnr": share, "std": 0.1, "mean_mse": 0.06, "informative": 1.0, "reasons": {}}
    text = drawn(limits({**document, **limit, "condition": spread}))
    assert "unbiased limit (dB), mean" in text and "deviation of the noise" in text and "n/a" not in text


def test_each_kind_of_cell_has_a_table():
    assert set(VIEWS) == {kind.kind for kind in KINDS}
