"""Cells of LAMP on sentences of CoLA."""

import functools

import pytest

from bench.config.compose import compose
from bench.running.components import build


@pytest.fixture(scope="module")
def cell(shared_data):
    """The parties of a cell of CoLA sentences, from overrides."""

    @functools.cache
    def make(*overrides: str, threat: str = "surrogate"):
        cola = ["data=text_file", f"data.root={shared_data / 'text' / 'cola.tsv'}", "data.tokens=7", "logger=none"]
        numerics = [
            "model.layers=1",
            "model.width=32",
            "model.feed_forward=32",
            "model.vocabulary.size=1000",
            "engine.threads=1",
            "engine.compile=false",
            "engine.dtype=float64",
            "engine.chunk=4",
        ]
        return build(compose([*cola, *numerics, "attack=lamp", f"threat={threat}", *overrides]))

    return make
