"""`leakbench run` runs attacks; a training is named as what it is."""

from bench.cli.main import main


def test_a_training_is_sent_to_its_own_command(capfd) -> None:
    assert main(["run", "training=held_out"]) == 2
    assert "a model is trained by `leakbench train`" in capfd.readouterr().err
