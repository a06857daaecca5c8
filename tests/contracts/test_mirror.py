"""Tests mirror the tree: `bench/engine/trace.py` is tested by `tests/engine/test_trace.py`, so that a path is enough.

A file has logic if one of its functions decides, repeats or computes something: if its body holds a branch, a loop, a
comprehension, a `try` or `with`, an operator or a comparison. What only stores arguments, returns constants or passes
them on to a call (a dataclass, a logger that reports nothing, an attack that is parts put together by a YAML file) has
none.
"""

import ast
from pathlib import Path

import pytest

import bench

BENCH, TESTS = Path(bench.__file__).parent, Path(__file__).resolve().parents[1]
DECIDES = (
    ast.If, ast.IfExp, ast.For, ast.While, ast.Try, ast.With, ast.Match, ast.BoolOp, ast.BinOp, ast.Compare,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
)  # fmt: skip


def has_logic(path: Path) -> bool:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    bodies = [node.body for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, functions)]
    return any(isinstance(node, DECIDES) for body in bodies for statement in body for node in ast.walk(statement))


def sources() -> list[str]:
    """Every file of the package with logic, as a path from bench/, those of datamodules/ included."""
    found = [*BENCH.rglob("*.py"), *(BENCH / "datamodules").rglob("*.py")]
    return sorted({str(path.relative_to(BENCH)) for path in found if path.name != "__init__.py" and has_logic(path)})


def mirrored(source: str) -> Path:
    path = Path(source)
    return TESTS / path.with_name(f"test_{path.name}")


def test_a_file_with_logic_has_a_test_of_its_name() -> None:
    """Each source is read here and not when tests are collected, which would take a second of every worker."""
    found = sources()
    assert len(found) > 150
    lacking = {source: str(mirrored(source)) for source in found if not mirrored(source).is_file()}
    assert not lacking, f"these decide or compute something, and have no test at the mirrored place: {lacking}"


@pytest.mark.parametrize(
    ("body", "logic"),
    [
        ("return self.value", False),
        ("self.a, self.b = a, b", False),
        ("return list(table['sentence'])", False),
        ("return a + b", True),
        ("return [x for x in a]", True),
        ("if a:\n        raise ValueError(a)", True),
        ("return a is None", True),
    ],
)
def test_what_logic_is(body: str, logic: bool, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(f"LIST = [2 * x for x in range(3)]\n\ndef f(self, a, b):\n    {body}\n")
    assert has_logic(tmp_path / "one.py") == logic
