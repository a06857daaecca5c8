"""A cell's parties on real sentences, as `leakbench run` builds them; nothing is written."""

from pathlib import Path

from bench.config import compose
from bench.experiment import Parties, build


def cola(shared_data: Path, *overrides: str) -> Parties:
    """On sentences of CoLA, from the fixture `shared_data`."""
    data = ["data=text_file", f"data.root={shared_data / 'text' / 'cola.tsv'}"]
    return build(compose([*data, "logger=none", "engine.threads=1", *overrides]))
