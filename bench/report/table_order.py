"""Which row of a group is best, and the ranks, by the paired test over the same victims."""

from collections.abc import Sequence

from bench.report.measures import Measure, measures
from bench.report.table import Value
from bench.report.table_options import SORTED_BY, TableOptions
from bench.report.table_rows import TableRow, place, separated
from bench.results.victim_values import COSTS

_OTHER_WAY = {"up": "down", "down": "up", "": ""}


def measures_of(rows: Sequence[TableRow]) -> dict[str, Measure]:
    """The figures that these rows can have, by their keys."""
    kinds = dict.fromkeys(row.first.modality for row in rows)
    found = [measures(kind, [row.first.columns for row in rows if row.first.modality is kind]) for kind in kinds]
    return {measure.key: measure for each in found for measure in each}


def better(measure: Measure, options: TableOptions) -> str:
    """The direction that is best; costs are always better if lower."""
    if measure.key in COSTS:
        return "down"
    return _OTHER_WAY[measure.better] if options.best == "defense" else measure.better


def leading(members: Sequence[TableRow], measure: Measure, options: TableOptions) -> list[tuple[float, TableRow]]:
    """The rows with a figure, the best first; a tie is broken by the name."""
    sign = -1.0 if better(measure, options) == "up" else 1.0
    found = [(sign * figure.mean, row) for row in members if isinstance(figure := row.figure(measure), Value)]
    return sorted(found, key=lambda one: (one[0], one[1].word("attack"), one[1].word("defense")))


def ranked(members: Sequence[TableRow], by: str | None, options: TableOptions) -> tuple[list[TableRow], dict[int, int]]:
    """The rows in order and, if they are ranked by a figure, `{id of a row: rank}`.

    A row shares the rank of the one before it if the paired test does not separate it from the first of that rank. A
    control has a place in the order and no rank, because it is no attack: it shows what is known without the gradient.
    """
    known = measures_of(members)
    if by is None or by not in known:
        # what is no word of a row is a figure that no row of this group has, such as the PSNR of sentences
        texts = sorted(members, key=lambda row: _place(row, by, options)) if by in SORTED_BY else list(members)
        return (texts[::-1] if options.order == "worst" else texts), {}
    found = leading(members, known[by], options)
    ranks: dict[int, int] = {}
    leader, rank = None, 0
    for number, row in enumerate((row for _, row in found if not row.first.control), 1):
        if leader is None or separated(leader, row, known[by]):
            leader, rank = row, number
        ranks[id(row)] = rank
    ordered = [row for _, row in found]
    ordered = ordered[::-1] if options.order == "worst" else ordered
    rest = [row for row in members if not any(row is one for one in ordered)]
    return [*ordered, *rest], (ranks if options.best and known[by].better else {})


def _place(row: TableRow, key: str, options: TableOptions) -> tuple[int, str]:
    """By the order in which `rows` names the words, then by the alphabet; numbers by their size."""
    word = row.word(key)
    return place(word, options.rows.get(key, [])), word.rjust(9) if key in ("B", "seed") else word


def best(members: Sequence[TableRow], measure: Measure, options: TableOptions) -> int | None:
    """The id of the row that the paired test separates from every other row of its group with a figure.

    A figure over survivors, a row whose work stopped early, and a control are never best. An attack has to be separated
    from the controls too; a defence has not, because no defence gives away less than nothing.
    """
    if options.best is None or not better(measure, options):
        return None
    rivals = [row for row in members if options.best == "attack" or not row.first.control]
    found = [row for _, row in leading(rivals, measure, options)]
    if len(found) < 2 or found[0].over_survivors or found[0].first.control:
        return None
    figure = found[0].figure(measure)
    if isinstance(figure, Value) and figure.left_out:
        return None
    return id(found[0]) if all(separated(found[0], row, measure) for row in found[1:]) else None
