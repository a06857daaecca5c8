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
