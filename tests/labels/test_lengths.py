"""Lengths that are not granted are read off real gradients, exactly where nothing was added to them."""

import pytest
import torch
from sentence_cells import parties

from bench.labels.lengths import inferred_mask, longest

HEADS = [
    ("bert_tiny", "classification"),
    ("bert_tiny", "masked"),
    ("gpt2_tiny", "causal"),
    ("gpt2_tiny", "classification"),
]


def share(*overrides: str):
    """`(observation, victims)` of four victims of packaged sentences of different lengths, lengths not granted."""
    built = parties("attack=noise", "threat.lengths=false", "data.tokens=24", *overrides)
    victims = built.data.deal(range(4))
    return built.client.share(victims), victims


@pytest.mark.parametrize(
    ("model", "head", "batch_size"), [*((*head, 1) for head in HEADS), (*HEADS[0], 3), (*HEADS[2], 3)]
)
def test_the_longest_sentence_of_each_batch(model: str, head: str, batch_size: int) -> None:
    seen, victims = share(f"model={model}", f"model.head={head}", f"data.batch_size={batch_size}")
    assert seen.mask is None
    expected = victims.mask.sum(-1).amax(-1)
    assert torch.equal(longest(seen), expected)
    assert len(expected.unique()) > 1 or batch_size > 1
    mask = inferred_mask(seen)
    assert mask.shape == victims.mask.shape and torch.equal(mask.sum(-1), expected[:, None].expand(-1, batch_size))
    if batch_size == 1:
        assert torch.equal(mask, victims.mask)


def test_positions_need_not_be_numbered_from_zero() -> None:
    """Some models leave the first rows of their table to padding."""
    seen, victims = share()
    name = seen.task.language.position
    seen.gradients[name] = seen.gradients[name].roll(2, 1)
    assert torch.equal(longest(seen), victims.mask.sum(-1).amax(-1))


def test_noise_hides_lengths_and_so_does_a_model_without_positions() -> None:
    places = [24] * 4
    noisy, _ = share("defense=gaussian", "defense.std=1e-4")
    assert longest(noisy).tolist() == places
    seen, _ = share()
    name = seen.task.language.position
    table = seen.gradients.pop(name)
    assert longest(seen).tolist() == places
    seen.gradients[name] = torch.zeros_like(table)
    assert longest(seen).tolist() == places
