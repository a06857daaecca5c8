"""TS-Inverse: series come back where the gradient determines them, and its terms help where it does not."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from observations import net, observe
from row_observations import observe_rows
from series_observations import PERIOD, daily, narrow, observe_series, wide
from torch import Tensor

from bench.attacks.base import Attack
from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable
from bench.messages.observation import Observation

ENGINE = EngineSettings(chunk=None, threads=None, compile=False, precision="float64")
SERIES = daily(4, noise=0.05, seed=1).unsqueeze(1)


def attack(*overrides: str, name: str = "tsinverse") -> Attack:
    cfg = compose([f"attack={name}", "attack.evaluations=400", *overrides])
    built: Attack = instantiate(cfg.attack, "attack", engine=ENGINE)
    return built


def claim(built: Attack, seen: Observation) -> Tensor:
    found = [one for claim in built.reconstruct(seen, 0) for one in claim.each()]
    return torch.cat([one.inputs for one in sorted(found, key=lambda one: int(one.ids[0]))]).double()


def errors(guess: Tensor) -> Tensor:
    return (guess - SERIES).flatten(1).norm(dim=1) / SERIES.flatten(1).norm(dim=1)


@pytest.mark.parametrize("labels_known", [True, False])
def test_series_come_back_exactly_where_the_gradient_determines_them(labels_known: bool) -> None:
    seen, _ = observe_series(wide(), SERIES)
    seen = seen if labels_known else replace(seen, labels=None)
    # the last steps of Adam are a thousandth of the first, which are 0.06
    assert errors(claim(attack(), seen)).max() < 1e-3


def test_the_period_helps_where_the_gradient_leaves_most_open_and_it_beats_the_public_mean() -> None:
    """Six outputs of one filter are known of 24 values, so that a match alone leaves the values between them open."""
    seen, _ = observe_series(narrow(), SERIES)
    without = errors(claim(attack("attack.trend=0"), seen))
    helped = errors(claim(attack("attack.trend=0", "attack.periodicity=0.1", f"attack.period={PERIOD}"), seen))
    public = errors(daily(200, noise=0.05, seed=2).mean(0).expand_as(SERIES))
    assert (helped < without).all() and (helped < public).all()
    assert helped.mean() < 0.9 * without.mean() and helped.mean() < 0.6 * public.mean()


def test_a_victim_is_the_same_alone_and_among_others() -> None:
    seen, _ = observe_series(narrow(), SERIES)
    short = attack("attack.evaluations=40")
    assert torch.equal(claim(short, seen)[[2]], claim(short, seen.take(torch.tensor([2]))))


def test_the_loss_is_the_one_of_its_code_written_plainly() -> None:
    """The published form: absolute differences, lines by least squares, values one period apart."""
    seen, _ = observe_series(narrow(), SERIES)
    built: Any = attack("attack.period=8", "attack.trend=2", "attack.periodicity=0.5", name="tsinverse_published")
    guess = torch.randn(SERIES.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    mine, _ = observe_series(narrow(), guess)
    found = built.objective(mine.gradients, seen.gradients) + sum(prior(guess) for prior in built.priors)
    time = torch.stack([torch.ones(24), torch.arange(24.0)], 1).double()
    for v in range(4):
        series = guess[v].flatten()
        line = time @ torch.linalg.lstsq(time, series.unsqueeze(1)).solution.flatten()
        gap = sum((mine.gradients[name][v] - value[v]).abs().sum() for name, value in seen.gradients.items())
        wanted = gap + 2 * (series - line).abs().mean() + 0.5 * (series[8:] - series[:-8]).abs().mean()
        assert float(found[v]) == pytest.approx(float(wanted), rel=1e-10)


def test_other_data_are_refused_in_one_line() -> None:
    images, _, labels = observe(net())
    with pytest.raises(NotApplicable, match=r"TSInverse needs time series \(data=series\)"):
        attack().check(replace(images, labels=labels))
    rows, _, _ = observe_rows()
    with pytest.raises(NotApplicable, match=r"TSInverse needs time series \(data=series\)"):
        attack().check(rows)


def test_priors_of_images_are_refused_on_series_and_those_of_series_on_images() -> None:
    seen, _ = observe_series(wide(), SERIES)
    with pytest.raises(NotApplicable, match=r"the prior TotalVariation, which is not for series \(attack.priors="):
        attack(name="inverting_gradients").check(seen)
    images, _, labels = observe(net())
    with pytest.raises(NotApplicable, match="the prior TemporalVariation, which is not for images"):
        attack(name="inverting_gradients_series").check(replace(images, labels=labels))
    rows, _, _ = observe_rows()
    with pytest.raises(NotApplicable, match="the prior TemporalVariation, which is not for rows"):
        attack(name="inverting_gradients_series").check(rows)


@pytest.mark.parametrize("name", ["dlg", "dlg_in_turn", "idlg", "inverting_gradients_series"])
def test_attacks_by_gradient_matching_find_series_too(name: str) -> None:
    seen, _ = observe_series(wide(), SERIES)
    assert errors(claim(attack(name=name), seen)).max() < 0.1
