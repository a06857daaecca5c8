"""The preset `strongest`: what it solves, what it spares, and which member knows which defence."""

import pytest
import torch
from attacks.test_gradient_matching import run

SMALL = ("attack=strongest", "data.set=mnist", "data.size=8", "model.width=3", "engine.compile=false")


def test_the_preset_solves_an_undefended_digit_at_a_fraction_of_its_budget(parties) -> None:
    built = parties(*SMALL)
    victims = built.data.deal([0])
    seen = built.client.share(victims)
    truth = victims.inputs.clone()
    victims.inputs.fill_(0.5)  # the truth is gone before the attacker begins
    victims.labels.fill_(0)
    (found,) = built.attack.reconstruct(seen, 0)
    assert float((found.inputs - truth).square().mean()) < 1e-6
    assert int(found.evaluations[0]) < built.attack.evaluations / 10


def test_each_member_has_settings_of_its_own_and_hears_what_the_engine_hears(parties) -> None:
    """What is compiled for one objective must not serve another one of the same shape."""
    built = parties(*SMALL)
    matching = [member for member in built.attack.members.values() if hasattr(member, "minimiser")]
    assert len({id(member.engine.tuned) for member in matching}) == len(matching) > 4
    heard: list[str] = []
    built.engine.notice = heard.append
    list(built.attack.reconstruct(built.client.share(built.data.deal([0])), 0))
    assert len(heard) == 1 and "leaves out: linear_layer" in heard[0]


@pytest.mark.slow
def test_victims_do_not_depend_on_one_another(parties) -> None:
    """Under noise, so that no victim is solved; with short runs, since how far they get does not matter here."""
    places = ("", "members.posterior.", "members.angle.", "members.relu.")
    short = [f"attack.{place}stop.evaluations=40" for place in places]
    words = (*SMALL, "threat=adaptive", "defense=gaussian", "engine.dtype=float64", *short)
    several, single = parties(*words, "engine.chunk=3"), parties(*words, "engine.chunk=1")
    seen = several.client.share(several.data.deal(range(3)))
    together, alone = run(several.attack, seen), run(single.attack, seen)
    torch.testing.assert_close(together.inputs, alone.inputs, rtol=1e-4, atol=1e-4)
    for i in range(3):
        (one,) = single.attack.reconstruct(seen.take(torch.tensor([i])), 0)
        assert torch.equal(one.inputs[0], alone.inputs[i]) and int(one.evaluations[0]) == int(alone.evaluations[i])


@pytest.mark.parametrize(
    ("defense", "member", "batch_size"),
    [
        ("precode", "latent", 1),
        ("dcs2", "concealed", 1),
        ("graddefense", "robust", 1),
        ("mixup", "unmixed", 2),
        ("instahide", "decoded", 2),
        ("ats", "untransformed", 1),
    ],
)
def test_the_preset_has_a_member_for_a_defence_that_hides_numbers(
    parties, defense: str, member: str, batch_size: int
) -> None:
    built = parties(*SMALL, "threat=adaptive", f"defense={defense}", f"data.batch_size={batch_size}")
    seen, attack = built.client.share(built.data.deal([0])), built.attack
    roles = attack._roles(seen)
    left_out, resting = roles.left_out, roles.resting
    assert member not in {**left_out, **resting}
    if defense in ("mixup", "instahide", "ats"):
        assert "rgap" in {**left_out, **resting}  # it would read the changed example
    plain = parties(*SMALL, "threat=adaptive")
    seen = plain.client.share(plain.data.deal([0]))
    others = plain.attack._roles(seen)
    assert member in {**others.left_out, **others.resting}


@pytest.mark.slow
def test_every_undefended_victim_comes_back(parties) -> None:
    built = parties("attack=strongest", "data.set=mnist", "data.victims=16")
    victims = built.data.deal(range(16))
    found = run(built.attack, built.client.share(victims))
    assert float((found.inputs - victims.inputs).square().flatten(1).mean(1).max()) <= 1e-2
    assert int(found.evaluations.max()) < built.attack.evaluations / 5
