"""One cell from config to store: resumed, scored, refused."""

from math import prod
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from bench.config.compose import compose
from bench.errors import NotApplicable, UserError
from bench.results import query
from bench.running.cell import record_failure, run_cell

QUICK = ("logger=none", "attack=idlg", "attack.evaluations=5", "engine.compile=false")


def one_output(shape: tuple[int, ...]) -> nn.Module:
    """A user's network for healthy or ill."""
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), 1))


def diverged(shape: tuple[int, ...], classes: int) -> nn.Module:
    """A user's network after a training that went wrong."""
    layer = nn.Linear(prod(shape), classes)
    nn.init.constant_(layer.weight, float("nan"))
    return nn.Sequential(nn.Flatten(), layer)


def each(logits: Tensor, targets: Tensor) -> Tensor:
    """A user's loss that forgets to take the mean."""
    return functional.cross_entropy(logits, targets, reduction="none")


def hard(logits: Tensor, targets: Tensor) -> Tensor:
    """A user's loss that takes indices only."""
    return functional.nll_loss(logits.log_softmax(1), targets)


def run(tmp_path: Path, *overrides: str) -> dict:
    return run_cell(compose([*QUICK, f"results={tmp_path}", *overrides]))


def test_four_after_two_compute_two_and_equal_four_at_once(tmp_path: Path) -> None:
    """The number of victims is not part of a cell: rows of the first run stay, byte for byte."""
    # how many threads are quickest is measured, and may come out otherwise on a busy machine
    fixed = ("engine.threads=1", "data.set=mnist", "data.size=8", "metric=mse")
    run(tmp_path / "a", "data.victims=2", *fixed)
    (cell,) = query.cells(tmp_path / "a").cells
    first = {path: path.read_bytes() for path in cell.parts.iterdir()}
    document = run(tmp_path / "a", "data.victims=4", *fixed)
    assert document["victims"] == 4
    assert all(path.read_bytes() == content for path, content in first.items())
    fresh = run(tmp_path / "b", "data.victims=4", *fixed)
    assert document["results"].rpartition("/")[2] == fresh["results"].rpartition("/")[2]
    assert document["mse"]["mean"] == fresh["mse"]["mean"]
    assert run(tmp_path / "a", "data.victims=3", *fixed)["victims"] == 3


@pytest.mark.slow
def test_what_can_change_a_number_makes_another_cell(tmp_path: Path) -> None:
    folders = {
        run(tmp_path, "data.victims=1", *change)["results"]
        for change in ((), ("seed=1",), ("attack.lr=0.5",), ("data.set=mnist",), ("engine.chunk=7",), ("trainer=cpu",))
    }
    assert len(folders) == 5


@pytest.mark.slow
def test_controls_need_no_labels(tmp_path: Path) -> None:
    """scikit-image's faces have no identities: pictures and controls only."""
    cfg = compose(["logger=none", "attack=mean", "metric=mse", "data.set=lfw", "data.victims=3", f"results={tmp_path}"])
    document = run_cell(cfg)
    assert document["victims"] == 3
    assert document["label_accuracy"] is None
    assert "label_accuracy" in document["reasons"]
    with pytest.raises(NotApplicable, match="has no labels"):
        run(tmp_path / "x", "data.set=lfw")
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_more_victims_than_images_repeat_them_and_say_so(tmp_path: Path) -> None:
    document = run(tmp_path, "data.victims=22", "attack.evaluations=1", "data.set=mnist", "data.size=8", "metric=mse")
    (cell,) = query.cells(tmp_path).cells
    assert document["victims"] == 22
    assert query.victims(cell)["repeats"].to_pylist() == [0] * 20 + [1] * 2


