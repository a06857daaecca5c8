"""Words as part of a file's name."""

import hashlib
import re

_LONGEST = 80  # with an identity and an ending, below what file systems (255) and W&B's names of runs (128) take


def file_name(words: str, otherwise: str) -> str:
    """`words` as part of a file's name, 80 signs at most: what file systems and shells treat specially becomes `-`.

    >>> file_name("idlg on cifar/10", "cell"), file_name("...", "cell"), len(file_name("a" * 500, "cell"))
    ('idlg-on-cifar-10', 'cell', 80)
    """
    name = re.sub(r"[^A-Za-z0-9._]+", "-", words).strip("-.")
    if len(name) > _LONGEST:  # the hash keeps apart what is cut to the same beginning
        name = f"{name[: _LONGEST - 9]}-{hashlib.sha256(words.encode(errors='replace')).hexdigest()[:8]}"
    return name or otherwise
