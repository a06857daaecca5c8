"""Label inference from config to store: resumed, refused, on record, and equal to the rule's own claims."""

import json
from pathlib import Path

import pytest
import torch

from bench.cli.main import main
from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.errors import NotApplicable
from bench.labels.score import score
from bench.results import store
from bench.results.stored_labels import StoredLabels
from bench.running.cell import record_failure, run_cell
from bench.running.components import client_of, instantiate_engine, read_contents

QUICK = ("measure=labels", "logger=none", "data.set=mnist", "model=fcn3", "trainer=cpu", "engine.threads=1")


def run(results: Path, *overrides: str) -> dict:
    return run_cell(compose([*QUICK, f"results={results}", *overrides]))


def test_four_after_two_compute_two_and_equal_the_rules_own_claims(tmp_path: Path) -> None:
    asked = ("labels=ilrg", "data.batch_size=5")
    run(tmp_path, *asked, "data.victims=2")
    ((cell,), _) = store.cells(tmp_path, StoredLabels)
    first = {path: path.read_bytes() for path in cell.parts.iterdir()}
    document = run(tmp_path, *asked, "data.victims=4")
    assert document["victims"] == 4 and document["rule"] == "ilrg"
    assert all(path.read_bytes() == content for path, content in first.items())
    cfg = compose([*QUICK, *asked, "data.victims=4"])
    contents = read_contents(cfg, scored=False)
    victims = contents.data.deal(range(4))
    client = client_of(cfg, contents, instantiate_engine(cfg.engine))
    claimed = instantiate(cfg.attack.labels, "attack.labels")(client.share(victims), 0)
    want = [score(*pair).right for pair in zip(claimed, victims.labels)]
    assert [row["right"] for row in cell.rows()] == want and sum(want) > 10


@pytest.mark.parametrize(
    "asked",
    [
        ("labels=yin", "data.batch_size=20"),  # more than the ten classes
        ("labels=llg", "data.batch_size=2", "data.label_rule=same"),
        ("labels=rlg", "data.batch_size=20", "model.activation=sigmoid"),
        ("labels=geng", "data.batch_size=6", "defense=pruning", "defense.fraction=0.9"),
        ("labels=ilrg", "data.batch_size=6", "defense=gaussian", "defense.std=1000.0"),
    ],
)
def test_no_batch_is_an_exception(tmp_path: Path, asked: tuple[str, ...]) -> None:
    document = run(tmp_path, "data.victims=1", *asked)
    assert document["failures"] == 0 and 0 <= document["label_overlap"]["mean"] <= 1
    assert document["inferred_batch_size"]["largest"] >= document["inferred_batch_size"]["high"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (("labels=sign", "data.batch_size=2"), r"label rule sign needs a batch of one example"),
        (("labels=oracle",), "label rule oracle needs to know the labels"),
        (("labels=tokens",), "needs a causal language model"),
        (("labels=geng", "defense=local_steps"), "label rule geng needs the length of the update"),
    ],
)
def test_a_rule_that_does_not_apply_says_why_and_writes_nothing(
    tmp_path: Path, asked: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(NotApplicable, match=sentence):
        run(tmp_path / "out", "data.victims=1", *asked)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_failure_is_on_record_until_the_cell_succeeds(tmp_path: Path) -> None:
    cfg = compose([*QUICK, f"results={tmp_path}", "labels=oracle", "threat=labels_known", "data.victims=2"])
    record_failure(cfg, "error", "no such luck")
    ((cell,), _) = store.cells(tmp_path, StoredLabels)
    assert cell.failure is not None and cell.failure.reason == "no such luck"
    assert run_cell(cfg)["batches_right"]["mean"] == 1.0
    ((again,), _) = store.cells(tmp_path, StoredLabels)
    assert again.failure is None and again.folder == cell.folder


def test_victims_that_all_fail_fail_the_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_):
        raise torch.linalg.LinAlgError("svd did not converge")

    monkeypatch.setattr(torch.linalg, "pinv", lacking)
    document = run(tmp_path, "labels=ilrg", "data.victims=2", "data.batch_size=3")
    assert document["failures"] == 2 and document["reasons"]["cell"].startswith("nonfinite: linear algebra did not")


@pytest.mark.slow
def test_the_command_prints_the_summary_and_the_status_knows_the_cell(tmp_path: Path, capfd) -> None:
    asked = ["labels=ilrg", "data.victims=2", "data.batch_size=4", f"results={tmp_path / 'out'}"]
    assert main(["run", *QUICK, *asked]) == 0
    printed = capfd.readouterr().out
    assert "rule=ilrg data=samples-mnist model=fcn3" in printed and "multiset overlap" in printed
    assert main(["status", str(tmp_path / "out"), "--json"]) == 0
    status = json.loads(capfd.readouterr().out)
    assert status["victims"] == {"done": 2, "wanted": 2} and status["counts"]["done"] == 1
    assert [(cell["kind"], cell["labels"]["attack"]) for cell in status["cells"]] == [("labels", "ilrg")]
    assert main(["run", *QUICK, f"results={tmp_path / 'none'}"]) == 2
    error = capfd.readouterr().err
    assert "say labels=RULE" in error and error.count("\n") == 1 and not (tmp_path / "none").exists()
