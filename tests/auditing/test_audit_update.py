"""Updates as clients send them: gradients, differences, lists of arrays, checkpoints."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

import bench
from bench.auditing.verdict import Verdict
from bench.errors import UserError
from tests.auditing.networks import classifier, image

BATCH = image(), torch.tensor([2])
LOSS = functional.cross_entropy


def trained(steps: int, rate: float, momentum: float = 0.0) -> tuple[nn.Module, nn.Module]:
    """A network before and after local steps of torch's own optimiser."""
    before = nn.Sequential(nn.BatchNorm2d(1, affine=False).eval(), *classifier()).eval()
    after = copy.deepcopy(before)
    optimiser = torch.optim.SGD(after.parameters(), rate, momentum)
    for _ in range(steps):
        optimiser.zero_grad()
        LOSS(after(BATCH[0]), BATCH[1]).backward()
        optimiser.step()
    return before, after


def arrays(module: nn.Module) -> list:
    """As Flower's clients send them."""
    return [value.cpu().numpy() for value in module.state_dict().values()]


@pytest.mark.parametrize(("steps", "rate"), [(1, 0.1), (1, None), (3, 0.05)])
def test_lists_of_arrays_leak(steps: int, rate: float | None) -> None:
    before, after = trained(steps, rate or 0.1)
    report = bench.audit_update(
        arrays(before), arrays(after), BATCH, module=copy.deepcopy(after), loss=LOSS, steps=steps, rate=rate
    )
    assert report.verdict is Verdict.LEAKS and not report.notes
    assert ("at an unknown rate" if rate is None else f"at the rate {rate:g}") in " ".join(str(report).split())


def test_momentum_is_simulated_if_it_is_told_and_missed_if_it_is_not() -> None:
    before, after = trained(3, 0.05, 0.9)
    options = {"loss": LOSS, "steps": 3, "rate": 0.05, "attack": "idlg", "overrides": ("attack.evaluations=200",)}
    told = bench.audit_update(before, after, BATCH, momentum=0.9, **options)
    assert told.leaks and not told.notes and "with momentum 0.9" in " ".join(str(told).split())
    missed = bench.audit_update(before, after, BATCH, **options)
    assert any("What was sent differs by" in note for note in missed.notes)


def test_a_checkpoint_pair_and_differences_are_the_same_update(tmp_path) -> None:
    before, after = trained(1, 0.1)
    torch.save({"state_dict": before.state_dict()}, tmp_path / "before.ckpt")
    torch.save(after.state_dict(), tmp_path / "after.pt")
    options = {"loss": LOSS, "rate": 0.1, "attack": "idlg", "overrides": ("attack.evaluations=60",)}
    of_files = bench.audit_update(
        tmp_path / "before.ckpt", tmp_path / "after.pt", BATCH, module=copy.deepcopy(after), **options
    )
    moved = {name: after.get_parameter(name) - value for name, value in before.named_parameters()}
    of_moves = bench.audit_update(before, moved, BATCH, form="difference", **options)
    # The difference of two float32 weights has a rounding of its own, so the paths differ a little.
    assert torch.allclose(of_files.inputs, of_moves.inputs, atol=1e-2)


def test_an_update_of_another_batch_is_said_to_differ() -> None:
    before, after = trained(1, 0.1)
    other = 1 - BATCH[0], BATCH[1]
    report = bench.audit_update(before, after, other, loss=LOSS, rate=0.1)
    assert not report.leaks and any("What was sent differs by" in note for note in report.notes)


@pytest.mark.parametrize(
    ("before", "update", "options", "says"),
    [
        (None, arrays(classifier()), {}, "pass module="),
        (classifier(), arrays(classifier())[1:], {}, "a list of 3 arrays; the module has 4 entries"),
        (classifier(), classifier(), {}, "it is zero"),
        (classifier(), {"0.weight": torch.ones(1)}, {}, "it lacks 0.bias"),
        (classifier(), {n: v[:1] for n, v in classifier().named_parameters()}, {}, r"has the shape \[1, 1, 3, 3\]"),
        (classifier(), 3, {}, "want a dict of tensors, a list of arrays"),
        (classifier(), arrays(classifier()), {"steps": 0}, "want steps >= 1"),
        (classifier(), arrays(classifier()), {"momentum": 1.0}, "want 0 <= momentum < 1"),
        (classifier(), arrays(classifier()), {"form": "delta"}, "want gradients, difference, weights"),
        (classifier(), arrays(classifier()), {"defense": "gaussian"}, "has been sent already"),
        (classifier(), "nowhere.pt", {}, "no such file"),
    ],
)
def test_updates_that_do_not_fit_are_one_line(before, update, options, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        bench.audit_update(before, update, BATCH, loss=LOSS, **options)
    assert "\n" not in str(caught.value)
