"""Puts together the folder that the site is built from: `python docs/site/stage.py FOLDER`.

FOLDER gets `mkdocs.yml` and `pages/`: the files of docs/, the README as the start page, the files beside it that it
links to, and a page per option of configs/. Everything else that was in `pages/` is removed first.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

import links
import option_pages
import yaml

ROOT = Path(__file__).resolve().parents[2]
_BESIDE = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}


def placed(root: Path = ROOT) -> dict[Path, str]:
    """Where each file that is copied lies in the folder of pages: `{file of the repository: path in the folder}`."""
    docs = root / "docs"
    found = {root / name: page for name, page in _BESIDE.items()}
    found |= {path: path.name for path in sorted(docs.iterdir()) if path.suffix in (".md", ".png", ".sbatch", ".yaml")}
    found[docs / "Dockerfile"] = "Dockerfile"
    site = docs / "site"
    found |= {site / "api.md": "api.md", site / "site.css": "site.css"}
    return found | {site / "vendor" / "iframe-worker-1.0.4" / "index.js": "iframe-worker.js"}


def config(generated: list[str], root: Path = ROOT) -> dict[str, Any]:
    """The content of docs/mkdocs.yml, with the pages of each group of options put into its navigation.

    Args:
        generated: paths of the pages that are made from configs/.
        root: the repository.
    """
    found: dict[str, Any] = yaml.safe_load((root / "docs" / "mkdocs.yml").read_text(encoding="utf-8"))
    found["nav"] = _filled(found["nav"], generated)
    for plugin in found["plugins"]:
        if isinstance(plugin, dict) and "mkdocstrings" in plugin:
            python = plugin["mkdocstrings"]["handlers"]["python"]
            python["paths"] = [str(root)]
            python["options"]["extensions"] = [str(root / "docs" / "site" / "doctests.py")]
    return found


def _filled(nav: list[Any], generated: list[str]) -> list[Any]:
    """A navigation in which each list of a group, `attack/index.md`, is followed by the pages of its options."""
    filled: list[Any] = []
    for entry in nav:
        if isinstance(entry, str):
            filled.append(entry)
            continue
        ((title, below),) = entry.items()
        if isinstance(below, list):
            filled.append({title: _filled(below, generated)})
        elif below in generated:
            folder = below.removesuffix("index.md")
            own = [page for page in generated if page.startswith(folder) and page != below]
            filled.append({title: [below, *({Path(page).stem: page} for page in own)]})
        else:
            filled.append(entry)
    return filled


def stage(folder: Path) -> None:
    """Writes the folder.

    Raises:
        UserError: a link of a page leads to no file.
    """
    pages = folder / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    pages.mkdir(parents=True)
    where = placed()
    for file, place in where.items():
        if file.suffix == ".md":
            text = links.rewritten(file.read_text(encoding="utf-8"), file, where)
            (pages / place).write_text(text, encoding="utf-8")
        else:
            shutil.copyfile(file, pages / place)
    shutil.copytree(ROOT / "docs" / "site" / "theme", folder / "theme", dirs_exist_ok=True)
    generated = option_pages.pages()
    where |= {ROOT / "docs" / place: place for place in generated}
    for place, text in generated.items():
        (pages / place).parent.mkdir(exist_ok=True)
        (pages / place).write_text(links.rewritten(text, ROOT / "docs" / place, where), encoding="utf-8")
    content = yaml.safe_dump(config(list(generated)), sort_keys=False, allow_unicode=True)
    (folder / "mkdocs.yml").write_text(content, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    stage(parser.parse_args().folder)
