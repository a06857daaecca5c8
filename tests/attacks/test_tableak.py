"""TabLeak: rows come back, the ensemble says what it is sure of, and what it returns is what the attacker prefers."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from observations import net, observe
from row_observations import COLUMNS, observe_rows

from bench.attacks.tableak import TabLeak
from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.engine.settings import EngineSettings
from bench.errors import NotApplicable, UserError
from bench.metrics.table.scorer import assign_rows

ENGINE = EngineSettings(chunk=None, threads=None, compile=False, precision="float64")


def attack(*overrides: str, **changes: Any) -> TabLeak:
    cfg = compose(["attack=tableak", "attack.evaluations=200", *overrides])
    return instantiate(cfg.attack, "attack", engine=replace(ENGINE, **changes))


def claims(built: TabLeak, seen: Any) -> dict[int, Any]:
    found = [one for claim in built.reconstruct(seen, 0) for one in claim.each()]
    return {int(one.ids[0]): one for one in sorted(found, key=lambda one: int(one.ids[0]))}


@pytest.fixture(scope="module")
def better() -> tuple[dict[int, Any], Any, Any]:
    seen, rows, _ = observe_rows()
    return claims(attack(), seen), seen, rows


def test_categories_come_back_and_are_hard(better: Any) -> None:
    found, _, rows = better
    inputs = torch.cat([one.inputs for one in found.values()]).double()
    assert torch.equal(COLUMNS.hard(inputs), inputs)
    order = assign_rows(inputs, rows, COLUMNS)
    right = COLUMNS.right(inputs.take_along_dim(order[..., None], 1), rows, 0.319)
    # 4 runs of 200 signed steps of 0.06 end within a step of each value, or find no row at all
    assert right.double().mean() > 0.9


def test_the_uncertainty_is_told_without_the_truth(better: Any) -> None:
    found, _, _ = better
    for one in found.values():
        assert one.trace["uncertainty"].shape == (1, 2, len(COLUMNS))
        assert one.trace["uncertainty"].isfinite().all() and (one.trace["uncertainty"] >= 0).all()
        assert (one.trace["uncertainty"][..., 1:3] <= 1 + 1e-6).all()  # shares of the largest entropy


def test_pooled_rows_are_returned_only_where_they_match_better(better: Any) -> None:
    found, seen, _ = better
    never, always = (claims(attack(f"attack.pooled={word}"), seen) for word in ("never", "always"))
    for victim, one in found.items():
        lowest = min(float(other[victim].objective) for other in (never, always))
        assert float(one.objective) == pytest.approx(lowest, rel=1e-6)
        assert int(one.evaluations) == 4 * 200 == int(never[victim].evaluations)
        assert "uncertainty" not in never[victim].trace


def test_a_victim_is_the_same_alone_and_among_others(better: Any) -> None:
    found, seen, _ = better
    (alone,) = claims(attack(), seen.take(torch.tensor([1]))).values()
    assert torch.equal(alone.inputs, found[11].inputs)


def test_images_are_refused_and_so_are_columns_that_are_not_granted() -> None:
    seen, _, labels = observe(net())
    with pytest.raises(NotApplicable, match="TabLeak needs rows of a table whose columns are known"):
        attack().check(replace(seen, labels=labels))
    rows, _, _ = observe_rows()
    with pytest.raises(NotApplicable, match="TabLeak needs rows of a table"):
        attack().check(replace(rows, task=replace(rows.task, columns=None)))


def test_another_word_for_pooling_is_refused() -> None:
    with pytest.raises(UserError, match="want always, better or never"):
        attack("attack.pooled=maybe")
