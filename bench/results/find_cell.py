"""Finds the cell that a person means: by its identity, its folder, or a part of its name that only one cell has."""

from collections.abc import Sequence
from pathlib import Path

from bench.config.suggest import did_you_mean
from bench.errors import UserError
from bench.results import query
from bench.results.stored_leak import StoredLeak

_LISTED = 5  # how many candidates a message names


def find(word: str, root: Path) -> StoredLeak:
    """The cell that `word` means.

    Args:
        word: the folder of a cell, or parts of a folder's name below `root`, separated by blanks (`idlg mnist`). Parts
            that stand between hyphens count before parts of a longer word: `dlg` is not `idlg`.
        root: the results folder.

    Raises:
        UserError: no cell, or more than one, is meant.
    """
    folder = Path(word).expanduser()
    if (folder / "cell.json").is_file():
        listing = query.cells(folder.resolve().parent.parent)
        for cell in listing.cells:
            if cell.folder.resolve() == folder.resolve():
                return cell
        raise UserError(f"{folder} holds no attack that this version of leakbench reads")
    cells = query.cells(root).cells
    parts = word.lower().split()
    meant = [cell for cell in cells if parts and all(part in cell.folder.name.lower() for part in parts)]
    exact = [cell for cell in meant if word in (cell.identity, cell.folder.name)]
    whole = [cell for cell in meant if all(f"-{part}-" in f"-{cell.folder.name.lower()}-" for part in parts)]
    meant = exact or whole or meant
    if len(meant) == 1:
        return meant[0]
    if not meant:
        near = did_you_mean(word, [cell.slug for cell in cells])
        raise UserError(f"no cell {word!r} in {root}{near} (there are {len(cells)}: leakbench status {root})")
    raise UserError(f"{word!r} can be {_several(meant)}; say more of the name, or the 16 digits at its end")


def _several(cells: Sequence[StoredLeak]) -> str:
    names = [cell.folder.name for cell in cells]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
