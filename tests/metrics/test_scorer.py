"""One assignment for all metrics, failures without scores, and the same means on two processes as on one."""

import json
import subprocess
import sys
import textwrap

import pytest
import torch

from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.messages.victims import Victims
from bench.metrics.base import SampleMetric
from bench.metrics.label_accuracy import LabelAccuracy
from bench.metrics.lpips import LearnedPerceptualSimilarity
from bench.metrics.mse import MeanSquaredError, mean_squared_error
from bench.metrics.psnr import PeakSignalToNoiseRatio
from bench.metrics.scorer import UNSCORED, Scorer
from bench.metrics.ssim import StructuralSimilarity


def deal(inputs, labels=None):
    v, b = inputs.shape[:2]
    labels = torch.arange(v * b).view(v, b) if labels is None else labels
    return Victims(inputs, labels, torch.arange(v), torch.arange(v * b).view(v, b), torch.zeros(v, dtype=torch.int64))


def claim(inputs, labels, status=None):
    v = inputs.shape[0]
    zeros = torch.zeros(v)
    status = status or [Status.CONVERGED] * v
    return Reconstruction(torch.arange(v), inputs, labels, zeros, zeros.long(), zeros.long(), zeros, status)


def scorer(**more: SampleMetric) -> Scorer:
    return Scorer({
        "mse": MeanSquaredError(clip=True), "mse_raw": MeanSquaredError(clip=False),
        "psnr": PeakSignalToNoiseRatio(cap=100.0), "ssim": StructuralSimilarity(1.5, 3.5, 0.01, 0.03),
        "label_accuracy": LabelAccuracy(), **more,
    })  # fmt: skip


@pytest.fixture
def truth(images):
    return deal(images["cifar10"].unflatten(0, (5, 4)))


def test_every_metric_sees_the_same_order_and_labels_travel_along(truth, noisy):
    order = torch.tensor([2, 0, 3, 1])
    shuffled = noisy(truth.inputs, 0.05)[:, order]
    scores = scorer()(claim(shuffled, truth.labels[:, order]), truth)
    plain = scorer()(claim(noisy(truth.inputs, 0.05), truth.labels), truth)
    assert torch.equal(scores.permutation, order.argsort().expand(5, 4))
    assert torch.equal(scores.guess.labels, truth.labels)
    for key, values in scores.values.items():
        assert torch.equal(values, plain.values[key]), key
    assert (scores.values["label_accuracy"] == 1).all()
    assert torch.equal(scores.values["mse"], mean_squared_error(scores.guess.inputs, truth.inputs))


def test_no_image_is_credited_twice(truth):
    """A reconstruction with four copies of one image is right once."""
    copies = truth.inputs[:, :1].expand_as(truth.inputs).contiguous()
    exact = scorer()(claim(copies, truth.labels), truth).values["mse"] == 0
    assert exact.sum(1).tolist() == [1] * 5


@pytest.mark.parametrize("status", UNSCORED)
def test_a_victim_without_a_reconstruction_has_no_scores(truth, status):
    judge = scorer()
    statuses = [Status.CONVERGED, status, Status.BUDGET, Status.DIVERGED, Status.CONVERGED]
    scores = judge(claim(truth.inputs.clone(), truth.labels, statuses), truth)
    assert scores.scored.tolist() == [True, False, True, True, True]
    for key, values in scores.values.items():
        assert values[1].isnan().all() and values[[0, 2, 3, 4]].isfinite().all(), key
    assert judge.means()["mse"] == 0.0 and judge.metrics["mse"].count.item() == 16


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_reconstruction_that_is_not_finite_has_no_scores_whatever_its_status_says(truth, broken):
    inputs = truth.inputs.clone()
    inputs[2, 3, 1, 0, 0] = broken
    scores = scorer()(claim(inputs, truth.labels), truth)
    assert scores.scored.tolist() == [True, True, False, True, True]
    assert all(values[2].isnan().all() for values in scores.values.values())
    assert scores.permutation[2].tolist() == [0, 1, 2, 3]
    assert scores.guess.inputs.isfinite().all()


def test_a_diverged_victim_is_scored_on_what_it_returns_clipped(truth):
    inputs = truth.inputs * 1e12
    scores = scorer()(claim(inputs, truth.labels, [Status.DIVERGED] * 5), truth)
    assert scores.scored.all()
    assert (scores.values["mse"] <= 1).all() and (scores.values["mse_raw"] > 1e18).all()


