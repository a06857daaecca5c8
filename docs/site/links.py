"""Links of the site's pages: those that hold on a code host as well are made to hold in the folder that is built.

The files of docs/, the README and a few files beside it become pages in one folder. A link to another file of the
repository has no page to lead to, so its words stay as a code span or as plain text. A link whose words are the name of
a page's file gets the title of that page as its words.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from bench.errors import UserError

_FENCE = re.compile(r"(^```.*?^```[^\n]*$)", re.M | re.S)
_LINK = re.compile(r"`[^`\n]+`|(!?)\[([^\]]*)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]+)?\)")


def rewritten(text: str, source: Path, placed: Mapping[Path, str]) -> str:
    """The text with each link led to where its file lies in the folder that is built.

    Args:
        text: Markdown.
        source: the file that holds it.
        placed: where the pages and pictures lie, `{file of the repository: path in the folder}`.

    Raises:
        UserError: a link leads to no file.
    """
    folder = Path(placed[source]).parent

    def led(found: re.Match[str]) -> str:
        mark, words, target, anchor = found.groups()
        if target is None:
            return found[0]  # a code span, in which a link is no link
        file = Path(os.path.normpath(source.parent / target))
        if file in placed:
            shown = title(file) if words in (file.name, f"docs/{file.name}") else words
            return f"{mark}[{shown}]({os.path.relpath(placed[file], folder)}{anchor or ''})"
        if not file.exists():
            raise UserError(f"{source}: the link to {target} leads to no file")
        return words if " " in words or "`" in words else f"`{words}`"

    parts = _FENCE.split(text)
    return "".join(part if place % 2 else _LINK.sub(led, part) for place, part in enumerate(parts))


def title(page: Path) -> str:
    """The first heading of a page; of another file, its name."""
    first = page.read_text(encoding="utf-8").split("\n", 1)[0] if page.suffix == ".md" else ""
    return first.removeprefix("# ") if first.startswith("# ") else page.name
