"""Clients that are summed share no more than one with all their examples, unless something is done before the sum."""

import pytest
import torch

from bench.errors import NotApplicable


def share(parties, *overrides: str):
    built = parties("attack=noise", "data.batch_size=4", *overrides)
    return built.client.share(built.data.deal([0, 3])).gradients


@pytest.mark.parametrize("average", [True, False])
def test_the_sum_of_gradients_is_that_of_the_whole_batch(parties, average):
    whole = share(parties)
    found = share(parties, "defense=clients", "defense.clients=2", f"defense.average={average}")
    for name, value in whole.items():
        torch.testing.assert_close(found[name], value * (1 if average else 2), rtol=1e-3, atol=1e-6)


def test_what_stands_before_is_done_by_each_client(parties):
    """Clipped by each of four clients of one example: the mean of four clipped gradients."""
    clients = share(parties, "defense=stack", "defense.parts=[{clip: {norm: 0.1}},{clients: {clients: 4}}]")
    samples = share(parties, "defense=dp_sgd", "defense.norm=0.1", "defense.noise_multiplier=0")
    for name, value in samples.items():
        torch.testing.assert_close(clients[name], value, rtol=1e-3, atol=1e-6)


def test_each_client_draws_noise_of_its_own(parties):
    whole = share(parties)
    noisy = share(parties, "defense=stack", "defense.parts=[{gaussian: {std: 1}},{clients: {clients: 4}}]")
    noise = torch.cat([(noisy[name] - value).flatten() for name, value in whole.items()])
    assert float(noise.std()) == pytest.approx(0.5, rel=0.05)  # of a mean of four


def test_a_batch_that_cannot_be_dealt_is_refused(parties):
    with pytest.raises(NotApplicable, match=r"data\.batch_size=4 is no multiple"):
        share(parties, "defense=clients", "defense.clients=3")


def test_only_the_sum_is_seen_and_the_truth_is_all_examples_of_all_clients(parties):
    """Two clients of two examples, each through its own local epochs: one update, and a batch of four behind it."""
    parts = "defense.parts=[{local_epochs: {batch_size: 1}},{clients: {clients: 2, average: false}}]"
    known = ("threat=training_details", "threat.labels=true", "data.set=mnist", "data.size=8", "model.width=3")
    built = parties("attack=fedavg", "attack.evaluations=2", "data.batch_size=4", "defense=stack", parts, *known)
    victims = built.data.deal([0, 3])
    seen = built.client.share(victims)
    assert seen.batch_size == 4 and seen.labels is not None and torch.equal(seen.labels, victims.labels)
    assert seen.task.unit == pytest.approx(0.01 * 3 * 2 * 2)
    shapes = {name: (2, *value.shape) for name, value in built.client.model.named_parameters()}
    assert {name: tuple(value.shape) for name, value in seen.gradients.items()} == shapes
    found = list(built.attack.reconstruct(seen, 0))
    assert sum(len(claim.ids) for claim in found) == 2
    assert all(claim.inputs.shape == (len(claim.ids), 4, 1, 8, 8) for claim in found)
