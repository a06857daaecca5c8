"""Shows the examples of docstrings as code: Griffe reads `Examples:` as such, and leakbench writes `Example:`."""

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^Example:$", re.M)


class Doctests(griffe.Extension):
    """Renames the section of each docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called by Griffe for each module, class, function and attribute.

        Args:
            obj: what was read from the source.
        """
        if obj.docstring:
            obj.docstring.value = _EXAMPLE.sub("Examples:", obj.docstring.value)
