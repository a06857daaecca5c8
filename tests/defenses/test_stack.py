"""What is said of several defences together: the guarantee that is left, and what each part knows."""

import pytest
import torch
from defenses.trees import local

from bench.defenses.base import PlainGradient
from bench.defenses.clients import Clients
from bench.defenses.dp_sgd import DPSGD
from bench.defenses.local_steps import LocalSteps
from bench.defenses.lora import LoRA
from bench.defenses.noise import Gaussian
from bench.defenses.precode import Precode
from bench.defenses.privacy import Privacy
from bench.defenses.pruning import Pruning
from bench.defenses.soteria import Soteria
from bench.defenses.stack import Stack, described, public, schedule_of
from bench.errors import NotApplicable

DP, PRUNE, STEPS = DPSGD(1.0, 2.0, 1e-5, 0), Pruning(0.5, "tensor"), LocalSteps(3, 0.1, 2, 0.0)


def test_post_processing_keeps_the_guarantee_and_a_second_look_at_the_inputs_ends_it():
    assert Stack([DP, PRUNE, Gaussian(0.1, None, 0)]).privacy(None) == Privacy(2.0, 1e-5, 1)
    assert Stack([PRUNE, DP]).privacy(None) == Privacy(2.0, 1e-5, 1)
    assert Stack([DP, Soteria(0.5, None)]).privacy(None) is None
    assert Stack([Gaussian(0.1, None, 0)]).privacy(None) is None


def test_every_local_step_is_a_release():
    both = Stack([DP, STEPS]).privacy(None)
    assert both == Privacy(2.0, 1e-5, 3)
    assert both.epsilon(4, 1.0) == pytest.approx(Privacy(2.0, 1e-5).epsilon(12, 1.0))


def test_a_part_knows_the_batch_that_later_parts_deal_to_it():
    stack = Stack([DP, STEPS, Clients(2, True)])
    sizes = {type(part).__name__: known.batch_size for part, known in stack.flat(local(batch_size=8))}
    assert sizes == {"DPSGD": 2, "LocalSteps": 4, "Clients": 8}
    assert public(stack, local(batch_size=8), True)[0]["std"] == pytest.approx(2.0 * 1.0 / 2)
    nested = Stack([Stack([DP, STEPS]), Clients(2, True)])
    assert [known.batch_size for _, known in nested.flat(local(batch_size=8))] == [2, 4, 8]


def test_only_ways_of_training_are_the_schedule():
    stack = Stack([DP, STEPS, PRUNE, Clients(2, True)])
    assert schedule_of(stack, local(batch_size=4)).parts == [STEPS, Clients(2, True)]
    assert [part["position"] for part in described(stack, local(batch_size=4), {"w": (3,)})["parts"]] == [0, 1, 2, 3]


def test_only_a_schedule_has_a_unit_and_units_multiply():
    assert Stack([DP, PRUNE]).unit(local()) is None and Clients(3, True).unit(local()) is None
    assert Stack([PRUNE, STEPS, Clients(4, False)]).unit(local()) == pytest.approx(3 * 0.1 * 4)
    assert Stack([Stack([STEPS]), Clients(4, True)]).unit(local()) == pytest.approx(0.3)


def test_a_batch_for_one_sample_cannot_be_dealt_to_clients():
    with pytest.raises(NotApplicable, match="no multiple"):
        Stack([Clients(2, True), DP]).wrap(PlainGradient(lambda *_: {}), local(batch_size=4))


def test_the_model_is_changed_by_each_part_in_order():
    """Adapters after a bottleneck are on its layers too, and freeze them; before it they do not see it."""
    adapters, bottleneck = LoRA(1, 1.0, None, [], 0.0), Precode(2, 0.0, None, 0)
    after, before = Stack([bottleneck, PRUNE, adapters]), Stack([adapters, Stack([bottleneck])])
    assert after.changes_model and before.changes_model and not Stack([PRUNE]).changes_model
    trained = [
        {name for name, value in stack.change_model(torch.nn.Linear(3, 4)).named_parameters() if value.requires_grad}
        for stack in (after, before)
    ]
    ends = ("lora_A.weight", "lora_B.weight")
    assert trained[0] == {f"{of}{end}" for of in ("", "precode.encoder.", "precode.decoder.") for end in ends}
    kinds = ("encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias")
    assert trained[1] == {*ends, *(f"precode.{kind}" for kind in kinds)}
    plain = torch.nn.Linear(3, 4)
    assert Stack([PRUNE]).change_model(plain) is plain and list(plain.children()) == []
