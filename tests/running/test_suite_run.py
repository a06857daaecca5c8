"""The order in which the cells of a suite begin."""

from pathlib import Path

import own_suites
import pytest

PRICED = """
overrides: [data=samples, data.set=mnist, data.victims=2, logger=none, metric=mse, model=lenet5, trainer=cpu]
grid:
  - [defense=none, defense=sign]
  - [attack=noise]
utility: [training=held_out, training.train=12, training.test=6, training.batch_size=4, training.epochs=1,
  training.runs=1]
"""


@pytest.mark.slow
def test_trainings_begin_first_because_they_take_longest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, document = own_suites.run(PRICED, "results=out", "executor.workers=1", "engine.threads=1")
    assert code == 0
    said = [line for line in capfd.readouterr().err.splitlines() if line.startswith("cell ")]
    assert ["accuracy" in line for line in said] == [True, True, False, False]
    assert ["attack" in cell for cell in document["cells"]] == [True, True, False, False]  # in the suite's order
