"""Fails if a page of the built site loads something from the network: `python docs/site/loaded.py FOLDER`.

Links that a reader may follow are no such thing; scripts, styles, pictures and frames are.
"""

import argparse
import sys
from html.parser import HTMLParser
from pathlib import Path

_FOLLOWED = frozenset({"canonical", "next", "prev", "alternate", "author", "license"})  # relations that load nothing


class _Loads(HTMLParser):
    """Collects the addresses that a browser loads to show a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for each tag."""
        given = {name: value or "" for name, value in attrs}
        addresses = [given.get("src", "")]
        if tag == "link" and given.get("rel") not in _FOLLOWED:
            addresses.append(given.get("href", ""))
        self.found += [address for address in addresses if address.startswith(("http:", "https:", "//"))]


def loaded(page: str) -> list[str]:
    """The addresses on other machines that a page loads.

    >>> loaded('<a href="https://a.org">a</a><script src="https://b.org/b.js"></script><img src="c.png">')
    ['https://b.org/b.js']
    """
    parser = _Loads()
    parser.feed(page)
    return parser.found


def main(folder: Path) -> int:
    """Names each address that a page of the folder loads, and returns the exit code."""
    pages = sorted(folder.rglob("*.html"))
    faults = [
        f"{page.relative_to(folder)} loads {address}"
        for page in pages
        for address in loaded(page.read_text(encoding="utf-8"))
    ]
    for fault in faults:
        print(fault, file=sys.stderr)
    if not pages:
        print(f"{folder} holds no page", file=sys.stderr)
    return int(bool(faults) or not pages)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    sys.exit(main(parser.parse_args().folder))
