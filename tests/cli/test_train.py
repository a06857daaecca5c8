"""`leakbench train` chooses how to train unless the user does, and takes one device."""

import json

import pytest

from bench.cli.main import main


@pytest.mark.parametrize(("words", "option"), [([], "held_out"), (["training=official"], "official")])
def test_the_way_of_training_is_the_default_or_the_one_that_is_named(words: list[str], option: str, capfd) -> None:
    assert main(["train", *words, "trainer.devices=2", "trainer.accelerator=cpu", "--cfg", "--json"]) == 0
    config = json.loads(capfd.readouterr().out)
    assert config["names"]["training"].split(" ")[0] == option
    assert config["trainer"]["devices"] == 1
