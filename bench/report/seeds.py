"""The means over seeds of a board: cells that differ in their seeds only, together."""

from collections.abc import Sequence

from bench.report.rows import Row
from bench.report.table_rows import TableRow, by_setting

NOTE = (
    "Means over seeds: the mean over all victims of all seeds, with Student's 95 % interval for the spread between the "
    "seeds. Few seeds have a wide interval: with two, it says little. Seeds that agree exactly have none."
)


def means_over_seeds(rows: Sequence[Row]) -> list[TableRow]:
    """A row per setting of which there are several seeds, in the order of the board.

    Args:
        rows: of a board. Those without a figure are left out.
    """
    found = by_setting([(row, row.stored) for row in rows if not row.empty], each=False)
    place = {row.cell.folder: at for at, row in enumerate(rows)}
    several = [one for one in found if len(one.members) > 1]
    return sorted(several, key=lambda one: min(place[row.cell.folder] for row, _ in one.members))
