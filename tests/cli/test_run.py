"""`leakbench run` runs attacks; a training is named as what it is."""

import json

from bench.cli.main import main


def test_a_training_is_sent_to_its_own_command(capfd) -> None:
    assert main(["run", "training=held_out"]) == 2
    assert "a model is trained by `leakbench train`" in capfd.readouterr().err


def test_an_attack_that_finds_nothing_has_a_row_with_success_0_and_exit_code_0(capfd, tmp_path) -> None:
    """Noise hides the zeros that SPEAR needs: its victims count as failures, and the cell does not."""
    words = ["run", "attack=spear", "attack.starts=256", "model=mlp_wide", "model.width=64", "data.batch_size=3"]
    words += ["defense=gaussian", "defense.std=1e-2", "data.victims=2", "metric=mse", "logger=none", "--json"]
    assert main([*words, f"results={tmp_path}", "engine.threads=1"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["victims"], found["failures"], found["mse"]) == (2, 2, None)
    assert [found["success_rate"][level]["mean"] for level in ("1e-2", "1e-3", "1e-4")] == [0, 0, 0]
