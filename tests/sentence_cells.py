"""Cells of sentences for tests, built as `leakbench run` builds them; nothing is written."""

from pathlib import Path

from bench.config.compose import compose
from bench.running.components import Components, build

QUICK = (
    "data=sentences",
    "data.tokens=10",
    "model.layers=1",
    "model.width=16",
    "model.feed_forward=16",
    "model.vocabulary.size=1500",
    "logger=none",
    "engine.threads=1",
    "engine.compile=false",
    "engine.chunk=3",  # few victims: the other slots would be computed for nobody
)


# for cells of CoLA: at most ten tokens of a small vocabulary
SHORT = ("data.tokens=10", "model.vocabulary.size=1500")


def parties(*overrides: str) -> Components:
    """A cell that is quick to run: few tokens, a small network, a small vocabulary."""
    return build(compose([*QUICK, *overrides]))


def cola(shared_data: Path, *overrides: str) -> Components:
    """On sentences of CoLA, from the fixture `shared_data`, with the presets as they are."""
    data = ["data=text_file", f"data.root={shared_data / 'text' / 'cola.tsv'}"]
    return build(compose([*data, "logger=none", "engine.threads=1", *overrides]))
