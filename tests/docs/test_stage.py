"""The folder that the site is built from holds every page, and the navigation leads to each of them."""

from pathlib import Path
from typing import Any

import links
import pytest
import stage
import yaml

ROOT = Path(__file__).resolve().parents[2]
NAV = yaml.safe_load((ROOT / "docs" / "mkdocs.yml").read_text())["nav"]
GENERATED = ["attack/index.md", "attack/dlg.md", "attack/idlg.md", "data/index.md", "data/mnist.md"]


def named(nav: list[Any]) -> list[str]:
    """Every page of a navigation, in its order."""
    found: list[str] = []
    for entry in nav:
        below = entry if isinstance(entry, str) else next(iter(entry.values()))
        found += named(below) if isinstance(below, list) else [below]
    return found


def test_the_navigation_names_each_file_of_docs_once() -> None:
    pages = [place for place in stage.placed().values() if place.endswith(".md")]
    written = [page for page in named(NAV) if not page.endswith("/index.md")]
    assert sorted(written) == sorted(pages)
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= set(pages)


def test_every_group_with_pages_is_in_the_navigation() -> None:
    groups = [page.removesuffix("/index.md") for page in named(NAV) if page.endswith("/index.md")]
    assert groups == list(stage.option_pages.GROUPS)


def test_the_pages_of_a_group_stand_below_its_list() -> None:
    filled = stage.config(GENERATED)["nav"]
    below = next(entry["What there is"] for entry in filled if "What there is" in entry)
    assert below[0] == {"Attacks": ["attack/index.md", {"dlg": "attack/dlg.md"}, {"idlg": "attack/idlg.md"}]}
    assert below[3] == {"Data sets": ["data/index.md", {"mnist": "data/mnist.md"}]}
    assert named(filled)[0] == "index.md"


@pytest.mark.parametrize("file", [path for path in stage.placed() if path.suffix == ".md"], ids=lambda path: path.name)
def test_every_link_of_a_page_leads_to_a_file(file: Path) -> None:
    """A link that leads nowhere raises; what is left leads to a page or a picture of the site."""
    where = stage.placed()
    text = links.rewritten(file.read_text(), file, where)
    targets = {found[3] for found in links._LINK.finditer(links._FENCE.sub("", text))} - {None}
    assert targets <= set(where.values())


def test_nothing_of_the_site_comes_from_a_font_host() -> None:
    assert yaml.safe_load((ROOT / "docs" / "mkdocs.yml").read_text())["theme"]["font"] is False
    assert (ROOT / "docs" / "site" / "vendor" / "iframe-worker-1.0.4" / "LICENSE").read_text().startswith("Copyright")
