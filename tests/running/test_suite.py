"""A suite is checked as a whole before it runs, and one bad cell costs nobody else theirs."""

import json

import own_suites
import pytest

from bench.cli.main import main
from bench.errors import UserError
from bench.running import suite
from bench.running.kind import kind_of

BROKEN = '''
"""An attack of a user's own, outside of the package, with a fault."""
from bench.attacks.controls import Noise

class Broken(Noise):
    def reconstruct(self, seen, seed):
        raise RuntimeError("the third tensor\\nis missing")
'''


def written(folder, text):
    (folder / "suite").mkdir(exist_ok=True, parents=True)
    (folder / "suite" / "mine.yaml").write_text("# mine\n" + text)
    return folder


GRID = """
overrides: [data.victims=2, logger=none, metric=mse]
grid:
  - ["data=samples data.set=mnist", "data=samples data.set=cifar10"]
  - [attack=noise, "attack=idlg attack.evaluations=7"]
"""


def test_quick_is_the_product_of_attacks_and_sets_with_eight_victims():
    cells = suite.plan("quick", [])
    found = {(cell.config.names.attack, cell.config.data.set) for cell in cells}
    attacks, sets = {"dlg", "idlg", "noise", "mean"}, {"mnist", "cifar10", "cifar100"}
    assert found == {(attack, name) for attack in attacks for name in sets} and len(cells) == 12
    assert all(cell.config.data.victims == 8 and cell.config.suite == "quick" for cell in cells)


@pytest.mark.slow
def test_published_can_be_planned():
    names = {cell.config.names.attack for cell in suite.plan("published", [])}
    assert names == {"dlg", "idlg", "dlg_published", "idlg_published", "noise", "mean"}


@pytest.mark.slow
def test_every_cell_of_labels_is_a_rule_on_a_network_with_a_title_of_its_own():
    cells = suite.plan("labels", [])
    assert len(cells) == len({cell.title for cell in cells}) == 3 * 9 * 8 + 42
    assert all(kind_of(cell.config).kind == "labels" and cell.config.data.victims == 8 for cell in cells)


SETS = """
overrides: [attack=noise]
grid: [[data=mnist, data=samples, data=cifar100, data=svhn data.victims=2, data=lfw]]
"""


@pytest.mark.parametrize("name", ["mine", pytest.param("images", marks=pytest.mark.slow)])
def test_which_sets_are_lacking_is_said_before_anything_runs(name, tmp_path, monkeypatch):
    monkeypatch.setenv("LEAKBENCH_CACHE", str(tmp_path))
    with pytest.raises(UserError) as caught:
        suite.plan(name, [], written(tmp_path / "own", SETS))
    assert all(f"leakbench prepare {name}" in str(caught.value) for name in ("mnist", "cifar100", "svhn", "lfw"))


@pytest.mark.slow
def test_what_the_user_says_replaces_what_the_grid_says():
    attacks = [c.config.attack for c in own_suites.planned(GRID, "attack=idlg")]
    assert len(attacks) == 2 and all(a.evaluations != 7 for a in attacks)  # attack.evaluations=7 went with its attack
    sets = [c.config.data for c in own_suites.planned(GRID, "data.set=cifar100")]
    assert [d.set for d in sets] == ["cifar100", "cifar100"] and all(d.victims == 2 for d in sets)
    assert {c.config.data.victims for c in own_suites.planned(GRID, "data.victims=3")} == {3}


def test_a_mistake_in_a_cell_names_the_cell(tmp_path):
    with pytest.raises(UserError, match=r"no attack 'idgl' .* \[suite mine, cell attack=idgl\]"):
        suite.plan("mine", [], written(tmp_path, "grid: [[attack=idgl]]"))


def test_values_with_spaces_stay_whole(tmp_path):
    written(tmp_path, """grid: [["attack=noise results='a b' data.victims=1"]]""")
    (cell,) = suite.plan("mine", [], tmp_path)
    assert cell.config.results == "a b" and cell.config.data.victims == 1


BAD = "attack=noise attack._target_=broken_attack_of_a_user.Broken attack.control=false"
SOME_BAD = f"""
overrides: [data.victims=2, logger=none, metric=mse, data.set=mnist, data.size=8]
grid: [[attack=noise, attack=idlg data.batch_size=2, {BAD}, attack=mean]]
"""


