"""The examples of docs/audit.md run, and give the verdicts that the page is about."""

import re
import textwrap
from pathlib import Path

import pytest
import torch

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
BLOCKS = [textwrap.dedent(code) for code in re.findall(r"^ *```python\n(.*?)^ *```", PAGE, re.S | re.M)]


# What each example is about, in the order of the page. A mask that is not known may hide its image.
ANY = {"LEAKS", "PARTLY", "NOTHING FOUND"}
VERDICTS = [{"LEAKS"}, ANY, {"LEAKS"}, {"LEAKS"}, {"LEAKS"}, {"LEAKS"}, {"LEAKS"}, ANY, {"LEAKS"}, ANY - {"LEAKS"}]


@pytest.mark.parametrize("place", range(len(VERDICTS)))
def test_an_example_runs(place: int, capsys) -> None:
    assert len(BLOCKS) == len(VERDICTS)
    names: dict = {"__name__": "example"}
    torch.manual_seed(0)
    exec(compile(BLOCKS[place], "audit.md", "exec"), names)  # the page is ours
    found = {value.verdict.value for value in names.values() if hasattr(value, "verdict")}
    assert found and found <= VERDICTS[place]
