"""The loop that the engine is measured against is the published one, neither slowed down nor helped in its results."""

import pytest
import torch
from references import sequential as reference
from torch.nn import functional

from bench.speed.sequential import SequentialLoop

SLOW_TO_MATCH = ("model=mlp", "model.activation=sigmoid", "model.width=16")  # each of twelve calls goes to its end


def shared(parties, attack, *overrides):
    built = parties(f"attack={attack}", "data.size=8", "model.width=3", *overrides)
    victims = built.data.deal(range(2))
    return built, victims, built.client.share(victims)


def moments(loop, victim, start, steps):
    found = []
    for moment in loop.run(victim, start):
        found.append((moment.z.clone(), moment.evaluations))
        if len(found) == steps:
            break
    return found


@pytest.mark.parametrize("data", ["mnist", pytest.param("cifar10", marks=pytest.mark.slow)])
def test_it_is_the_tests_own_loop_bit_for_bit(parties, data):
    built, _, seen = shared(parties, "idlg_published", f"data.set={data}")
    labels = built.attack.labels(seen)
    loop = SequentialLoop(built.client.model, functional.cross_entropy, seen, labels)
    for victim in (1, 0):  # the second run must not feel the first
        start = built.attack.start_of(seen, 0, victim)
        (*_, (z, _)) = moments(loop, victim, start, 3)
        theirs = reference.published(seen, victim, labels, built.client.model, start, steps=3)
        assert torch.isfinite(z).all() and not torch.equal(z, start)
        assert torch.equal(z, theirs)


def test_label_logits_are_optimised_where_no_label_is_known(parties):
    built, _, seen = shared(parties, "dlg_published", "data.batch_size=2")
    start = built.attack.start_of(seen, 0, 0)
    assert len(start) == 2 * (192 + 10)
    loop = SequentialLoop(built.client.model, functional.cross_entropy, seen, None)
    loop._load(0)
    ours = loop.objective(0, start)
    theirs = reference.matching_objective(seen, 0, None, built.client.model)(start)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)
    ((z, evaluations),) = moments(loop, 0, start, 1)
    assert evaluations == 21 and not torch.equal(z[-20:], start[-20:])
    assert loop.objective(0, z) < ours


def test_evaluations_are_those_of_the_optimiser_and_of_each_tenth_look(parties):
    built, _, seen = shared(parties, "idlg_published", "data.set=mnist", *SLOW_TO_MATCH)
    loop = SequentialLoop(built.client.model, functional.cross_entropy, seen, built.attack.labels(seen))
    found = [evaluations for _, evaluations in moments(loop, 0, built.attack.start_of(seen, 0, 0), 12)]
    assert found[:3] == [21, 41, 61]
    assert found[11] - found[9] == 41  # one more at the eleventh call


def test_it_ends_at_the_truth_and_at_no_number_at_all(parties):
    built, victims, seen = shared(parties, "idlg_published")
    loop = SequentialLoop(built.client.model, functional.cross_entropy, seen, built.attack.labels(seen))
    truth = victims.inputs[0].flatten()
    assert len(moments(loop, 0, truth, 50)) == 1
    assert len(moments(loop, 0, torch.full_like(truth, torch.nan), 50)) == 1


def test_the_clients_model_keeps_its_weights(parties):
    built, _, seen = shared(parties, "idlg_published")
    before = {name: value.clone() for name, value in built.client.model.state_dict().items()}
    loop = SequentialLoop(built.client.model, functional.cross_entropy, seen, built.attack.labels(seen))
    moments(loop, 1, built.attack.start_of(seen, 0, 1), 1)
    assert all(torch.equal(before[name], value) for name, value in built.client.model.state_dict().items())