def test_all_victims_failed(truth):
    judge = scorer()
    scores = judge(claim(truth.inputs, truth.labels, [Status.ERROR] * 5), truth)
    assert all(values.isnan().all() for values in scores.values.values())
    assert set(judge.means().values()) == {None}


def test_a_metric_that_cannot_be_computed_is_a_reason_and_no_number(images, tmp_path):
    truth = deal(images["mnist"].unflatten(0, (5, 4))[..., 8:18, 8:18])
    judge = scorer(lpips=LearnedPerceptualSimilarity("alex", 64, str(tmp_path), 8))
    scores = judge(claim(truth.inputs, truth.labels), truth)
    assert judge.reasons == {
        "ssim": "needs images of at least 11x11 pixels; these are 10x10",
        "lpips": f"no ImageNet weights for net=alex in {tmp_path}; run: leakbench prepare lpips",
    }
    assert scores.values["ssim"].isnan().all() and scores.values["lpips"].isnan().all()
    assert judge.means() == {"mse": 0, "mse_raw": 0, "psnr": 100, "ssim": None, "label_accuracy": 1, "lpips": None}


def test_changing_the_truth_changes_scores_and_nothing_else(truth):
    guess = claim(truth.inputs.clone(), truth.labels.clone())
    kept = guess.inputs.clone()
    other = deal(truth.inputs.roll(1, 0), truth.labels)
    assert not torch.equal(scorer()(guess, truth).values["mse"], scorer()(guess, other).values["mse"])
    assert torch.equal(guess.inputs, kept)


def test_other_victims_are_refused(truth):
    guess = claim(truth.inputs, truth.labels)
    guess.ids = guess.ids.flip(0)
    with pytest.raises(ValueError, match="same ids in the same order"):
        scorer()(guess, truth)
    with pytest.raises(ValueError, match="does not have the victims' shape"):
        scorer()(claim(truth.inputs[:, :2], truth.labels[:, :2]), truth)


PROCESS = textwrap.dedent("""
    import json, sys
    import torch, torch.distributed as dist
    sys.path.insert(0, sys.argv[4])
    from test_scorer import claim, deal, scorer
    from bench.messages.status import Status
    rank, folder, images = int(sys.argv[1]), sys.argv[2], torch.load(sys.argv[3])
    dist.init_process_group("gloo", init_method="file://" + folder + "/meet", rank=rank, world_size=2)
    judge = scorer()
    share = slice(0, 3) if rank == 0 else slice(3, 5)
    truth = deal(images["truth"][share], images["labels"][share])
    status = [Status.CONVERGED] * 3 if rank == 0 else [Status.CONVERGED, Status.ERROR]
    judge(claim(images["guess"][share], images["labels"][share], status), truth)
    never_used = scorer()
    if rank == 0:
        never_used(claim(images["guess"][share], images["labels"][share], status), truth)
    print(json.dumps([judge.means(), never_used.means()]))
""")


@pytest.mark.slow
def test_two_processes_give_the_same_means_as_one(truth, noisy, tmp_path):
    """Uneven shares, a failed victim on one side, and a scorer that one process never uses."""
    guess = noisy(truth.inputs, 0.1)
    torch.save({"truth": truth.inputs, "guess": guess, "labels": truth.labels}, tmp_path / "images.pt")
    script = tmp_path / "process.py"
    script.write_text(PROCESS)
    here = __file__.rsplit("/", 1)[0]
    command = [str(tmp_path), str(tmp_path / "images.pt"), here]
    both = [
        subprocess.Popen([sys.executable, str(script), str(rank), *command], stdout=subprocess.PIPE, text=True)
        for rank in (0, 1)
    ]
    answers = [json.loads(process.communicate(timeout=100)[0]) for process in both]
    whole, part = scorer(), scorer()
    whole(claim(guess, truth.labels, [Status.CONVERGED] * 4 + [Status.ERROR]), truth)
    part(claim(guess[:3], truth.labels[:3]), deal(truth.inputs[:3], truth.labels[:3]))
    for used, unused in answers:
        assert used == pytest.approx(whole.means(), rel=1e-12)
        assert unused == pytest.approx(part.means(), rel=1e-12)
