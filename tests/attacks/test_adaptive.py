"""Attackers that take the defence into account get through where plain ones do not, and ask for what they must know."""

import pytest
from attacks.test_gradient_matching import run

from bench.cli.main import main
from bench.errors import NotApplicable

# 6x6 keeps these at about a second each; 28x28 is in the slow tier
SMALL = ("data.set=mnist", "data.size=6", "model.width=8", "attack.evaluations=80")
SMALL += ("engine.compile=false", "engine.chunk=2")


def errors(parties, *overrides: str) -> list[float]:
    """Mean squared error of two real images, clipped."""
    built = parties(*overrides)
    victims = built.data.deal(range(2))
    claim = run(built.attack, built.client.share(victims))
    return ((claim.inputs.clamp(0, 1) - victims.inputs) ** 2).flatten(1).mean(1).tolist()


@pytest.mark.parametrize("attack", ["dlg", pytest.param("inverting_gradients", marks=pytest.mark.slow)])
def test_masked_attacks_read_through_pruning_of_seventy_percent(parties, attack: str) -> None:
    """What was zeroed says nothing, and the thirty percent that are left are as many equations as 6x6 pixels need."""
    defense = ("defense=pruning", "defense.fraction=0.7")
    assert max(errors(parties, f"attack={attack}_masked", *defense, *SMALL)) < 1e-3
    if attack == "dlg":
        assert min(errors(parties, "attack=dlg", *defense, *SMALL)) > 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("attack", ["dlg_masked", "dlg_layers"])
def test_soterias_layer_is_left_out(parties, attack: str) -> None:
    assert max(errors(parties, f"attack={attack}", "defense=soteria", *SMALL)) < 1e-3


@pytest.mark.slow
def test_plain_dlg_does_not_get_through_soteria(parties) -> None:
    assert min(errors(parties, "attack=dlg", "defense=soteria", *SMALL)) > 1e-2


@pytest.mark.slow
def test_in_the_quantised_domain_the_true_image_is_a_minimum_of_zero(parties) -> None:
    """Its gradient lies in the cell that was shared, so nothing pulls away from it; the plain objective is above zero
    there. In float64, where the client's rounding to its cell is exact but for the last digits."""
    settings = ("defense=int8", "threat=adaptive", "engine.dtype=float64", *SMALL)
    values = {}
    for attack in ("dlg_int8", "dlg"):
        built = parties(f"attack={attack}", *settings)
        victims = built.data.deal([0])
        seen = built.client.share(victims)
        gradient = seen.task.gradient(
            {n: v[0] for n, v in seen.parameters.items()}, {}, victims.inputs[0].double(), victims.labels[0]
        )
        value = built.attack.objective({n: v[None] for n, v in gradient.items()}, seen.gradients)
        values[attack] = value.item() / sum(v.square().sum().item() for v in seen.gradients.values())
    assert values["dlg_int8"] < 1e-12 < 1e-7 < values["dlg"]


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("attack=dlg_int8", "defense=int8"), "needs to know the client's defences"),
        (("attack=dlg_int8", "threat=adaptive"), "needs a client that quantises"),
        (("attack=dlg_layers", "attack.ignore=[fc.weight]"), "needs to know the client's defences"),
        (
            ("attack=dlg_layers", "attack.ignore=[fc.wait]", "threat=adaptive"),
            "no gradient of a parameter 'fc.wait' is shared",
        ),
    ],
)
def test_what_must_be_known_is_asked_for(parties, overrides: tuple[str, ...], says: str) -> None:
    with pytest.raises(NotApplicable, match=says):
        parties(*overrides)


def test_on_the_command_line_that_is_one_line_and_exit_code_2(tmp_path, capsys) -> None:
    settings = ["attack=dlg_int8", "defense=int8", "logger=none", "metric=mse", f"results={tmp_path / 'r'}"]
    assert main(["run", *settings]) == 2
    assert "needs to know the client's defences (threat=adaptive)" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "r").exists()


def test_layers_that_are_known_can_be_named(parties) -> None:
    built = parties("attack=dlg_layers", "attack.ignore=[fc.weight]", "threat=adaptive", "defense=soteria")
    assert built.attack.views[0].ignore == ["fc.weight"]


@pytest.mark.slow
def test_masked_dlg_reads_whole_digits_through_pruning_of_seventy_percent(parties) -> None:
    """20 real digits of 28x28: below an MSE of 1e-2 on all but two at most; plain DLG on none."""
    settings = ("defense=pruning", "defense.fraction=0.7", "data.set=mnist")
    found = {}
    for attack in ("dlg", "dlg_masked"):
        built = parties(f"attack={attack}", *settings)
        victims = built.data.deal(range(20))
        claim = run(built.attack, built.client.share(victims))
        found[attack] = ((claim.inputs.clamp(0, 1) - victims.inputs) ** 2).flatten(1).mean(1)
    assert (found["dlg_masked"] < 1e-2).sum() >= 18
    assert (found["dlg"] > 1e-2).all()
