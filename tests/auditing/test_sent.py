"""Updates in each of their forms are one tensor per parameter; what does not fit is in test_audit_update.py."""

import copy

import pytest
import torch

from bench.auditing.sent import Sent, sent_of
from tests.auditing.networks import classifier


def moved() -> tuple[torch.nn.Module, torch.nn.Module]:
    before = classifier()
    after = copy.deepcopy(before)
    with torch.no_grad():
        for value in after.parameters():
            value -= 0.5
    return before, after


def test_weights_and_differences_are_what_was_lost() -> None:
    before, after = moved()
    difference = {name: value - before.get_parameter(name) for name, value in after.named_parameters()}
    for update, form in ((after, None), (after.state_dict(), "weights"), (difference, "difference")):
        _, sent = sent_of(before, None, update, form, 2, 0.1, None, 0.0)
        assert all(torch.allclose(value, torch.full_like(value, 0.5), atol=1e-6) for value in sent.update.values())
        assert sent.steps == 2 and sent.words == "the update of 2 local steps at the rate 0.1"
    _, gradient = sent_of(before, None, difference, None, 1, None, None, 0.0)
    assert gradient.steps == 0 and not gradient.settings and float(gradient.update["0.bias"][0]) == pytest.approx(-0.5)


def test_the_module_takes_the_weights_before() -> None:
    before, after = moved()
    own, _ = sent_of(after, [value.numpy() for value in before.state_dict().values()], after, None, 1, None, None, 0.0)
    assert all(torch.equal(value, before.state_dict()[name]) for name, value in own.state_dict().items())


@pytest.mark.parametrize(("rate", "distance"), [(0.1, 1.0), (None, 0.0)])
def test_without_a_rate_only_directions_are_compared(rate: float | None, distance: float) -> None:
    sent = Sent({"a": torch.tensor([1.0, 2.0])}, 1, rate, None, 0.0)
    assert sent.distance({"a": torch.tensor([2.0, 4.0])}) == pytest.approx(distance, abs=1e-9)
