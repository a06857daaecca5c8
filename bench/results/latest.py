"""Of the rows in all parts of a cell those that count: the latest append of each victim."""

import functools

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# The latest append of a victim wins; its samples are those of the same append, never a mixture of two.
_VICTIMS = """
    SELECT * FROM parts_of_victims
    QUALIFY row_number() OVER (PARTITION BY victim ORDER BY stored DESC, part DESC) = 1
    ORDER BY victim
"""
_SAMPLES = """
    SELECT s.* FROM parts_of_samples AS s JOIN victims AS v ON s.victim = v.victim AND s.part = v.part
    ORDER BY s.victim, s.position
"""


@functools.cache
def _database() -> duckdb.DuckDBPyConnection:
    """The one database of this process, because opening one per cell takes as long as the query.

    It has no threads of its own, because they would not survive a fork.
    """
    return duckdb.connect(config={"threads": 1})


def latest(victims: pa.Table, samples: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Chooses the rows that count from the rows of all parts, in order."""
    with _database().cursor() as connection:
        connection.register("parts_of_victims", victims)
        connection.register("parts_of_samples", samples)
        chosen = connection.sql(_VICTIMS).to_arrow_table()
        connection.register("victims", chosen)
        return chosen, connection.sql(_SAMPLES).to_arrow_table()


def in_order(victims: pa.Table, samples: pa.Table) -> tuple[pa.Table, pa.Table] | None:
    """Does the work of `latest` in a tenth of its time if all rows count; otherwise returns None.

    All rows count if no victim is in two parts and each sample is in the part of its victim.
    """
    if any(table[name].null_count for table in (victims, samples) for name in ("victim", "part")):
        return None
    ids, owners = victims["victim"].to_numpy(), samples["victim"].to_numpy()
    order = np.argsort(ids)
    ids, victims = ids[order], victims.take(order)
    if (ids[1:] == ids[:-1]).any() or not np.isin(owners, ids).all():
        return None
    if not pc.all(pc.equal(victims["part"].take(np.searchsorted(ids, owners)), samples["part"]), min_count=0).as_py():
        return None
    return victims, samples.take(np.lexsort((samples["position"].to_numpy(), owners)))
