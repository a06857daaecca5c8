"""What counts as a recovered sentence."""

import numpy as np

from bench.modalities.sentences import MODALITY


def test_only_a_whole_sentence_is_a_success():
    assert MODALITY.scale.hit(np.array([1.0, 0.99, np.nan])).tolist() == [True, False, False]
