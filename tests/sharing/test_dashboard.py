"""A workspace and a report are made without a network, and have a panel for everything that the runs show."""

import json
import sys
from pathlib import Path
from typing import Any

import page_cells
import pytest
from page_cells import Kind

from bench.errors import UserError
from bench.sharing import dashboard
from bench.sharing.dashboard import publish, report, require_package, shown, workspace, write


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dashboard")
    page_cells.add(folder, Kind("idlg", "mnist"), 1, victims=2)
    page_cells.add_training(folder, Kind("idlg", "mnist"), 2, 0.9)
    return folder


def panels_of(report: dict[str, Any]) -> list[dict[str, Any]]:
    grids = [block for block in report["spec"]["blocks"] if block["type"] == "panel-grid"]
    return [panel for grid in grids for panel in grid["metadata"]["panelBankSectionConfig"]["panels"]]


def test_the_report_has_a_panel_for_each_thing_that_is_told(root: Path) -> None:
    model = json.loads(report(shown(root), "leakbench", "")._to_model().model_dump_json(by_alias=True))
    headings = [block["children"][0]["text"] for block in model["spec"]["blocks"] if block["type"] == "heading"]
    assert headings == [
        *("Leaderboard", "Success by threshold", "Scores", "Objective", "Leakage against utility", "Pictures"),
        "Victims",
    ]
    text = json.dumps(panels_of(model))
    keys = ["table/leaderboard", "table/tradeoff", "table/victims", "score/success_rate_1e-3", "score/mse"]
    keys += ["objective/median", "pictures/truth", "pictures/reconstruction", "attack.value.name"]
    assert [key for key in keys if key not in text] == []
    (browser,) = (panel for panel in panels_of(model) if panel["viewType"] == "Media Browser")
    assert browser["config"]["gridSettings"] == {"xAxis": "step", "yAxis": "run"}
    places = [tuple(panel["layout"].values()) for panel in panels_of(model)]
    assert all(place[0] + place[2] <= 24 for place in places)


def test_no_run_set_names_a_project_without_an_entity(root: Path) -> None:
    """W&B would be asked for the id of the project, and there is no network."""
    model = json.loads(report(shown(root), "leakbench", "")._to_model().model_dump_json(by_alias=True))
    grids = [block for block in model["spec"]["blocks"] if block["type"] == "panel-grid"]
    assert grids and all(one.get("project") is None for grid in grids for one in grid["metadata"]["runSets"])


def test_the_workspace_pins_and_sorts_by_the_scores(root: Path) -> None:
    model = json.loads(workspace(shown(root), "leakbench", "")._to_model().model_dump_json(by_alias=True))
    section = model["spec"]["section"]
    assert [one["name"] for one in section["panelBankConfig"]["sections"]][:3] == [
        *("Leaderboard", "Success by threshold", "Scores"),
    ]
    (runs,) = section["runSets"]
    assert runs["sort"]["keys"][0] == {"key": {"section": "summary", "name": "score/mse"}, "ascending": True}
    assert runs["runFeed"]["columnPinned"]["summary:score/psnr"] and runs["grouping"][0]["name"] == "group"


def test_sentences_have_no_panels_of_images(tmp_path: Path) -> None:
    page_cells.add_sentences(tmp_path, "dlg", 1, (0, 4))
    what = shown(tmp_path)
    assert (what.rates, what.images, what.tradeoff, what.curves) == (False, False, False, True)
    text = json.dumps(json.loads(report(what, "leakbench", "")._to_model().model_dump_json()))
    assert "pictures/" not in text and "success_rate" not in text and "score/rouge_1" in text


def test_the_specification_is_written_beside_the_report(root: Path) -> None:
    made = json.loads(write(root, shown(root), "mine").read_text())
    assert made["project"] == "mine" and panels_of(made["report"]) and made["workspace"]["spec"]


def test_what_is_lacking_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no results in"):
        shown(tmp_path)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with pytest.raises(UserError, match="needs a key"):
        publish(dashboard.Shown({}, False, False, False, False), "leakbench", "me")
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    monkeypatch.setattr(dashboard, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'leakbench\[dashboard\]'"):
        require_package()
