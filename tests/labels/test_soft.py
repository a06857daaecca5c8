"""Protects: labels of smoothing and mixup are recovered, exactly with a bias and by their form without one."""

import pytest
import torch
from label_batches import shared

from bench.labels.soft import SoftRule, deviation

SMOOTH = torch.full((10,), 0.01, dtype=torch.float64)
SMOOTH[4] += 0.9
MIXED = torch.zeros(10, dtype=torch.float64)
MIXED[2], MIXED[7] = 0.3, 0.7
LABELS = {"smoothing": SMOOTH, "mixup": MIXED}


@pytest.mark.parametrize("form", LABELS)
@pytest.mark.parametrize("unit", [1.0, 0.1])
def test_a_label_is_exact_if_the_layer_has_a_bias(form, unit) -> None:
    """The form of the argument is not used, so that the other one serves as well."""
    seen = shared(LABELS[form][None, None], 10, unit=unit)
    for word in LABELS:
        assert torch.allclose(SoftRule(word).probabilities(seen)[0], LABELS[form], atol=1e-12)
    assert SoftRule(form)(seen).tolist() == [[int(LABELS[form].argmax())]]


@pytest.mark.parametrize("form", LABELS)
def test_a_label_is_found_by_its_form_if_the_layer_has_no_bias(form) -> None:
    for seed in range(2):
        seen = shared(LABELS[form][None, None], 10, bias=False, seed=seed)
        assert torch.allclose(SoftRule(form).probabilities(seen)[0], LABELS[form], atol=1e-6)


def test_the_form_of_a_label() -> None:
    assert float(deviation(SMOOTH, "smoothing")) < 1e-15 < float(deviation(MIXED, "smoothing"))
    assert float(deviation(MIXED, "mixup")) == 0 < float(deviation(SMOOTH, "mixup"))
    with pytest.raises(ValueError, match="want smoothing or mixup"):
        SoftRule("hard")
