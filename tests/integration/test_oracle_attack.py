"""Sentences on their way to the store: in words, in the order of the truth, and again after an interruption."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from oracle_attack import MOMENTS, run

from bench.config.compose import compose
from bench.results import parts, query
from bench.running.cell import run_cell
from bench.running.components import build
from bench.running.kind import in_a_word


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """`(document, cell)`: five victims of two sentences, of which three are kept in words and one has failed."""
    folder = tmp_path_factory.mktemp("told") / "results"
    document = run(folder, "data.victims=5", "data.batch_size=2", "report.images=3", failing=(2,))
    (cell,) = query.cells(folder).cells
    return document, cell


def words(victims):
    """`{(victim, position): sentence}` as the model's tokeniser spells it, dealt anew."""
    told = build(compose(["data=sentences", "attack=noise", "logger=none", "data.batch_size=2", "data.victims=5"]))
    dealt = told.data.deal(victims)
    spelled = told.data.tokenizer.decode
    return {(v, b): spelled(one.tolist()) for v, pair in zip(victims, dealt.sentences) for b, one in enumerate(pair)}


@pytest.mark.slow
def test_the_first_victims_are_kept_in_words_beside_what_came_back(stored):
    found = {(one.victim, one.position): one for one in query.sentences(stored[1])}
    expected = words([0, 1, 2])
    assert {place: one.truth for place, one in found.items()} == expected  # and none of victims 3 and 4
    for (victim, position), one in found.items():
        if victim == 0:
            assert one.guess == one.truth
        elif victim == 1:  # a place left open is seen, between the words that were claimed
            assert "?" in one.guess.split() and one.guess != one.truth
        else:
            assert one.guess is None, (victim, position)


def test_a_trace_is_in_the_order_of_the_truth_and_ends_with_it(stored):
    for one in query.sentences(stored[1]):
        if one.victim != 2:
            assert [at for at, _ in one.trace] == list(MOMENTS)
            assert one.trace[-1][1] == one.truth != one.trace[0][1]


def test_the_objective_is_kept_without_pictures(stored):
    cell = stored[1]
    assert query.images(cell) == []
    found = {one.victim: one for one in query.curves(cell)}
    assert sorted(found) == [0, 1, 2] and found[1].at.tolist() == list(MOMENTS)
    assert np.allclose(found[1].values, [1 / (1 + at) for at in MOMENTS])


def test_the_document_has_the_scores_of_sentences_and_no_others(stored):
    document = stored[0]
    assert document["success_rate"] is None and not document.keys() & {"mse", "psnr", "ssim", "lpips_vgg"}
    assert (document["victims"], document["failures"]) == (5, 1)
    # victims 0 and 4 whole, 1 and 3 but for a token, 2 failed: two of five exact, and nothing else counts a failure
    assert document["exact_match"]["mean"] == pytest.approx(0.4) and document["exact_match"]["n"] == 10
    assert 0.8 < document["rouge_1"]["mean"] < 1 and document["rouge_1"]["n"] == 8
    assert document["bag_of_words"]["mean"] < 1 and document["bleu"]["mean"] > 50
    assert document["label_accuracy"] is None and "no claim" in document["reasons"]["label_accuracy"]
    assert in_a_word(document) == f"exact match: 0.40, ROUGE-1: {document['rouge_1']['mean']:.2f}"


def test_a_language_model_has_no_labels_and_says_so(tmp_path):
    document = run(tmp_path / "r", "model=gpt2_tiny", "data.victims=1")
    assert document["exact_match"]["mean"] == 1.0
    assert document["reasons"]["label_accuracy"].startswith("a language model predicts tokens")


def test_four_after_two_equal_four_at_once(tmp_path):
    """Words are rows like any others: what is stored stays, and what is lacking comes as it would have come."""

    def rows(folder):
        (cell,) = query.cells(folder).cells
        columns = ["victim", "position", "sample", "text", "text_guess", "text_trace", "rouge_1"]
        return query.samples(cell).select(columns).to_pylist()

    run(tmp_path / "a", "data.victims=2")
    first = rows(tmp_path / "a")
    run(tmp_path / "a", "data.victims=4")
    run(tmp_path / "b", "data.victims=4")
    assert rows(tmp_path / "a") == rows(tmp_path / "b") and rows(tmp_path / "a")[:2] == first
    assert [at for at, _ in json.loads(first[0]["text_trace"])] == list(MOMENTS)


def test_images_have_no_columns_of_words(tmp_path):
    run_cell(compose(["attack=noise", "logger=none", "metric=mse", "data.victims=1", f"results={tmp_path}"]))
    (part,) = tmp_path.glob("cells/*/parts/samples-*.parquet")
    assert not any("text" in name for name in pq.read_schema(part).names)
    (cell,) = query.cells(tmp_path).cells
    assert query.sentences(cell) == [] and parts.metric_names(query.samples(cell)) == ["mse"]
