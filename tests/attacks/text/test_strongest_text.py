"""The ensemble on sentences: an exact claim ends the search, and where none is possible another member is right."""

import pytest
import torch
from sentence_cells import SHORT, cola

from bench.errors import NotApplicable

ATTACK = ("attack=strongest_text", *SHORT)


def test_an_exact_claim_spares_the_members_behind(shared_data) -> None:
    built = cola(shared_data, *ATTACK, "data.batch_size=2")
    victims = built.data.deal(range(2))
    for found in built.attack.reconstruct(built.client.share(victims), 0):
        (place,) = torch.nonzero(victims.ids == found.ids[0]).flatten().tolist()
        truth = torch.where(victims.mask, victims.inputs, -1)[place]
        order = [0, 1] if torch.equal(found.inputs[0, 0], truth[0]) else [1, 0]
        assert found.member == ["dager"] and torch.equal(found.inputs[0, order], truth)
        assert torch.equal(found.labels[0, order], victims.labels[place])
        assert int(found.evaluations[0]) < built.attack.evaluations / 10


@pytest.mark.slow
def test_if_the_span_is_lost_another_member_is_right(shared_data) -> None:
    """Pruning destroys the span that DAGER tests; matching compares what was shared."""
    built = cola(shared_data, *ATTACK, "defense=pruning", "defense.fraction=0.5", "threat=adaptive")
    victims = built.data.deal(range(1))
    (found,) = built.attack.reconstruct(built.client.share(victims), 0)
    assert found.member == ["matching"]
    assert torch.equal(found.inputs, torch.where(victims.mask, victims.inputs, -1))


def test_hidden_tokens_are_refused(shared_data) -> None:
    with pytest.raises(NotApplicable, match=r"data\.hidden=0"):
        cola(shared_data, *ATTACK, "model.head=masked", "data.hidden=0.3")