def test_cells_that_fail_or_do_not_apply_are_kept_on_record_and_the_others_run(tmp_path, monkeypatch, capfd):
    (tmp_path / "broken_attack_of_a_user.py").write_text(BROKEN)
    monkeypatch.chdir(tmp_path)
    code, document = own_suites.run(SOME_BAD, "results=out", "executor.workers=1")
    err = capfd.readouterr().err
    assert code == 1
    assert [cell["attack"] for cell in document["cells"]] == ["noise", "mean"]
    assert document["failed"] == {BAD: "RuntimeError: the third tensor is missing"}
    (reason,) = document["not_applicable"].values()
    assert "batch of one" in reason and reason in err
    assert f"leakbench: failed: {BAD}: RuntimeError: the third tensor is missing" in err

    assert main(["report", "out", "--json"]) == 0
    rows = {row["attack"]: row for row in json.loads(capfd.readouterr().out)}
    (broken,) = rows.keys() - {"noise", "mean", "idlg"}
    assert len(rows) == 4 and "Broken" in broken
    assert rows["idlg"]["reasons"]["cell"].startswith("not_applicable: ") and rows["idlg"]["mse"] is None
    assert rows[broken]["reasons"]["cell"].startswith("error: ") and rows[broken]["victims"] == 0
    assert rows["noise"]["mse"]["n"] == 2


def test_a_failure_is_forgotten_when_the_cell_succeeds(tmp_path, monkeypatch, capfd):
    from bench.config.compose import compose
    from bench.running.cell import record_failure, run_cell

    monkeypatch.chdir(tmp_path)
    cfg = compose(["attack=noise", "data.victims=2", "logger=none", "metric=mse", "results=out"])
    record_failure(cfg, "error", "the lights went out")
    document = run_cell(cfg)
    assert document["victims"] == 2 and "cell" not in document["reasons"]
    assert len(list((tmp_path / "out" / "cells").iterdir())) == 1


PRICED = """
overrides: [data.victims=2, logger=none, metric=mse]
grid:
  - [defense=none, defense=gaussian defense.std=0.1]
  - [attack=noise, attack=dlg]
also: [attack=mean]
utility: [training=held_out, model.activation=tanh]
"""


@pytest.mark.slow
def test_a_suite_with_prices_trains_once_under_each_defence():
    cells = own_suites.planned(PRICED, "training.epochs=3", "attack.version=1")
    leaks, prices = [c for c in cells if "training" not in c.config], [c for c in cells if "training" in c.config]
    assert [c.config.names.attack for c in leaks] == ["noise", "dlg", "noise", "dlg", "mean"]
    assert [c.config.names.defense for c in prices] == ["none", "gaussian (std=0.1)"]
    assert all(c.config.model.activation == "tanh" and c.config.training.epochs == 3 for c in prices)
    assert all(c.config.model.activation == "sigmoid" for c in leaks)


def test_choices_that_become_the_same_are_composed_once(monkeypatch):
    composed = []

    def noting(overrides, *arguments, **keywords):
        composed.append(overrides)
        return real(overrides, *arguments, **keywords)

    real = suite.compose
    monkeypatch.setattr(suite, "compose", noting)
    cells = own_suites.planned(GRID, "attack=mean")
    assert [cell.title for cell in cells] == ["data=samples data.set=mnist", "data=samples data.set=cifar10"]
    assert len(composed) == 2


def test_what_no_cell_looks_at_is_refused():
    with pytest.raises(UserError, match=r"training\.epochs=3: no cell of suite mine looks at it"):
        own_suites.planned("grid: [[attack=noise, attack=mean]]", "training.epochs=3")
    with pytest.raises(UserError, match=r"no key 'training\.epoch'; did you mean 'training\.epochs'"):
        own_suites.planned(PRICED, "training.epoch=3")


@pytest.mark.slow
def test_text_runs_every_attack_at_three_batch_sizes_and_one_of_them_under_defences():
    """Words are not given away by the embedding's gradient, but where that is what an attack reads."""
    cells = [cell.config for cell in suite.plan("text", [])]
    assert {cfg.names.data for cfg in cells} == {"sentences"} and not any("training" in cfg for cfg in cells)
    tried = {(cfg.names.attack, cfg.names.threat) for cfg in cells}
    own = ("dlg_text", "dlg_text_adam", "tag", "lamp", "dager", "strongest_text", "noise")
    surrogate = {(attack, "surrogate") for attack in own}
    frozen = {("dlg_text", "embedding_frozen"), ("dlg_text_masked", "embedding_frozen")}
    assert tried == surrogate | {("bag_of_words", "basic")} | frozen
    for pair in tried - frozen:
        own = [cfg.data.batch_size for cfg in cells if (cfg.names.attack, cfg.names.threat) == pair]
        assert sorted(own) == [1, 2, 4], pair
    defended = [cfg for cfg in cells if cfg.names.threat == "embedding_frozen"]
    families = [cfg.names.defense.partition(" ")[0] for cfg in defended]
    assert {"none", "gaussian", "pruning"} == set(families) and {cfg.data.batch_size for cfg in defended} == {1}
