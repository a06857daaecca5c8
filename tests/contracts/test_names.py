"""One name, one thing: no class of the package has the name of another."""

import ast
from collections import defaultdict
from pathlib import Path

import bench

BENCH = Path(bench.__file__).parent


def test_no_two_classes_have_one_name():
    found = defaultdict(list)
    for path in sorted([*BENCH.rglob("*.py"), *(BENCH / "datamodules").rglob("*.py")]):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(BENCH)))
    assert len(found) > 200
    assert {name: places for name, places in found.items() if len(places) > 1} == {}
