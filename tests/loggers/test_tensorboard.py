"""TensorBoard tells the same figures as the store, of images and of sentences."""

from importlib import util
from pathlib import Path
from typing import Any

import pytest
from loggers.test_csv import QUICK
from oracle_attack import run

from bench.config.compose import compose
from bench.errors import UserError
from bench.loggers import tensorboard
from bench.running.cell import run_cell


def events(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (path,) = folder.glob("tensorboard/*/version_0")
    return EventAccumulator(str(path)).Reload()


@pytest.mark.slow
def test_a_real_cell_is_told_of(tmp_path: Path) -> None:
    document = run_cell(compose(["logger=tensorboard", *QUICK, f"results={tmp_path}"]))
    found = events(tmp_path)
    assert found.Scalars("score/mse")[-1].value == pytest.approx(document["mse"]["mean"], rel=1e-6)
    medians = [event.value for event in found.Scalars("objective/median")]
    assert len(medians) >= 5 and medians[-1] < medians[0]
    (truth,) = found.Images("pictures/truth")
    steps = [event.step for event in found.Images("pictures/reconstruction")]
    assert steps == sorted(set(steps)) and len(steps) > 2 and truth.width >= 2 * 28


@pytest.mark.slow
def test_a_cell_of_sentences_is_told_of(tmp_path: Path) -> None:
    document = run(tmp_path / "r", "logger=tensorboard", "data.victims=2")
    told = events(tmp_path / "r").Scalars("score/exact_match")[-1].value
    assert told == pytest.approx(document["exact_match"]["mean"], rel=1e-6)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for where the logger is made, before any work."""
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: None if "tensorboard" in name else util.find_spec(name))
    with pytest.raises(UserError, match=r"pip install 'leakbench\[tensorboard\]'"):
        tensorboard.TensorBoard(pictures=True)
