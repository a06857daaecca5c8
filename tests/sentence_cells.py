"""Cells of sentences that are quick to run: few tokens, small networks, small vocabularies."""

from bench.config import compose
from bench.experiment import Parties, build

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
)


def parties(*overrides: str) -> Parties:
    """A cell's parties, as `leakbench run` builds them; writes nothing."""
    return build(compose([*QUICK, *overrides]))
