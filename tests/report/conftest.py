"""A results folder with real images in it: blurred, and recovered by gradient descent on the blur's error."""

import functools
import importlib.metadata
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from metric_facts import metric_columns
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from bench.modalities.images import MODALITY
from bench.report.page import Report, write
from bench.report.table import Column, Line, Link, Missing, Name, Page, Section, Table, Value
from bench.results.defense_result import DefenseBoard, DefenseResult
from bench.results.leaks import leak
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak
from bench.results.training_summary import over_images, over_runs

MOMENTS = (0, 1, 2, 5, 10, 25, 60, 150)
BACKBONES = {
    f"lpips_{net}": {"net": net, "size": 64, "interpolation": "bilinear", "range": [0, 1]} for net in ("alex", "vgg")
}
METRICS = {key: {**BACKBONES.get(key, {}), **said} for key, said in metric_columns().items()}


def real_images(prefix: str, count: int) -> tuple[np.ndarray, list[int]]:
    """`[count, C, H, W]` in [0, 1] and their labels, from the images that foolbox ships."""
    files = sorted(str(f.locate()) for f in importlib.metadata.files("foolbox") or [] if f.name.startswith(prefix))
    pictures = [np.asarray(Image.open(path), np.float64) / 255 for path in files[:count]]
    assert len(pictures) == count, f"foolbox has {len(pictures)} images {prefix}*"
    labels = [int(Path(path).stem.rsplit("_", 1)[1]) for path in files[:count]]
    return np.stack([p[None] if p.ndim == 2 else np.moveaxis(p, -1, 0) for p in pictures]), labels


@functools.cache
def recovered(prefix: str, count: int) -> tuple[np.ndarray, list[int], np.ndarray]:
    """Real images, their labels, and `[M, count, C, H, W]`: each one's iterates."""
    truth, labels = real_images(prefix, count)
    return truth, labels, descend(truth)


def descend(truth: np.ndarray) -> np.ndarray:
    """`[M, B, C, H, W]`: iterates at MOMENTS of gradient descent towards images that only their blur is known of."""

    def blur(images: np.ndarray) -> np.ndarray:
        return gaussian_filter(images, (0, 0, 0.7, 0.7))

    seen, kept = blur(truth), []
    guess = np.stack([np.random.default_rng(seed).uniform(size=image.shape) for seed, image in enumerate(truth)])
    for step in range(MOMENTS[-1] + 1):
        if step in MOMENTS:
            kept.append(guess)
        guess = guess - blur(blur(guess) - seen)
    return np.stack(kept)


def scores(truth: np.ndarray, guess: np.ndarray) -> dict[str, float | None]:
    guess = np.clip(guess, 0, 1)
    ssim = structural_similarity(truth, guess, channel_axis=0, data_range=1.0)
    return {
        "mse": float(((truth - guess) ** 2).mean()),
        "psnr": peak_signal_noise_ratio(truth, guess, data_range=1.0),
        "ssim": float(ssim),
        "lpips_alex": None,
        "lpips_vgg": None,
    }


def facts(attack: str, data: str, threat: str = "B", **more: object) -> dict[str, object]:
    return {
        "labels": {"attack": attack, "data": data, "model": "lenet", "defense": "none", "threat": threat},
        "threat": {"letter": threat, "grants": {"model": True, "batch_size": True, "labels": False}},
        "metrics": METRICS,
        "reasons": dict.fromkeys(BACKBONES, "no backbone on this machine; run: leakbench prepare lpips"),
        "config": {"seed": 0, "data": {"batch_size": 1}},
        **more,
    }


@pytest.fixture(scope="session")
def add_cell() -> Callable[..., StoredLeak]:
    """`add_cell(root, identity, attack, data, prefix, victims, batch, ...)`: a cell of real reconstructions."""

    def add(
        root: Path,
        identity: str,
        attack: str,
        data: str,
        prefix: str,
        victims: int = 4,
        batch: int = 1,
        threat: str = "B",
        diverged: tuple[int, ...] = (),
        trace: bool = True,
        commit: str = "0123abc",
        **more: object,
    ) -> StoredLeak:
        cell = Store(root).cell(StoredLeak, f"{attack}-{data}", identity, facts(attack, data, threat, **more))
        truth, labels, path = recovered(prefix, victims * batch)
        guess = path[-1].copy() if trace else path[0].copy()
        victim_rows, sample_rows = [], []
        for victim in range(victims):
            bad = victim in diverged
            victim_rows.append(
                {
                    "victim": victim,
                    "status": "diverged" if bad else "converged",
                    "objective": 1e-3,
                    "iterations": MOMENTS[-1],
                    "evaluations": 200 + victim,
                    "seconds": 0.5,
                    "repeats": 0,
                    "batch_size": batch,
                    "device": "cpu",
                    "commit": commit,
                    "versions": '{"torch": "2.8.0"}',
                }
            )
            for position in range(batch):
                at = victim * batch + position
                if bad:
                    guess[at] = path[1][at]
                row = {"victim": victim, "position": position, "sample": at, "label": labels[at]}
                row["label_guess"] = labels[at] if trace else -1
                sample_rows.append({**row, **scores(truth[at], guess[at])})
        shape = (victims, batch, *truth.shape[1:])
        images = {"ids": np.arange(victims), "truth": truth.reshape(shape), "guess": guess.reshape(shape)}
        if trace:
            stacked = np.moveaxis(path.reshape(len(MOMENTS), *shape), 0, 1)
            images |= {"moments": np.tile(np.array(MOMENTS), (victims, 1)), "images": stacked}
        cell.append(victim_rows, sample_rows, images)
        return cell

    return add


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory, add_cell: Callable[..., StoredLeak]) -> Path:
    """Two attacks and a control on two data sets, one attack that does not apply, a second threat model."""
    root = tmp_path_factory.mktemp("results")
    paper = {"value": "label acc. 1.00", "source": "2001.02610 table 1", "known": "read"}
    add_cell(root, "0" * 16, "idlg", "samples/cifar10", "cifar10_", 8, paper=paper)
    add_cell(root, "1" * 16, "dlg", "samples/cifar10", "cifar10_", 8, diverged=(2, 5), commit="0123abc+dirty")
    add_cell(root, "2" * 16, "random_noise", "samples/cifar10", "cifar10_", 8, trace=False, control=True, threat="A")
    add_cell(root, "3" * 16, "idlg", "samples/mnist", "mnist_", 8)
    add_cell(root, "4" * 16, "dlg", "samples/mnist", "mnist_", 3, batch=4, threat="C")
    refused = Store(root).cell(StoredLeak, "idlg-b4", "5" * 16, facts("idlg", "samples/mnist", "C"))
    refused.fail("not_applicable", "attack 'idlg' needs batches of one; data.batch_size is 4 (50 % more & a_b)")
    return root


