"""HF-GradInv: a known course, victims at once as one at a time, and refusal without a grant."""

from dataclasses import replace

import pytest
import torch

from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.messages.status import Status

SMALL = ("data.set=cifar10", "data.size=9", "data.batch_size=2", "model=convnet16", "model.width=2")
SMALL += ("model.mode=train", "threat=batchnorm_exact", "engine.compile=false", "engine.chunk=1")
SMALL += ("attack=hf_gradinv", "attack.evaluations=4", "attack.phases.priors_from=2", "attack.phases.statistics_from=3")


def claims(attack, seen: Observation) -> dict:
    return {int(claim.ids[0]): claim for claim in attack.reconstruct(seen, 0)}


def test_victims_at_once_are_one_by_one_and_without_the_truth(parties) -> None:
    built = parties(*SMALL, "engine.chunk=2")
    victims = built.data.deal([0, 1, 2])
    seen = built.client.share(victims)
    victims.inputs.fill_(0.5)
    victims.labels.fill_(0)
    together = claims(built.attack, seen)
    assert set(together) == {0, 1, 2}
    alone = parties(*SMALL).attack
    for i in range(3):
        (single,) = alone.reconstruct(seen.take(torch.tensor([i])), 0)
        torch.testing.assert_close(single.inputs, together[i].inputs, rtol=1e-4, atol=1e-4)
        assert single.evaluations.item() == 4 + 1


def test_all_tensors_and_no_term_are_signed_adam_on_the_cosine(parties) -> None:
    """The course is then that of Inverting Gradients, another class, under the same minimiser."""
    built = parties(*SMALL, "attack.phases.first=99", "attack.phases.share=1.0", "attack.phases.priors_from=9",
                    "attack.phases.statistics_from=9")  # fmt: skip
    seen = built.client.share(built.data.deal([0]))
    words = ["attack=inverting_gradients_adam", "attack.evaluations=4", "attack.priors=[]", "attack.select=last"]
    plain = parties(*SMALL[:6], "threat=labels_known", *words, "attack.objective.scale=1.0", "attack.start=gray").attack
    built.attack.minimiser = plain.minimiser
    (found,) = built.attack.reconstruct(seen, 0)
    (wanted,) = plain.reconstruct(replace(seen, labels=found.labels), 0)
    torch.testing.assert_close(found.inputs, wanted.inputs, rtol=1e-4, atol=1e-4)
    assert not torch.equal(found.inputs, torch.full_like(found.inputs, 0.5))


LATE = ("attack.phases.first=99", "attack.phases.share=1.0", "attack.phases.priors_from=9")
LATE += ("attack.phases.statistics_from=9", "attack.priors.0.weight=1", "attack.statistics.weight=10")


@pytest.mark.parametrize("word", ["first=1", "share=0.5", "priors_from=0", "statistics_from=0"])
def test_each_part_of_the_course_changes_the_path(parties, word: str) -> None:
    plain = parties(*SMALL, *LATE)
    seen = plain.client.share(plain.data.deal([0]))
    changed = parties(*SMALL, *LATE, f"attack.phases.{word}")
    assert not torch.equal(claims(changed.attack, seen)[0].inputs, claims(plain.attack, seen)[0].inputs)


@pytest.mark.parametrize("word", ["priors_from=2", "statistics_from=2"])
def test_a_term_that_begins_to_act_is_no_divergence(parties, word: str) -> None:
    """The objective rises far above its start, because a term begins to act. The last iterate counts all the same."""
    built = parties(*SMALL, *LATE, f"attack.phases.{word}")
    (found,) = built.attack.reconstruct(built.client.share(built.data.deal([0])), 0)
    assert found.status == [Status.BUDGET]
    curve = found.trace["curve"][0]
    assert curve[curve.isfinite()][-1] > curve[0]


def test_statistics_are_never_taken_in_silence(parties) -> None:
    words = [word for word in SMALL if not word.startswith("threat=")]
    with pytest.raises(NotApplicable, match="statistics"):
        parties(*words, "threat=labels_known")
    built = parties(*words, "threat=labels_known", "attack.statistics=null")
    assert claims(built.attack, built.client.share(built.data.deal([0])))
