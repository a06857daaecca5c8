"""LAMP: what is fixed stays, an edit never raises what it is judged by, and victims do not hear of each other."""

import pytest
import torch

from bench.errors import NotApplicable
from bench.leakage import select
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.objectives.layer_cosine import LayerCosine

QUICK = (
    "attack.iterations=4",
    "attack.starts=2",
    "attack.permutations=1",
    "attack.edits.tried=3",
    "attack.edits.every=2",
)


def claims(attack, seen: Observation, seed: int = 0) -> dict[int, Reconstruction]:
    """One claim a victim."""
    found = {}
    for piece in attack.reconstruct(seen, seed):
        for i, victim in enumerate(piece.ids.tolist()):
            found[victim] = (
                piece.inputs[i], piece.labels[i], piece.objective[i], piece.iterations[i], piece.evaluations[i],
                piece.status[i], piece.trace["moments"][i], piece.trace["tokens"][i],
            )  # fmt: skip
    return found


@pytest.mark.slow
@pytest.mark.parametrize("layers", [1, 2])
def test_what_does_not_count_are_the_biases_of_the_keys(cell, layers: int) -> None:
    """Attention is blind to them; as the authors' code counts, each adds a distance of about 1, between 0 and 2."""
    built = cell(f"model.layers={layers}")
    distance = built.attack.objective
    assert distance.negligible == 1e-5
    seen, other = (built.client.share(built.data.deal(ids)) for ids in ([0, 1, 2], [3, 4, 5]))
    biases = [name for name in seen.gradients if name.endswith("key.bias")]
    assert len(biases) == layers
    others = {name: value for name, value in seen.gradients.items() if name not in biases}
    ours = distance(other.gradients, seen.gradients)
    torch.testing.assert_close(ours, LayerCosine(0.0)(other.gradients, others), rtol=1e-6, atol=0)
    count, published = len(seen.gradients), LayerCosine(0.0)(other.gradients, seen.gradients)
    added = published * count - ours * (count - layers)
    assert ((added > 0) & (added < 2 * layers)).all() and not torch.allclose(ours, published)


def test_a_short_run_finds_most_of_a_sentence(cell) -> None:
    """Two victims of one sentence, 60 steps: most of their words, and what it all cost. Noise names one in 1,000."""
    parties = cell("attack.iterations=60", "attack.starts=10", "attack.permutations=5", "attack.edits.tried=8")
    victims = parties.data.deal(range(2))
    rouge = []
    for guess in parties.attack.reconstruct(parties.client.share(victims), 0):
        truth = select(victims, guess.ids)
        rouge.append(parties.scorer(guess, truth).values["rouge_1"])
        assert guess.status == [Status.BUDGET] * len(guess)
        moved = guess.evaluations - (60 + 1 + 10 + 5 + 8)  # one round, at step 50; a move is evaluated once more
        assert ((moved >= 0) & (moved <= 1)).all()
        special = torch.isin(truth.inputs, torch.tensor(sorted(parties.scorer._tokenizer.special))) & truth.mask
        assert torch.equal(guess.inputs >= 0, truth.mask)
        assert torch.equal(guess.inputs[special], truth.inputs[special])
        there = guess.trace["moments"] >= 0
        claimed = guess.trace["tokens"][there] >= 0
        assert torch.equal(claimed, truth.mask.unsqueeze(1).expand(-1, there.shape[1], -1, -1)[there])
    assert torch.cat(rouge).mean() > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("fluency", [0.0, 0.2])
def test_many_at_once_equal_one_by_one(cell, fluency: float) -> None:
    """Four steps and two rounds of edits in float64: paths differ by rounding, and no choice hangs on that."""
    parties = cell(*QUICK, "data.batch_size=2", f"attack.edits.fluency={fluency}")
    seen = parties.client.share(parties.data.deal(range(2)))
    together = claims(parties.attack, seen)
    for i in range(2):
        alone = claims(parties.attack, seen.take(torch.tensor([i])))[i]
        for one, other in zip(together[i], alone):
            if torch.is_tensor(one) and one.is_floating_point():
                torch.testing.assert_close(one, other, rtol=1e-7, atol=0)
            else:
                assert torch.equal(one, other) if torch.is_tensor(one) else one is other


def test_the_truth_is_not_in_reach(cell) -> None:
    """Overwriting the victims between share and reconstruct changes nothing, bit for bit."""
    parties = cell(*QUICK)
    found = []
    for erase in (False, True):
        victims = parties.data.deal([0, 1])
        seen = parties.client.share(victims)
        if erase:
            victims.inputs.fill_(7)
            victims.labels.fill_(0)
            victims.mask.fill_(True)
            victims.samples.fill_(0)
        found.append(claims(parties.attack, seen))
    for i in (0, 1):
        assert torch.equal(found[0][i][0], found[1][i][0]) and torch.equal(found[0][i][2], found[1][i][2])


@pytest.mark.slow
def test_known_labels_are_taken_and_unknown_ones_are_found(cell) -> None:
    parties = cell(*QUICK, "threat.labels=true")
    seen = parties.client.share(parties.data.deal(range(2)))
    for i, claim in claims(parties.attack, seen).items():
        assert torch.equal(claim[1], seen.labels[i])


@pytest.mark.slow
def test_without_lengths_every_place_is_claimed(cell) -> None:
    parties = cell(*QUICK, "threat.lengths=false")
    seen = parties.client.share(parties.data.deal([0]))
    (claim,) = claims(parties.attack, seen).values()
    assert seen.mask is None and (claim[0] >= 0).all()


@pytest.mark.slow
def test_what_it_cannot_serve_is_one_sentence(cell) -> None:
    with pytest.raises(NotApplicable, match=r"LAMP needs other sentences.*threat=surrogate"):
        cell(threat="embedding_frozen")
    with pytest.raises(NotApplicable, match=r"LAMP needs a model that classifies.*masked"):
        cell("model.head=masked")
