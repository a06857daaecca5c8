"""The plan of a suite: `status` counts by it, so it names cells as the store does, and stays if nothing is due."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.results import plans
from bench.results.plans import Plan, PlannedCell
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak
from bench.results.stored_training import StoredTraining

LABELS = ("attack", "data", "model", "defense", "threat")


def config(attack: str, root: str = "/home/jo/data") -> dict[str, Any]:
    names = dict.fromkeys(LABELS, "x") | {"attack": attack, "training": "held_out"}
    parts: dict[str, dict] = {name: {} for name in ("threat", "metric", "model", "defense", "engine")}
    return {**parts, "attack": {"name": attack}, "data": {"victims": 2, "root": root}, "seed": 0, "names": names}


def cell_of(root: Path, attack: str) -> StoredLeak:
    given = config(attack)
    facts = {"labels": {name: given["names"][name] for name in LABELS}, "config": given}
    return Store(root).cell(StoredLeak, attack, plans.config_identity(given), facts)


def rewritten(root: Path, *attacks: str) -> bool:
    """Whether planning these cells replaces the plan."""
    path = root / "plans" / "mine.json"
    before = path.read_bytes()
    plans.write(root, "mine", [(StoredLeak, config(attack)) for attack in attacks])
    return path.read_bytes() != before


def test_a_plan_comes_back_as_it_was_made(tmp_path: Path) -> None:
    plans.write(tmp_path, "mine", [(StoredLeak, config("dlg"))])
    plans.write(tmp_path, "later", [(StoredTraining, {**config("dlg"), "training": {"runs": 3}})])
    (later, mine), warnings = plans.read(tmp_path)
    assert warnings == [] and later.started > mine.started
    labels = dict.fromkeys(LABELS, "x") | {"attack": "dlg"}
    assert mine == Plan(
        "mine", mine.started, [PlannedCell("leak", "victims", plans.config_identity(config("dlg")), labels, 2)]
    )
    assert [(cell.kind, cell.units, cell.wanted) for cell in later.cells] == [("training", "runs", 3)]
    assert later.cells[0].labels["training"] == "held_out"


def test_a_config_has_one_identity_wherever_its_folders_lie(tmp_path: Path) -> None:
    """A stored config holds no folder of the machine, and its cell must be found in the plan all the same."""
    one, other = config("dlg"), config("dlg", "/elsewhere/data")
    assert plans.config_identity(one) == plans.config_identity(other) != plans.config_identity(config("idlg"))
    assert plans.config_identity(cell_of(tmp_path, "dlg").facts["config"]) == plans.config_identity(one)


def test_a_plan_stays_only_if_every_cell_has_all_its_victims_or_cannot_have_any(
    tmp_path: Path, rows: tuple[Callable, Callable]
) -> None:
    """The plan holds the time at which the work began, from which `status` computes the time that is left."""
    victim, sample = rows
    plans.write(tmp_path, "mine", [(StoredLeak, config("dlg")), (StoredLeak, config("idlg"))])
    assert rewritten(tmp_path, "dlg", "idlg")
    done, refused = cell_of(tmp_path, "dlg"), cell_of(tmp_path, "idlg")
    refused.fail("not_applicable", "it needs labels")
    done.append([victim(0)], [sample(0)])
    assert rewritten(tmp_path, "dlg", "idlg")  # one victim of two
    done.append([victim(1)], [sample(1)])
    assert not rewritten(tmp_path, "dlg", "idlg")
    assert rewritten(tmp_path, "dlg")  # other cells
    assert not rewritten(tmp_path, "dlg")
    refused.fail("error", "it broke")
    assert rewritten(tmp_path, "dlg", "idlg") and rewritten(tmp_path, "dlg", "idlg")


ENTRY = '{"kind": "leak", "units": "victims", "config": "c", "labels": {"attack": "dlg"}, "wanted": 2}'
BAD = {
    "[1]": "was not written by leakbench",
    '{"suite": "s", "started": 1, "cells": []}': "it is not a plan of leakbench (a part of it is missing)",
    f'{{"suite": "s", "cells": [{ENTRY}]}}': "(a part of it is missing)",
    f'{{"suite": "s", "started": 1, "cells": [{ENTRY}, null]}}': "(a part of it is missing)",
    f'{{"suite": "s", "started": 1, "cells": [{ENTRY.replace("2", "-2")}]}}': "cells.wanted is not a count: -2",
}


@pytest.mark.parametrize("text", BAD)
def test_a_file_that_is_no_plan_is_named_and_skipped(text: str, tmp_path: Path) -> None:
    folder = tmp_path / "plans"
    folder.mkdir()
    (folder / "good.json").write_text(f'{{"suite": "s", "started": 1, "cells": [{ENTRY}]}}')
    (folder / "bad.json").write_text(text)
    (folder / ".hidden.json").write_text(text)
    found, (warning,) = plans.read(tmp_path)
    assert [plan.suite for plan in found] == ["s"]
    assert warning.startswith(f"skipped {folder / 'bad.json'}: ") and BAD[text] in warning


def test_a_folder_without_plans_has_none_and_a_broken_link_is_named(tmp_path: Path) -> None:
    assert plans.read(tmp_path) == ([], [])
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "gone.json").symlink_to("nowhere")
    assert plans.read(tmp_path)[1] == [
        f"skipped {tmp_path / 'plans' / 'gone.json'}: it is a link to a file that does not exist"
    ]
