"""Links that hold on a code host hold on the site, and links to files that are no pages become words."""

from pathlib import Path

import links
import pytest

from bench.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("README.md", "docs/a.md", "docs/b.md", "docs/p.png", "bench/code.py", "docs/site/api.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# The title of {name}\n\ntext\n")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text", "rewritten"),
    [
        ("README.md", "see [a](docs/a.md).", "see [a](a.md)."),
        ("README.md", "[docs/a.md](docs/a.md)", "[The title of docs/a.md](a.md)"),
        ("docs/a.md", "[b.md](b.md#part)", "[The title of docs/b.md](b.md#part)"),
        ("README.md", "![p](docs/p.png)", "![p](p.png)"),
        ("README.md", "[code](bench/code.py)", "`code`"),
        ("README.md", "[the code of it](bench/code.py) and [`code`](bench)", "the code of it and `code`"),
        ("docs/a.md", "[b](b.md#part) [top](../README.md#x)", "[b](b.md#part) [top](index.md#x)"),
        ("docs/a.md", "[own](#part) [out](https://a.org/b.md)", "[own](#part) [out](https://a.org/b.md)"),
        ("docs/site/api.md", "[a](../a.md)", "[a](../a.md)"),
        ("docs/a.md", "`[x](nowhere.md)` and [b](b.md)", "`[x](nowhere.md)` and [b](b.md)"),
        ("docs/a.md", "```\n[x](nowhere.md)\n```\n", "```\n[x](nowhere.md)\n```\n"),
    ],
)
def test_a_link_leads_to_the_page(root: Path, file: str, text: str, rewritten: str) -> None:
    placed = {"README.md": "index.md", "docs/a.md": "a.md", "docs/b.md": "b.md", "docs/p.png": "p.png"}
    where = {root / name: place for name, place in {**placed, "docs/site/api.md": "code/api.md"}.items()}
    assert links.rewritten(text, root / file, where) == rewritten


def test_a_link_to_no_file_is_refused(root: Path) -> None:
    with pytest.raises(UserError, match=r"a\.md: the link to c\.md leads to no file"):
        links.rewritten("[c](c.md)", root / "docs" / "a.md", {root / "docs" / "a.md": "a.md"})
