"""The leakage of sentences: the words in common, between what tokens drawn at random have and all of them."""

import numpy as np
import pytest

from bench.modalities.sentences import MODALITY, words_in_common


def test_a_leak_of_sentences_is_rouge_between_noise_and_one():
    found = {0: np.array([1.0]), 1: np.array([0.02]), 2: np.array([np.nan]), 3: np.array([0.4, 0.0])}
    floor = {0: np.array([0.1]), 1: np.array([0.1]), 2: np.array([0.1]), 3: np.array([0.1, np.nan])}
    assert words_in_common(found, floor) == pytest.approx([1.0, 0.1, 0.1, 0.2])
    assert words_in_common(found, {}) == pytest.approx([1.0, 0.02, 0.0, 0.2])


def test_only_a_whole_sentence_is_a_success():
    assert MODALITY.scale.hit(np.array([1.0, 0.99, np.nan])).tolist() == [True, False, False]
