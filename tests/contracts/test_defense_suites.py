"""Every defence has a row under an attacker who knows it, in one of the suites of defences."""

import shlex

import yaml

from bench.config import options

SUITES = ("defenses", "defenses_more")


def adaptive(name: str) -> set[str]:
    """The defences that a suite attacks by an attack of `threat=adaptive`."""
    suite = yaml.safe_load(options.entries("suite")[name].path.read_text())
    cells = [f"{defense} {attack}" for defense in suite["grid"][0] for attack in suite["grid"][1]]
    words = [shlex.split(cell) for cell in (*cells, *suite["also"])]
    known = [cell for cell in words if "threat=adaptive" in cell]
    return {word.removeprefix("defense=") for cell in known for word in cell if word.startswith("defense=")}


def test_every_defence_is_attacked_by_who_knows_it() -> None:
    assert set().union(*map(adaptive, SUITES)) == set(options.entries("defense"))
