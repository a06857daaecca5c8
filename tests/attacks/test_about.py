"""A reader knows an attack of the user's own by its class and its first line, and one of leakbench by its file."""

import sys
import types

from bench.attacks.about import about
from bench.attacks.controls import Noise

PAPER = "A stronger attack (Doe 2026, arXiv 2601.00001)."


def own(doc: str | None, of_module: str | None = None) -> dict[str, str] | None:
    module = types.ModuleType("their_lab", of_module)
    sys.modules["their_lab"] = module
    try:
        kind = type("Stronger", (Noise,), {"__module__": "their_lab", "__doc__": doc})
        return about(kind.__new__(kind))
    finally:
        del sys.modules["their_lab"]


def test_an_attack_of_leakbench_needs_no_words() -> None:
    assert about(Noise.__new__(Noise)) is None


def test_the_first_line_of_the_class_counts_then_that_of_its_file() -> None:
    assert own(f"{PAPER}\n\nMore.") == {"class": "their_lab.Stronger", "about": PAPER}
    assert own(None, f"\n{PAPER}\nMore.") == {"class": "their_lab.Stronger", "about": PAPER}


def test_a_docstring_of_leakbench_is_not_taken_for_the_users() -> None:
    assert own(None) == {"class": "their_lab.Stronger"}


def test_a_long_line_is_cut() -> None:
    assert len(own("x" * 5000)["about"]) == 300  # type: ignore[index]
