"""Label rules of one client see one computation of its updates, and the same rows as a rule on its own."""

from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from bench.client import Client
from bench.config.compose import compose
from bench.results import store
from bench.results.stored_labels import StoredLabels
from bench.running import shared_updates
from bench.running.cell import run_cell
from bench.running.components import client_of, instantiate_engine, read_contents
from bench.running.shared_updates import SharedUpdates, updates_of

QUICK = ("measure=labels", "logger=none", "data.set=mnist", "model=fcn3", "trainer=cpu", "engine.threads=1")
NOT_COMPARED = ("seconds", "started", "part", "stored", "host", "device", "commit", "versions")


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_updates, "_last", None)


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The victims of each call of `Client.share`."""
    calls: list[list[int]] = []
    share = Client.share

    def counted(client: Client, victims):
        calls.append(victims.ids.tolist())
        return share(client, victims)

    monkeypatch.setattr(Client, "share", counted)
    return calls


def rows(results: Path, *overrides: str) -> dict[str, list[dict]]:
    """The rows of all cells of a folder, by their rule, after one more has run."""
    run_cell(compose([*QUICK, f"results={results}", "data.victims=3", *overrides]))
    return {
        cell.facts["labels"]["attack"]: [
            {key: value for key, value in row.items() if key not in NOT_COMPARED} for row in cell.rows()
        ]
        for cell in store.cells(results, StoredLabels)[0]
    }


def test_rules_of_one_client_see_one_computation_and_claim_what_each_claims_alone(
    tmp_path: Path, shared: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("data.batch_size=6", "defense=gaussian", "defense.std=1e-2")
    for rule in ("ilrg", "yin", "llg_whitebox"):
        together = rows(tmp_path / "together", *asked, f"labels={rule}")
    assert sorted(shared) == [[0], [0, 1, 2]]
    for rule in ("ilrg", "yin", "llg_whitebox"):
        monkeypatch.setattr(shared_updates, "_last", None)
        alone = rows(tmp_path / "alone", *asked, f"labels={rule}")
    assert sorted(shared) == [[0]] * 4 + [[0, 1, 2]] * 4
    assert together == alone and set(alone) == {"ilrg", "yin", "llg_whitebox"}


@pytest.mark.parametrize(
    "other",
    ["seed=1", "data.batch_size=5", "model.width=9", "threat=labels_known", "defense=float16", "engine.dtype=float64"],
)
def test_whatever_else_differs_has_a_client_of_its_own(other: str) -> None:
    def client(*overrides: str) -> SharedUpdates:
        config: Any = OmegaConf.to_container(compose([*QUICK, "data.batch_size=4", "model.width=8", *overrides]))
        return updates_of(config, {}, object)  # type: ignore[arg-type]

    first = client("labels=yin")
    assert client("labels=ilrg", "results=elsewhere") is first
    assert client("labels=ilrg", other) is not first


def test_other_data_or_weights_are_another_client() -> None:
    made = [updates_of({"seed": 0}, found, object) for found in ({"data": "a"}, {"data": "a"}, {"data": "b"})]  # type: ignore[arg-type]
    assert made[0] is made[1] and made[1] is not made[2]


def test_what_does_not_fit_is_computed_again(shared: list[list[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = compose([*QUICK, "labels=yin", "data.batch_size=2"])
    contents = read_contents(cfg, scored=False)
    updates = SharedUpdates(client_of(cfg, contents, instantiate_engine(cfg.engine)))
    one = updates(contents.data.deal([0]))
    size = sum(value.nbytes for group in (one.gradients, one.parameters, one.buffers) for value in group.values())
    monkeypatch.setattr(shared_updates, "ROOM", 2 * size)
    for victim in (1, 2, 2, 1, 0):
        seen = updates(contents.data.deal([victim]))
        assert seen.ids.tolist() == [victim]
    assert shared == [[0], [1], [2], [2]]
    assert all(torch.equal(seen.gradients[name], value) for name, value in one.gradients.items())
