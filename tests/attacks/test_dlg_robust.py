"""An attacker that gives up the entries that do not fit reads through noise on some entries, where others do not."""

import pytest
from attacks.test_adaptive import errors

SMALL = ("data.set=mnist", "data.size=10", "attack.evaluations=150", "engine.compile=false", "engine.chunk=2")
OUTPOST = ("defense=outpost", "defense.decay=0")


def test_outposts_noise_is_given_up(parties) -> None:
    assert max(errors(parties, "attack=dlg_robust", *OUTPOST, *SMALL)) < 1e-3
    assert min(errors(parties, "attack=dlg_masked", *OUTPOST, *SMALL)) > 5e-2


@pytest.mark.slow
def test_graddefenses_noise_is_given_up(parties) -> None:
    """Half of the slices are equations without noise; a squared error weighs them as the others."""
    settings = ("defense=graddefense", "defense.std=1e-1", "data.set=mnist", "data.size=12", "attack.evaluations=300")
    assert max(errors(parties, "attack=dlg_robust", *settings)) < 1e-2
    assert min(errors(parties, "attack=dlg", *settings)) > 2e-2


@pytest.mark.slow
def test_noise_on_every_entry_leaves_nothing_to_fit(parties) -> None:
    settings = ("defense=gaussian", "defense.std=1e-1", "data.set=mnist", "data.size=12", "attack.evaluations=300")
    assert min(errors(parties, "attack=dlg_robust", *settings)) > 1e-2
