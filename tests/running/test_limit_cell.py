"""Limits from config to store: resumed, refused, on record, and equal to what central differences give."""

import json
from pathlib import Path

import pytest
import torch

from bench.cli.main import main
from bench.config.compose import compose
from bench.engine.cramer_rao import determination
from bench.errors import NotApplicable, UserError
from bench.results import store
from bench.results.stored_limits import StoredLimits
from bench.running.cell import record_failure, run_cell
from bench.running.components import client_of, instantiate_engine, read_contents

QUICK = (
    "measure=limit", "logger=none", "data.set=mnist", "data.size=6", "model.width=3", "model.strides=[1,1,1]",
    "trainer=cpu", "engine.threads=1",
)  # fmt: skip


def run(results: Path, *overrides: str) -> dict:
    return run_cell(compose([*QUICK, f"results={results}", *overrides]))


def stored(results: Path) -> StoredLimits:
    ((cell,), _) = store.cells(results, StoredLimits)
    return cell


@pytest.mark.parametrize(
    "defense",
    ["none", "pruning", "soteria", "dp_sgd", "local_steps", "dgc", "label_smoothing", "instahide", "ats", "precode"],
)
def test_the_limit_is_that_of_central_differences_of_what_is_shared(tmp_path: Path, defense: str) -> None:
    """Central differences of step 1e-5 in double precision are right to about 1e-9 of a derivative of order 1."""
    asked = (f"defense={defense}", "data.batch_size=2", "data.victims=1")
    run(tmp_path, *asked)
    (row,) = stored(tmp_path).rows()
    cfg = compose([*QUICK, *asked, "engine.dtype=float64"])
    contents = read_contents(cfg, scored=False)
    victims = contents.data.deal([0])
    client = client_of(cfg, contents, instantiate_engine(cfg.engine))
    function, pixels = client.update_as_function(victims), victims.inputs.flatten().double()
    steps = 1e-5 * torch.eye(len(pixels), dtype=torch.float64)
    rows = torch.stack([(function(pixels + step) - function(pixels - step)) / 2e-5 for step in steps])
    found = determination(rows)
    assert row["entries"] == 72 and row["shared"] == rows.shape[1]
    if found.determined:
        assert row["condition"] == pytest.approx(found.condition, rel=1e-4)
    else:  # rounding of differences lies far above that of derivatives, so small singular values do not count
        assert row["jacobian_rank"] < 72 and row["condition"] is None
    if defense == "dp_sgd":
        assert row["limit_mse"] == pytest.approx(found.unbiased_limit(row["std"]), rel=1e-3)


def test_three_after_one_compute_two_and_whoever_attacks_the_cell_is_the_same(tmp_path: Path) -> None:
    asked = ("defense=gaussian", "defense.std=1e-3")
    run(tmp_path, *asked, "data.victims=1")
    first = {path: path.read_bytes() for path in stored(tmp_path).parts.iterdir()}
    document = run(tmp_path, *asked, "data.victims=3", "attack=idlg", "threat=labels_known", "metric=psnr")
    assert document["victims"] == 3 and document["std"] == 1e-3 and document["determined"]["mean"] == 1.0
    assert all(path.read_bytes() == content for path, content in first.items())
    limits = [row["limit_mse"] for row in stored(tmp_path).rows()]
    again = run(tmp_path / "ten", "defense=gaussian", "defense.std=1e-2", "data.victims=1")
    assert again["limit_mse"]["median"] == pytest.approx(100 * limits[0])


@pytest.mark.parametrize(
    "parts", ["[label_smoothing,{gaussian: {std: 1e-3}}]", "[{gaussian: {std: 1e-3}},randomised_response]"]
)
def test_noise_comes_last_wherever_a_stack_names_what_changes_examples(tmp_path: Path, parts: str) -> None:
    document = run(tmp_path, "defense=stack", f"defense.parts={parts}", "data.victims=1")
    assert document["std"] == 1e-3 and document["limit_mse"]["median"] > 0


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (("defense=int8",), "defense Int8 rounds, so that what is shared has no derivative"),
        (("defense=sign",), "defense Sign rounds"),
        (("defense=float16",), "defense Half rounds"),
    ],
)
def test_what_has_no_derivative_is_refused_and_writes_nothing(
    tmp_path: Path, asked: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(NotApplicable, match=sentence):
        run(tmp_path / "out", "data.victims=1", *asked)
    assert not (tmp_path / "out").exists()


def test_sentences_have_no_limit(tmp_path: Path) -> None:
    cfg = compose(["measure=limit", "data=sentences", "model=bert_tiny", "attack=dlg_text", f"results={tmp_path}"])
    with pytest.raises(NotApplicable, match="holds tokens, by which nothing can be differentiated"):
        run_cell(cfg)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("labels=yin", "this measure knows the labels; leave labels out"),
        ("training=held_out", "a cell is one of the two"),
    ],
)
def test_a_limit_looks_at_no_rule_and_is_no_training(asked: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        compose([*QUICK, asked])


def test_a_refusal_is_on_record_under_the_identity_of_the_cell(tmp_path: Path) -> None:
    record_failure(compose([*QUICK, f"results={tmp_path}", "defense=int8"]), "not_applicable", "it rounds")
    cell = stored(tmp_path)
    assert cell.failure is not None and cell.failure.reason == "it rounds" and "threat" not in cell.facts


@pytest.mark.slow
def test_the_command_prints_the_limit_and_the_status_knows_the_cell(tmp_path: Path, capfd) -> None:
    asked = ["defense=gaussian", "data.victims=2", f"results={tmp_path / 'out'}"]
    assert main(["run", *QUICK, *asked]) == 0
    printed = capfd.readouterr().out
    assert "unbiased limit (dB), mean" in printed and "condition, median" in printed
    assert main(["status", str(tmp_path / "out"), "--json"]) == 0
    status = json.loads(capfd.readouterr().out)
    assert [(cell["kind"], cell["labels"]["defense"]) for cell in status["cells"]] == [("limits", "gaussian")]
