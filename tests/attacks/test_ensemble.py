"""The ensemble: the best of given claims is chosen, solved victims are spared, and the truth is out of reach."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from attacks.test_gradient_matching import run
from observations import net, observe
from torch import Tensor

from bench.attacks.base import Attack
from bench.attacks.strongest import Strongest
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.priors.power_spectrum import PowerSpectrum


class Claims(Attack):
    """An attack that claims what it was given, at a price, and keeps a list of the victims that it was asked about."""

    def __init__(
        self, images: Tensor, labels: Tensor, cost: int = 1, budget: int = 0, status: Status = Status.BUDGET, *, engine
    ) -> None:
        super().__init__()
        self.images, self.claimed, self.cost, self.status = images, labels, cost, status
        self.minimiser, self.asked = SimpleNamespace(stop=SimpleNamespace(budget=budget)), []

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"batch_size"})

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        self.asked += seen.ids.tolist()
        for number in seen.ids.tolist():
            at = number - 10  # `observe` numbers victims from 10 on
            one = Reconstruction.of_claim(
                torch.tensor([number]), self.images[at : at + 1], self.claimed[at : at + 1], [self.status]
            )
            yield replace(one, evaluations=torch.tensor([self.cost]), iterations=torch.tensor([self.cost]))


class Labelled(Claims):
    """The same, for an attacker who is granted the labels."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"batch_size", "labels"})


class Adaptive(Claims):
    """The same, for an attacker who knows the defence."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"batch_size", "defense_known"})


class Shifted(Claims):
    """The same, for an attacker who found that the client adds a number to each entry."""

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        for one in super().reconstruct(seen, seed):
            yield replace(one, unknowns={"shift": torch.full((1,), SHIFT)})

    def explained(self, seen: Observation, unknowns):
        def gradient(*given):
            return {name: value + unknowns["shift"] for name, value in seen.task.gradient(*given).items()}

        return gradient


SHIFT = 0.5


def ensemble(
    members: dict,
    evaluations: int = 100,
    solved: float = 1e-6,
    width: float = 1e-3,
    noiseless: tuple[str, ...] = (),
    partial: tuple[str, ...] = (),
    specialists: tuple[str, ...] = (),
) -> Strongest:
    said: list[str] = []
    engine = EngineSettings(chunk=1, threads=1, compile=False, precision="float64", notice=said.append)
    names = (list(of) for of in (noiseless, partial, specialists))
    found = Strongest(members, evaluations, width, solved, *names, PowerSpectrum(1.0, 0.3, 0.5), engine=engine)
    found.said = said
    return found


def claims(images: Tensor, labels: Tensor, kind: type[Claims] = Claims, **settings):
    return partial(kind, images, labels, **settings)


def test_of_given_claims_the_true_ones_are_chosen_whoever_made_them() -> None:
    """One member is right about even victims, the other about odd ones; a score of theirs is not asked for."""
    seen, images, labels = observe(net(), victims=4, batch_size=1)
    wrong, even = images.flip(-1), torch.arange(4).view(-1, 1, 1, 1, 1) % 2 == 0
    attack = ensemble(
        {
            "first": claims(torch.where(even, images, wrong), labels),
            "second": claims(torch.where(even, wrong, images), labels),
        },
        solved=0.0,
    )
    found = list(attack.reconstruct(seen, 0))
    by = {int(one.ids[0]): one for one in found}
    assert sorted(by) == seen.ids.tolist()
    assert [by[i].member for i in sorted(by)] == [["first"], ["second"], ["first"], ["second"]]
    for victim, one in enumerate(by[i] for i in sorted(by)):
        assert torch.equal(one.inputs[0], images[victim]) and torch.equal(one.labels[0], labels[victim])
        assert int(one.evaluations[0]) == 4  # one by each member, and a score of each claim


def test_who_solves_a_victim_spares_it_the_members_behind() -> None:
    seen, images, labels = observe(net(), victims=3, batch_size=1)
    first = images.clone()
    first[1] = first[1].flip(-1)
    attack = ensemble({"first": claims(first, labels), "second": claims(images, labels, cost=50)})
    found = run(attack, seen)
    assert attack.members["second"].asked == [11]
    assert found.evaluations.tolist() == [2, 53, 2]


def test_under_known_noise_nothing_counts_as_solved() -> None:
    seen, images, labels = observe(net(), victims=1, batch_size=1)
    noisy = replace(seen, defense=({"defense": "Gaussian", "std": 0.1},))
    attack = ensemble({"first": claims(images, labels), "second": claims(images, labels)})
    run(attack, noisy)
    assert attack.members["second"].asked == [10]


def test_who_follows_noise_does_not_begin_under_noise() -> None:
    seen, images, labels = observe(net(), victims=1, batch_size=1)
    attack = ensemble(
        {"first": claims(images.flip(-1), labels), "second": claims(images, labels)}, noiseless=("second",)
    )
    run(attack, replace(seen, defense=({"defense": "Gaussian", "std": 0.1},)))
    assert attack.members["second"].asked == []
    run(attack, seen)
    assert attack.members["second"].asked == [10]


def test_who_fits_what_it_can_begins_only_if_some_entries_alone_have_noise() -> None:
    seen, images, labels = observe(net(), victims=1, batch_size=1)
    attack = ensemble({"first": claims(images.flip(-1), labels), "robust": claims(images, labels)}, partial=("robust",))
    known = {"gaussian": {"defense": "Gaussian", "std": 0.1}, "some": {"defense": "GradDefense", "std": 0.1}}
    known["some"]["noisy_share"] = 0.5
    for defense, asked in ((None, []), ((known["gaussian"],), []), ((known["some"],), [10])):
        run(attack, replace(seen, defense=defense))
        assert attack.members["robust"].asked == asked


def test_who_was_made_for_a_defence_has_it_alone_but_for_members_without_a_budget() -> None:
    """Its claim counts with what it found of the client's draws: the true image is worse without it."""
    seen, images, labels = observe(net(), victims=1, batch_size=1)
    moved = replace(seen, gradients={name: value + SHIFT for name, value in seen.gradients.items()})
    members = {
        "exact": claims(images.flip(-1), labels),
        "general": claims(images.flip(-1), labels, budget=1),
        "special": claims(images, labels, Shifted, budget=1),
    }
    attack = ensemble(members, specialists=("special",))
    (found,) = attack.reconstruct(moved, 0)
    assert [one.asked for one in attack.members.values()] == [[10], [], [10]]
    assert torch.equal(found.inputs[0], images[0]) and found.member == ["special"]
    assert float(found.objective[0]) == pytest.approx(float(attack.prior(images[:1].double())), rel=1e-6)
    with pytest.raises(NotApplicable, match=r"general: needs attack\.evaluations=50"):
        ensemble({**members, "exact": claims(images, labels, Adaptive), "special": claims(images, labels, Adaptive),
                  "general": claims(images, labels, budget=50)}, evaluations=10).check(seen)  # fmt: skip


