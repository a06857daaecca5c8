"""The rooms of bench/ have an order: a file imports only what stands above it, so nothing leads back to the truth."""

import ast
import re
from pathlib import Path

import pytest

import bench

ORDER = re.findall(
    r"\w+",
    """
errors messages host threat terminal storage download datamodules config models engine objectives priors labels defenses
client attacks metrics training leakage modalities results report loggers running executors auditing sharing speed cli
""",
)
BENCH = Path(bench.__file__).parent
FILES = sorted(path for path in BENCH.rglob("*.py") if path != BENCH / "__init__.py")
FILES += sorted((BENCH / "datamodules").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """`bench.x.y` and `bench.datamodules.z` that a file imports, anywhere in it, for the type checker too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "bench"}


def room(path: Path) -> str:
    return path.relative_to(BENCH).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(BENCH)))
def test_a_file_imports_only_what_stands_above_it(path):
    own = room(path)
    assert own in ORDER, f"{own} has no place in the order of rooms: give it one"
    for name in imported(path):
        other = name.split(".")[1] if "." in name else None
        if other == "datamodules" != own:
            assert ORDER.index(own) >= ORDER.index("running"), f"{own} imports {name}: it holds the truth"
        elif other in ORDER:
            assert other == own or ORDER.index(other) < ORDER.index(own), f"{own} imports {name}"


def test_attacks_cannot_reach_a_client_or_a_victim():
    for path in (BENCH / "attacks").rglob("*.py"):
        names = imported(path)
        assert not {name for name in names if name.startswith(("bench.client", "bench.leakage", "bench.datamodules"))}
        assert "bench.messages.Victims" not in names


def test_what_is_stored_is_apart_from_what_is_drawn():
    for path in (BENCH / "results").rglob("*.py"):
        tree = ast.parse(path.read_text())
        modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {name for name in modules if name.split(".")[0] in ("matplotlib", "PIL", "rich")}, path
