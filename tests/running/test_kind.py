"""Protects: a config with a node `training` is a training, and what came of a cell fits into a few words."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from bench.results.stored_leak import StoredLeak
from bench.results.stored_training import StoredTraining
from bench.running.kind import in_a_word, is_training, kind_of


@pytest.mark.parametrize(
    ("config", "training"), [({"attack": {}}, False), ({"attack": {}, "training": {"lr": 1}}, True)]
)
def test_a_training_is_a_cell_that_says_how_to_train(config: dict[str, Any], training: bool) -> None:
    cfg = OmegaConf.create(config)
    assert is_training(cfg) == training and kind_of(cfg) is (StoredTraining if training else StoredLeak)


RATE = {"success_rate": {"1e-2": {"mean": 0.125}, "1e-3": {"mean": 0.0}}}
WORDS = {"rouge_1": {"mean": 0.255}, "exact_match": {"mean": 0.5}}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"accuracy": {"mean": 0.91266}}, "accuracy: 0.913"),
        (WORDS, "exact match: 0.50, ROUGE-1: 0.26"),
        ({"rouge_1": WORDS["rouge_1"], **RATE}, "success at MSE 1e-2: 0.12"),
        (RATE, "success at MSE 1e-2: 0.12"),
        ({"accuracy": None, "rouge_1": None, "exact_match": None, "success_rate": None}, "done"),
        ({"success_rate": {"1e-3": {"mean": 1.0}}}, "done"),
        ({}, "done"),
    ],
)
def test_what_came_of_a_cell_in_a_few_words(document: dict[str, Any], words: str) -> None:
    assert in_a_word(document) == words
