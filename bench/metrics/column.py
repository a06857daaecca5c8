"""How the tables print a metric. Its class says so, a cell stores it, and a report reads it without torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ScoreColumn:
    """The column of a metric in every table.

    Args:
        title: the metric's name in the header; empty: its key, with blanks for underscores.
        estimand: what the figure of a cell is: `mean`, `geometric mean` (of values of every size) or `rate` (over all
            samples; a sample that has no score, or whose victim failed, is no success).
        unit: as printed, or empty.
        places: digits after the point; None: three significant ones.
        short: the name in the narrow table of a terminal; empty: `title`; None: that table leaves the column out.
        bounds: whether the table of a terminal shows the interval too.
        shown: whether the tables have such a column at all.
        direction: `up` if higher is better, `down` if lower is; `SampleMetric.facts` fills it in.
    """

    title: str = ""
    estimand: str = "mean"
    unit: str = ""
    places: int | None = 3
    short: str | None = ""
    bounds: bool = False
    shown: bool = True
    direction: str = ""
