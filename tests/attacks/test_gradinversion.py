"""GradInversion: starts that see one another, victims at once as one at a time, and refusal without a grant."""

import pytest
import torch

from bench.errors import NotApplicable
from bench.messages.observation import Observation

SMALL = ("data.set=cifar10", "data.size=9", "data.batch_size=2", "model=convnet16", "model.width=2")
SMALL += ("model.mode=train", "threat=batchnorm_exact", "engine.compile=false", "attack=gradinversion")
SMALL += ("attack.evaluations=3", "attack.starts=2", "engine.chunk=1")


def claims(attack, seen: Observation) -> dict:
    return {int(claim.ids[0]): claim for claim in attack.reconstruct(seen, 0)}


def test_victims_at_once_are_one_by_one_with_noise_and_coupling_and_without_the_truth(parties) -> None:
    built = parties(*SMALL, "attack.langevin=0.2")
    victims = built.data.deal([0, 1])
    seen = built.client.share(victims)
    victims.inputs.fill_(0.5)
    victims.labels.fill_(0)
    together = claims(built.attack, seen)
    assert set(together) == {0, 1}
    for i in range(2):
        (alone,) = built.attack.reconstruct(seen.take(torch.tensor([i])), 0)
        assert torch.equal(alone.inputs, together[i].inputs) and torch.equal(alone.labels, together[i].labels)
        assert alone.objective == together[i].objective
        assert alone.evaluations.item() == 2 * (3 + 1) and alone.trace["images"].shape[2:] == (2, 3, 9, 9)


@pytest.mark.slow
def test_noise_and_coupling_change_the_path(parties) -> None:
    plain = parties(*SMALL, "attack.group.weight=0")
    seen = plain.client.share(plain.data.deal([0]))
    found = claims(plain.attack, seen)[0].inputs
    for word in ("attack.langevin=0.5", "attack.group.weight=100"):
        changed = parties(*SMALL, "attack.group.weight=0", word).attack
        assert not torch.equal(claims(changed, seen)[0].inputs, found)


@pytest.mark.slow
def test_the_best_start_is_returned_or_the_mean_of_all(parties) -> None:
    """Without coupling a start goes as if it were alone, so the best of two is the better of two runs."""
    both = parties(*SMALL, "attack.group.weight=0", "attack.group.most=0", "attack.select=last")
    seen = both.client.share(both.data.deal([0]))
    single = parties(*SMALL, "attack.group.weight=0", "attack.starts=1", "attack.select=last").attack
    first, runs = single.start_of, []
    for start in range(2):
        single.start_of = lambda s, seed, victim, _=0, start=start: both.attack.start_of(s, seed, victim).chunk(2)[
            start
        ]
        runs.append(claims(single, seen)[0])
    assert torch.equal(first(seen, 0, 0), both.attack.start_of(seen, 0, 0).chunk(2)[0])
    best = min(runs, key=lambda run: run.objective.item())
    found = claims(both.attack, seen)[0]
    torch.testing.assert_close(found.inputs, best.inputs, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(found.objective, best.objective, rtol=1e-3, atol=1e-4)
    both.attack.result = "consensus"
    mean = (runs[0].inputs + runs[1].inputs) / 2
    torch.testing.assert_close(claims(both.attack, seen)[0].inputs, mean, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["threat=basic"], r"needs a model with BatchNorm, and its statistics as side information \(threat=batchnorm_"),
        (["model.mode=eval"], "threat=batchnorm_exact or batchnorm_inferred with model.mode=train"),
        (["model.norm=none"], "needs a model with BatchNorm"),
    ],
)
def test_statistics_are_never_taken_in_silence(parties, overrides, sentence) -> None:
    with pytest.raises(NotApplicable, match=sentence):
        parties(*SMALL, *overrides)
    assert parties(*SMALL, *overrides, "attack.statistics=null").attack.statistics is None


@pytest.mark.parametrize("word", ["attack.starts=0", "attack.langevin=-1", "attack.result=mean", "attack.labels=null"])
def test_settings_out_of_range_are_refused(parties, word: str) -> None:
    with pytest.raises(Exception, match=word.removeprefix("attack.").partition("=")[0]):
        parties(*SMALL, word)
