"""A row that was computed is confirmed, and one that was made up is not: the victims are really attacked again."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from rescored_cells import IMAGES, run

from bench.cli.main import main
from bench.errors import UserError
from bench.results import parts, query, verification
from bench.results.part_format import write_table
from bench.results.stored_leak import StoredLeak
from bench.sharing.verify import agree, record, verify

A, CPU = Path("a"), ("trainer=cpu", "engine.compile=false", "engine.threads=1")


def forged(cell: StoredLeak, victim: int, **changes: object) -> None:
    """Rewrites the stored rows of one victim, as somebody does who wants a better figure."""
    for kind, tables in (("samples", parts.read(cell.parts).samples), ("victims", parts.read(cell.parts).victims)):
        for part, table in tables.items():
            own = [row == victim for row in table["victim"].to_pylist()]
            for name in changes.keys() & set(table.column_names):
                values = [changes[name] if mine else old for mine, old in zip(own, table[name].to_pylist())]
                at = table.column_names.index(name)
                table = table.set_column(at, table.schema.field(name), pa.array(values, table.schema.field(name).type))
            write_table(cell.parts / f"{kind}-{part}.parquet", table)


def test_a_cell_that_was_computed_is_confirmed_and_marked() -> None:
    cell = run(A, *IMAGES, "metric=mse")
    before = query.rows(cell)
    found = verify(cell, 2, 0.05, CPU, None)
    assert found.agreed and len(found.victims) == 2 and found.metrics == ["mse"]
    assert verification.mark(cell.folder) == "" and query.rows(cell).samples == before.samples
    record(cell, found)
    assert verification.mark(cell.folder) == verification.HERE
    (check,) = verification.read(cell.folder)["checks"]
    assert check["victims"] == found.victims and "0.05" in check["tolerance"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mse": 1e-12}, "victim 1: mse is 1e-12 there and"),
        ({"status": "diverged"}, "victim 1 ended as diverged there"),
    ],
)
def test_a_figure_that_was_made_up_is_found(changes, sentence, capfd) -> None:
    cell = run(A, "attack=noise", "data.set=mnist", "data.victims=3", "metric=mse", "logger=none")
    forged(cell, 1, **changes)
    capfd.readouterr()
    assert main(["verify", "a", "trainer=cpu"]) == 1
    out = capfd.readouterr().out
    assert sentence in out and "not confirmed here" in out and "victim 0" not in out
    assert verification.mark(cell.folder) == verification.REFUTED
    assert main(["report", "a"]) == 0
    assert "Rows not confirmed here: noise on samples-mnist." in Path("a/leaderboard.md").read_text()


@pytest.mark.slow
def test_an_entry_is_verified_without_being_imported_and_gets_no_mark(capfd) -> None:
    cell = run(A, "attack=noise", "data.set=mnist", "data.victims=2", "metric=mse", "logger=none")
    assert main(["export", "a", "-o", "entry.zip"]) == 0
    content = Path("entry.zip").read_bytes()
    capfd.readouterr()
    assert main(["verify", "entry.zip", "--victims", "1", "--json", "trainer=cpu"]) == 0
    out, err = capfd.readouterr()
    (one,) = json.loads(out)["cells"]
    assert one["agreed"] and len(one["victims"]) == 1 and "is not marked" in err
    assert Path("entry.zip").read_bytes() == content and verification.mark(cell.folder) == ""


def test_settings_that_do_not_belong_to_the_identity_are_refused() -> None:
    """Somebody may claim the result of an easy cell for the identity of a hard one."""
    cell = run(A, "attack=noise", "data.set=mnist", "data.victims=2", "metric=mse", "logger=none")
    cell.facts["config"]["seed"] = 5
    with pytest.raises(UserError, match="is another cell here"):
        verify(cell, 1, 0.05, ["trainer=cpu"], None)


@pytest.mark.parametrize("words", [["--victims", "0"], ["--tolerance", "1"], ["--tolerance", "nan"]])
def test_a_number_out_of_range_is_one_line(words, capfd) -> None:
    assert main(["verify", "a", *words]) == 2
    assert "--victims must be >= 1" in capfd.readouterr().err


def test_two_scores_agree_within_a_share_of_the_larger_one() -> None:
    assert agree(100.0, 95.0, 0.05) and not agree(100.0, 94.9, 0.05)
    assert agree(None, None, 0.05) and not agree(0.0, None, 0.05)
