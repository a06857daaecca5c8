"""Protects: a config says which kind of cell it is, and what came of a cell fits into a few words."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from bench.results.stored_cell import StoredCell
from bench.results.stored_identification import StoredIdentification
from bench.results.stored_labels import StoredLabels
from bench.results.stored_leak import StoredLeak
from bench.results.stored_limits import StoredLimits
from bench.results.stored_training import StoredTraining
from bench.running.kind import in_a_word, kind_of


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"attack": {}}, StoredLeak),
        ({"attack": {}, "training": {"lr": 1}}, StoredTraining),
        ({"attack": {}, "measure": "labels"}, StoredLabels),
        ({"attack": {}, "measure": "limit"}, StoredLimits),
        ({"attack": {}, "measure": "identification"}, StoredIdentification),
    ],
)
def test_a_cell_is_what_its_config_says_and_an_attack_if_it_says_nothing(
    config: dict[str, Any], kind: type[StoredCell]
) -> None:
    assert kind_of(OmegaConf.create(config)) is kind


RATE = {"success_rate": {"1e-2": {"mean": 0.125}, "1e-3": {"mean": 0.0}}}
WORDS = {"rouge_1": {"mean": 0.255}, "exact_match": {"mean": 0.5}}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"accuracy": {"mean": 0.91266}}, "accuracy: 0.913"),
        (
            {"batches_right": {"mean": 0.5}, "label_overlap": {"mean": 0.96875}},
            "labels right: 0.969, whole batches: 0.50",
        ),
        ({"determined": {"mean": 0.25}, "limit_psnr": None}, "determined: 0.25 of the victims"),
        (
            {"determined": {"mean": 1.0}, "limit_psnr": {"mean": 31.26}},
            "determined: 1.00 of the victims, unbiased limit: 31.3 dB",
        ),
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