@pytest.fixture(scope="session")
def reported(results: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """Results that were moved, as from a cluster, and the report among them. To be read only."""
    folder = Path(shutil.copytree(results, tmp_path_factory.mktemp("moved") / "results"))
    return folder, write(folder)


@pytest.fixture
def by_hand() -> Page:
    """A page with one table: a figure with all that can be known of it, figures that are missing, an empty line."""
    median = {"mean": 0.5, "low": 0.25, "high": 0.75, "n": 8, "method": "range"}
    value = Value(0.01234, 0.01, 0.02, 8, "mean", "Student's t", 2, median, None, None, " (2 diverged)")
    groups = {"recovered": {"mean": 0.001, "n": 6}, "others": {"mean": 0.2, "n": 2}}
    columns = [
        Column("attack", "attack", "attack", width=6),
        Column("MSE, mean", "MSE", "mse", "down", "px", "r", figure=True, bounds=True),
        Column("PSNR", "PSNR", "psnr", "up", align="r", figure=True),
        Column("pictures", linked=True),
        Column(key="comment"),
    ]
    lines = [
        Line(
            [Name("a|b_c", True), value, Missing("no net", inline=True), Link("grid", "x.png"), "=1+1"], "a", "error: x"
        ),
        Line([Name("long_name"), Value(0.25, groups=groups), Value(12.5, places=1), None, 3], "long_name"),
        Line([Name("idlg"), Missing(), Missing(), None, None], "idlg", "not_applicable: a_b", empty=True),
    ]
    section = Section("Board", [Table(columns, lines)], ["50 % of a_b."], "Alone")
    return Page("Title", [section], "The method.", ["skipped x: y"], {"a picture": "p.png"})


@pytest.fixture
def defense_board(tmp_path: Path) -> Callable[..., DefenseBoard]:
    """Builds a board of defences from `(family, strength, [MSE of each victim], accuracy or None, pictures)`.

    The accuracy is of 100 test images. Pictures are `(truth, guess)`, each `[V, C, H, W]`, or None.
    """

    numbers = itertools.count()

    def result(family: str, strength: str, errors: list[float], rate: float | None, pictures: Any) -> DefenseResult:
        words = {"attack": "dlg", "data": "mnist", "model": "lenet", "defense": family, "threat": "basic"}
        cell = Store(tmp_path).cell(StoredLeak, "dlg", f"{next(numbers):016x}", {"labels": words})
        ids = range(len(errors))
        shape = {"position": 0, "sample": 0, "label": 0, "label_guess": 0}
        shown = None
        if pictures is not None:
            shown = {"ids": np.array(ids), "truth": pictures[0][:, None], "guess": pictures[1][:, None]}
        cell.append(
            [{"victim": v, "status": "budget", "batch_size": 1} for v in ids],
            [{"victim": v, **shape, "mse": error} for v, error in zip(ids, errors)],
            shown,
        )
        accuracy = None if rate is None else over_images([rate], 100).document()
        found = leak(cell, {})
        assert found is not None
        work = {
            "model": "lenet",
            "sampling": "shuffle",
            "seconds_per_step": 0.1,
            "slowdown": None,
            "bytes_per_step": 100,
            "diverged": 0,
            "epsilon": None,
        }
        utility = None if rate is None else {"accuracy": accuracy, "over_runs": over_runs([rate]), **work}
        return DefenseResult(f"{family} {strength}", {}, family, strength, [found], utility=utility)

    def build(*given: tuple[Any, ...]) -> DefenseBoard:
        lines = [result(*one) for one in given]
        return DefenseBoard("mnist", "lenet", ["basic"], 1, MODALITY, lines, ["dlg"], None, False)

    return build
