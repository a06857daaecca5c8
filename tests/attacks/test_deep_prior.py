"""Deep image prior: it runs for any image, its victims do not depend on one another, and it refuses other starts."""

import pytest
import torch
from attacks.test_gradient_matching import run

from bench.errors import NotApplicable

TINY = ("data.set=mnist", "data.size=8", "model.width=3", "engine.dtype=float64", "engine.compile=false")
SMALL = ("attack=deep_prior", "attack.variables.latent=4", "attack.variables.width=4")
GRANTED = ("threat=training_details", "threat.labels=true")


@pytest.mark.slow
def test_the_objective_falls_and_the_image_is_what_the_network_draws(parties) -> None:
    built = parties(*SMALL, *TINY, "attack.evaluations=15", "attack.lr=2e-2", "engine.chunk=2")
    victims = built.data.deal([0, 1])
    seen = built.client.share(victims)
    claims = list(built.attack.reconstruct(seen, 0))
    for claim in claims:
        first = claim.trace["curve"][0][0].item()
        assert claim.objective.item() < 0.5 * first
        assert claim.inputs.shape == (1, 1, 1, 8, 8) and ((claim.inputs > 0) & (claim.inputs < 1)).all()
        assert claim.trace["images"].shape[2:] == (1, 1, 8, 8)
    assert {int(claim.labels) for claim in claims} == set(victims.labels.flatten().tolist())


@pytest.mark.slow
def test_many_at_once_equal_one_by_one_and_restarts_differ(parties) -> None:
    """float64 and few steps: the sign of an entry could turn by rounding only where its gradient is rounding."""
    settings = (*SMALL, *TINY, "attack.evaluations=4", "attack.restarts=2")
    several, single = parties(*settings, "engine.chunk=4"), parties(*settings, "engine.chunk=1")
    seen = several.client.share(several.data.deal(range(3)))
    together, alone = run(several.attack, seen), run(single.attack, seen)
    torch.testing.assert_close(together.inputs, alone.inputs, rtol=1e-6, atol=1e-6)
    assert together.evaluations.tolist() == [8] * 3
    assert not torch.equal(several.attack.start_of(seen, 0, 0, 0), several.attack.start_of(seen, 0, 0, 1))


def test_no_step_moves_the_code(parties) -> None:
    built = parties(
        *SMALL,
        *TINY,
        "engine.chunk=1",
        "attack.evaluations=3",
        "attack.lr=1e-1",
        "data.batch_size=2",
        "threat=labels_known",
    )
    seen = built.client.share(built.data.deal([0]))
    kept = []
    claim = built.attack._claim
    built.attack._claim = lambda finished, *rest: kept.extend(finished) or claim(finished, *rest)
    run(built.attack, seen)
    start = built.attack.start_of(seen, 0, 0)
    assert torch.equal(kept[0].x[-8:], start[-8:]) and (kept[0].x[:-8] != start[:-8]).any()


def test_starts_belong_to_their_variables(parties) -> None:
    with pytest.raises(Exception, match=r"start='gray': want weights \(variables=Generator\)"):
        parties(*SMALL, "attack.start=gray")
    with pytest.raises(Exception, match=r"start='weights': want gray, uniform, normal, .*\(variables=Dct\)"):
        parties("attack=idlg", "attack.start=weights")
    with pytest.raises(Exception, match="box=true: a projection needs pixels"):
        parties(*SMALL, "attack.box=true")


@pytest.mark.parametrize("target", ["dlg_in_turn.DLGInTurn", "fedavg.FedAvg"])
def test_attacks_with_variables_of_each_image_refuse_a_generator(parties, target: str) -> None:
    with pytest.raises(NotApplicable, match="needs variables of each image, such as pixels"):
        parties(*SMALL, *TINY, f"attack._target_=bench.attacks.{target}", "defense=local_epochs", *GRANTED)
