"""The tables of docs/exact-attacks.md say what the attacks declare and answer today, and what its file has measured."""

import csv
from pathlib import Path

import pytest
import which_attack
from made_tables import END
from which_attack import BEGIN, CELLS, MEASURED, MODELS, PAGE

from bench.attacks.base import Attack
from bench.attacks.exact.spear.attack import Spear
from bench.attacks.gradient_matching import GradientMatching


@pytest.fixture(scope="module")
def known() -> dict[str, Attack]:
    """Each attack composed and built, which takes a second for all of them; tests leave them as they are."""
    return which_attack.attacks()


def rows(title: str) -> list[list[str]]:
    """The rows of the table whose first column has this title, as they stand in the page."""
    made = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    blocks = [block.splitlines() for block in made.strip().split("\n\n")]
    (found,) = [block for block in blocks if block[0].startswith(f"| {title} ")]
    return [[entry.strip() for entry in line.strip("| ").split(" | ")] for line in found[2:]]


@pytest.mark.slow
def test_the_page_has_the_needs_of_every_attack_and_the_figures_of_its_file(known) -> None:
    measured = which_attack.read(MEASURED)
    assert rows("attack") == [which_attack.needs_row(name, attack, measured) for name, attack in known.items()]
    assert isinstance(known["spear"], Spear) and isinstance(known["dlg"], GradientMatching)
    assert not {"noise", "mean", "dager", "dlg_adam"} & set(known)  # controls, sentences, and presets of a class


def test_the_page_has_every_cell_of_its_file() -> None:
    made = PAGE.read_text().partition(CELLS)[2].partition(END)[0].strip().splitlines()
    assert [[entry.strip() for entry in line.strip()[1:-1].split("|")] for line in made[2:]] == which_attack.cell_rows(
        MEASURED
    )
    refused = [row for row in which_attack.cell_rows(MEASURED) if row[3] == "refused"]
    assert {row[0] for row in refused} == {"`rgap`", "`april`", "`patch_span`"}  # larger batches


@pytest.mark.slow
def test_the_page_says_which_attacks_take_a_gradient_of_the_smallest_models(known) -> None:
    for model in ("mlp_wide", "lenet"):
        assert which_attack.model_row(model, known) in rows("model")


@pytest.mark.slow
def test_the_page_says_which_attacks_take_a_gradient_of_each_model(known) -> None:
    assert rows("model") == [which_attack.model_row(model, known) for model in MODELS]


def test_a_cell_without_figures_is_left_out(tmp_path: Path) -> None:
    """A refused cell has neither a success rate nor a time."""
    head = ["attack", "model", "B", "success_1e-4", "success_1e-4_n", "seconds_per_victim"]
    lines = [["rgap", "cnn6", "1", "0.75", "4", "2.51"], ["rgap", "cnn6", "4", "", "", ""]]
    with (tmp_path / "some.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head, *lines])
    assert which_attack.read(tmp_path / "some.csv") == {"rgap": ["`cnn6`, B = 1: 75 % of 4 images, 3 s"]}


def test_the_tables_are_written_between_the_marks(known, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nbetween\n\n{CELLS}\n\nold\n\n{END}\n\nafter\n")
    monkeypatch.setattr(which_attack, "PAGE", page)
    monkeypatch.setattr(which_attack, "attacks", lambda: known)
    monkeypatch.setattr(which_attack, "MODELS", ("mlp_wide model.width=16",))
    which_attack.main()
    before, _, rest = page.read_text().partition(BEGIN)
    made, _, after = rest.partition(END)
    between, _, cells = after.partition(CELLS)
    assert (before, between) == ("before\n\n", "\n\nbetween\n\n") and "old" not in made + cells
    assert cells.strip().startswith("| attack | model | B |") and cells.endswith(f"{END}\n\nafter\n")
    assert "`model=mlp_wide model.width=16`" in made