def test_fewer_entries_than_pixels_solve_nothing() -> None:
    seen, images, labels = observe(net(), victims=1, batch_size=1)
    pruned = {name: torch.zeros_like(value) for name, value in seen.gradients.items()}
    pruned["3.bias"] = seen.gradients["3.bias"]  # four entries for six pixels
    attack = ensemble({"first": claims(images, labels), "second": claims(images, labels)})
    run(attack, replace(seen, gradients=pruned))
    assert attack.members["second"].asked == [10]


def test_a_member_begins_only_if_its_budget_is_left() -> None:
    seen, images, labels = observe(net(), victims=2, batch_size=1)
    wrong = images.flip(-1)
    attack = ensemble(
        {
            "dear": claims(wrong, labels, cost=70, budget=70),
            "dearer": claims(images, labels, budget=40),
            "cheap": claims(wrong, labels, budget=20),
        }
    )
    found = run(attack, seen)
    assert attack.members["dearer"].asked == [] and attack.members["cheap"].asked == [10, 11]
    assert found.evaluations.tolist() == [73, 73]


def test_a_run_that_failed_is_chosen_only_if_all_did() -> None:
    seen, images, labels = observe(net(), victims=1, batch_size=1)
    failed = claims(images, labels, status=Status.DIVERGED)
    attack = ensemble({"failed": failed, "wrong": claims(images.flip(-1), labels)}, solved=0.0)
    assert next(attack.reconstruct(seen, 0)).member == ["wrong"]
    nothing = claims(images * torch.nan, labels, status=Status.UNVERIFIED)
    (one,) = ensemble({"nothing": nothing}).reconstruct(seen, 0)
    assert one.status == [Status.UNVERIFIED] and one.objective.isnan().all() and one.inputs.isnan().all()


def test_who_cannot_serve_is_left_out_and_named_once() -> None:
    seen, images, labels = observe(net(), victims=1, batch_size=1)
    attack = ensemble({"labelled": claims(images, labels, Labelled), "plain": claims(images, labels)})
    assert attack.needs == {"batch_size", "buffers"}
    for _ in range(2):
        assert next(attack.reconstruct(seen, 0)).member == ["plain"]
    assert attack.said == [
        "attack Strongest leaves out: labelled (attack Labelled needs to know the labels (threat=labels_known))"
    ]
    neither = {"labelled": Labelled, "adaptive": Adaptive}
    words = "no member that can serve: labelled: attack Labelled needs to know the labels .*; adaptive: attack Adaptive"
    with pytest.raises(NotApplicable, match=words):
        ensemble({name: claims(images, labels, kind) for name, kind in neither.items()}).check(seen)


def test_members_whose_budget_or_rest_leaves_no_one_are_no_ensemble() -> None:
    seen, images, labels = observe(net(), victims=1, batch_size=1)
    neither = {"labelled": claims(images, labels, Labelled), "dear": claims(images, labels, budget=200)}
    with pytest.raises(NotApplicable, match=r"labelled: .*; dear: needs attack\.evaluations=200 at least"):
        ensemble(neither).check(seen)
    resting = ensemble({"one": claims(images, labels)}, noiseless=("one",))
    resting.check(seen)
    with pytest.raises(NotApplicable, match="one: does not begin under noise"):
        resting.check(replace(seen, defense=({"defense": "Gaussian", "std": 0.1},)))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"width": 0.0}, "width=0"),
        ({"solved": -1.0}, "solved=-1"),
        ({"evaluations": 5}, "evaluations=5: every member has a larger budget"),
        ({"members": {}}, "name one attack at least"),
        ({"noiseless": ["other"]}, r"noiseless: no member other \(there are one\)"),
        ({"partial": ["other"]}, r"partial: no member other \(there are one\)"),
        ({"specialists": ["other"]}, r"specialists: no member other \(there are one\)"),
    ],
)
def test_numbers_have_their_ranges(settings: dict, words: str) -> None:
    _, images, labels = observe(net(), victims=1, batch_size=1)
    with pytest.raises(ValueError, match=words):
        ensemble(**{"members": {"one": claims(images, labels, budget=6)}, **settings})
