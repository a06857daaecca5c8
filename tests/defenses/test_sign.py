"""Signs against numpy's."""

import numpy as np
from defenses.trees import protected, tree

from bench.defenses.sign import Sign


def test_signs_and_their_scale():
    plain, scaled = protected(Sign(False), tree())[0], protected(Sign(True), tree())[0]
    for name, value in tree().items():
        np.testing.assert_array_equal(plain[name].numpy(), np.sign(value.numpy()))
        np.testing.assert_allclose(
            scaled[name].numpy(), np.sign(value.numpy()) * np.abs(value.numpy()).mean(), rtol=1e-5
        )
