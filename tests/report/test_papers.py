"""The paper's column: the figures of configs/experiment stand beside every cell that follows the same protocol."""

import csv
import io
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from bench.config import options
from bench.config.compose import compose
from bench.report import csv_file, latex, markdown, papers
from bench.report.leaderboard import leaderboard, page, raw
from bench.results import query
from bench.results.identity import identity
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak

BY_HAND = ["attack=dlg_published", "data=mnist", "model=lenet", "data.split=train"]
MNIST = "label acc. 0.899 (2001.02610 Table 1, READ); success rate at MSE 1e-2 0.76 (2001.02610 Figure 1, DIGITISED)"


def config_of(overrides: list[str]) -> dict:
    return OmegaConf.to_container(compose(overrides))  # type: ignore[return-value]


def figures(overrides: list[str]) -> str:
    return papers.words(papers.figures_of({"config": config_of(overrides)}))


@pytest.mark.parametrize("name", options.entries("experiment"))
def test_every_experiment_finds_its_own_figures(name: str) -> None:
    stated = yaml.safe_load(options.entries("experiment")[name].path.read_text())["paper"]
    assert all(set(one) == {"value", "source", "known"} and one["known"] in papers.KNOWN for one in stated)
    assert papers.figures_of({"config": config_of([f"experiment={name}"])}) == stated


def test_a_cell_is_the_same_with_the_experiment_and_by_hand() -> None:
    named, by_hand = config_of(["experiment=table1_dlg_mnist"]), config_of([*BY_HAND, "data.victims=1000"])
    assert named == by_hand and "paper" not in named
    assert identity(named, {}) == identity(by_hand, {})


def test_any_number_of_victims_and_any_seed_follow_the_protocol() -> None:
    assert figures([*BY_HAND, "data.victims=8", "seed=3"]) == MNIST


@pytest.mark.parametrize(
    "change",
    [
        "attack=dlg",
        "attack.lr=0.5",
        "data.split=test",
        "data.batch_size=2",
        "data.labels=random",
        "model.activation=tanh",
        "defense=gaussian",
        "threat=labels_known",
    ],
)
def test_another_setting_has_no_figure(change: str) -> None:
    key = change.partition("=")[0]
    assert figures([*(word for word in BY_HAND if not word.startswith(f"{key}=")), change]) == ""


def test_the_figures_and_how_they_are_known_are_in_every_form(tmp_path: Path) -> None:
    for number, overrides in enumerate((BY_HAND, ["attack=dlg", *BY_HAND[1:]])):
        config = config_of(overrides)
        labels = {group: config["names"][group] for group in ("attack", "data", "model", "defense", "threat")}
        cell = Store(tmp_path).cell(StoredLeak, "dlg", f"{number:016x}", {"labels": labels, "config": config})
        cell.append([{"victim": 0, "status": "budget", "batch_size": 1}], [])
    board = leaderboard(query.cells(tmp_path))
    assert {row.summary["attack"]: row.paper for row in board.rows} == {"dlg_published": MNIST, "dlg": ""}
    text = markdown.page(page(board, {}))
    assert (
        f"| {MNIST} |" in text and "- The column paper has what a paper reports of the same setting. READ: in" in text
    )
    assert MNIST in latex.page(page(board, {})) and "DIGITISED: measured off a figure" in latex.page(page(board, {}))
    assert sorted(line["paper"] for line in csv.DictReader(io.StringIO(csv_file.text(raw(board))))) == ["", MNIST]