@pytest.mark.slow
def test_batches_are_matched_and_scored_a_sample(tmp_path: Path) -> None:
    cfg = compose(
        [
            "logger=none",
            "attack=dlg",
            "attack.evaluations=3",
            "engine.compile=false",
            "metric=mse",
            "data.batch_size=3",
            "data.victims=2",
            f"results={tmp_path}",
        ]
    )
    document = run_cell(cfg)
    assert document["mse"]["n"] == 6
    (cell,) = query.cells(tmp_path).cells
    assert query.images(cell)[0].images.shape[1:] == (3, 3, 32, 32)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("data.batch_size=2",), "batch of one"),
        (("data.batch_size=21", "attack=noise", "~attack.evaluations"), "20"),
        (("model.mode=trian",), "mode"),
        (("model.checkpoint=weights.pt",), "per_victim"),
        (("model.checkpoint=weights.pt", "model.per_victim=false"), "no such file"),
        (("model.loss=cross_entrpy",), "cross_entrpy"),
        (("engine.chunk=0",), "chunk"),
        (("engine.threads=0",), "threads"),
        (("attack.lr=-1",), "lr"),
        (("model=custom", "model.target=nowhere:Net"), "nowhere"),
        (("model=custom", "model.target=torch.nn:Identity"), "has no trainable parameter"),
        (("model=custom", f"model.target={__name__}:one_output"), "single output .* is not served"),
        (("model=custom", f"model.target={__name__}:diverged"), "not finite .* hold NaN"),
        (("model.loss=binary_cross_entropy_with_logits",), "does not take .* class indices"),
        (("model.loss=mse_loss",), "does not take .* class indices"),
        ((f"model.loss={__name__}:each",), r"returns \[1\] .*want one number"),
        ((f"model.loss={__name__}:hard", "attack=dlg"), "takes class indices and no probabilities"),
        (("attack=mean", "attack.control=false", "~attack.evaluations"), "granted to controls"),
    ],
)
def test_mistakes_leave_nothing_behind(overrides: tuple[str, ...], says: str, tmp_path: Path) -> None:
    if "~attack.evaluations" in overrides:
        base, overrides = ("logger=none",), tuple(o for o in overrides if not o.startswith("~"))
    else:
        base = QUICK
    with pytest.raises(UserError, match=says) as caught:
        run_cell(compose([*base, f"results={tmp_path / 'r'}", *overrides]))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "r").exists()


def test_weights_under_a_wrappers_names_are_loaded_and_it_is_said_once(tmp_path: Path, capsys) -> None:
    """As DataParallel saves them; the same cell as with the plain names but for the file's hash."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10))
    torch.save({f"module.{name}": value for name, value in model.state_dict().items()}, tmp_path / "w.pt")
    words = (f"model.checkpoint={tmp_path / 'w.pt'}", "model.per_victim=false", "data.victims=1", "metric=mse")
    document = run(tmp_path / "out", "model=custom", f"model.target={__name__}:flat", *words)
    assert document["victims"] == 1
    assert capsys.readouterr().err.count("the prefix 'module.' of the names in it was stripped") == 1


def flat(shape: tuple[int, ...], classes: int) -> nn.Module:
    """A user's network."""
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), classes))


def test_data_of_one_class_have_no_gradient_to_attack(parties, tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    for number in range(2):
        Image.new("RGB", (32, 32), (number, 0, 0)).save(tmp_path / "all" / f"{number}.png")
    words = ("data=folder", f"data.root={tmp_path}")
    with pytest.raises(NotApplicable, match="has one class"):
        parties(*words, "attack=idlg")
    assert parties(*words, "attack=noise").client.facts.parameters


MATTE = ("attack=mean", "data.set=mnist", "data.victims=2", "logger=none")


@pytest.mark.slow
def test_another_metric_is_the_same_cell_and_drops_nothing_of_the_first(tmp_path: Path) -> None:
    """What was attacked is one thing, and what was scored another."""
    first = run_cell(compose([*MATTE, "metric=psnr", f"results={tmp_path}"]))
    second = run_cell(compose([*MATTE, "metric=mse", "data.victims=3", f"results={tmp_path}"]))
    assert first["results"] == second["results"] and second["victims"] == 3
    (cell,) = query.cells(tmp_path).cells
    assert list(cell.facts["metrics"]) == list(cell.facts["config"]["metric"]) == ["psnr", "mse"]
    samples = query.samples(cell)
    assert [value is None for value in samples["psnr"].to_pylist()] == [False, False, True]
    assert [value is None for value in samples["mse"].to_pylist()] == [True, True, False]


@pytest.mark.slow
def test_other_settings_of_a_stored_metric_are_refused_in_one_line(tmp_path: Path) -> None:
    run_cell(compose([*MATTE, "metric=psnr", f"results={tmp_path}"]))
    (cell,) = query.cells(tmp_path).cells
    before = {path: path.read_bytes() for path in cell.folder.rglob("*") if path.is_file()}
    other = compose([*MATTE, "metric=psnr", "metric.cap=50", "data.victims=3", f"results={tmp_path}"])
    with pytest.raises(UserError, match=r"metric\.psnr has other settings .*results=DIR") as caught:
        run_cell(other)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in cell.folder.rglob("*") if path.is_file()} == before


def test_a_cell_that_fails_before_it_is_built_knows_its_metrics(tmp_path: Path) -> None:
    cfg = compose([*MATTE, "metric=image", "paths.weights=/nowhere", f"results={tmp_path}"])
    record_failure(cfg, "error", "the lights went out")
    (cell,) = query.cells(tmp_path).cells
    assert cell.facts["metrics"]["psnr"]["column"]["unit"] == "dB"
    assert set(cell.facts["reasons"]) == {"lpips_alex", "lpips_vgg"}
