"""A cell that fails is one line, exit code 1 and a row; its traceback is shown."""

from pathlib import Path

from bench.cli.cell_states import look
from bench.cli.main import main

ATTACK = """from bench.attacks.controls import Noise


class Luckless(Noise):
    def reconstruct(self, seen, seed):
        raise ZeroDivisionError("no such luck")
"""


def test_an_attack_that_raises_fails_the_cell_and_is_kept_on_record(tmp_path: Path, monkeypatch, capfd) -> None:
    (tmp_path / "luckless.py").write_text(ATTACK)
    (tmp_path / "mine" / "attack").mkdir(parents=True)
    text = "# fails\n_target_: luckless.Luckless\nversion: 1\ncontrol: true\n"
    (tmp_path / "mine" / "attack" / "luckless.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ["run", "attack=luckless", "--config-dir", "mine", "data.set=mnist", "metric=mse", "logger=none"]
    assert main([*words, "data.victims=1", "results=out"]) == 1
    err = capfd.readouterr().err
    assert err.endswith("leakbench: failed: ZeroDivisionError: no such luck\n") and "Traceback" in err
    (cell,) = look(tmp_path / "out").cells
    assert (cell.state, cell.reason) == ("failed", "ZeroDivisionError: no such luck")
