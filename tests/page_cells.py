"""Results folders for the page: many real reconstructions, from blurred images, written by the real store."""

import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from page_sentences import add_sentences
from PIL import Image
from scipy.ndimage import gaussian_filter

from bench.results.store import Store
from bench.results.stored_leak import StoredLeak
from bench.results.stored_training import StoredTraining

MOMENTS = (0, 1, 2, 5, 10, 25, 60, 150)
CURVE = tuple(range(0, 151, 3))
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
METRICS: dict[str, Any] = {
    "mse": {
        "unit": "",
        "values": [0, None],
        "range": [0.0, 1.0],
        "column": {"title": "MSE", "estimand": "geometric mean", "places": None, "direction": "down"},
    },
    "psnr": {
        "unit": "dB",
        "values": [0, 100],
        "range": [0.0, 1.0],
        "column": {"title": "PSNR", "unit": "dB", "places": 1, "direction": "up"},
    },
    "ssim": {"values": [-1, 1], "size": 7, "column": {"title": "SSIM", "direction": "up"}},
}
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "\"'><svg onload=alert(1)>",
    "&lt;b&gt; &amp; {{ 7*7 }} {% raw %}",
    "a\u202eb\u2028c\x1b[2Jd",
]


@dataclass(frozen=True)
class Kind:
    """A cell to be made.

    Args:
        attack, data, defense, threat: its names; `data` is `cifar10`, `cifar100` or `mnist`.
        steps: how many steps of the descent the attack gets, which decides how good it is.
        batch, seed: as in a config.
        control: whether it stands beside every attack.
        diverged: the victims that diverge.
        node: the config of its defence.
    """

    attack: str
    data: str
    defense: str = "none"
    threat: str = "basic"
    steps: int = 150
    batch: int = 1
    seed: int = 0
    control: bool = False
    diverged: tuple[int, ...] = ()
    node: Mapping[str, Any] | None = None


@cache
def _images(data: str, count: int) -> tuple[np.ndarray, tuple[int, ...]]:
    """`[count, C, H, W]` in [0, 1] and their labels: what foolbox ships, then the same images mirrored and dimmed."""
    files = sorted(str(f.locate()) for f in importlib.metadata.files("foolbox") or [] if f.name.startswith(f"{data}_"))
    pictures = [np.asarray(Image.open(path), np.float64) / 255 for path in files]
    stacked = np.stack([p[None] if p.ndim == 2 else np.moveaxis(p, -1, 0) for p in pictures])
    labels = [int(Path(path).stem.rsplit("_", 1)[1]) for path in files]
    places = np.arange(count) % len(files)
    turns = np.arange(count) // len(files)
    found = stacked[places]
    found[turns % 2 == 1] = found[turns % 2 == 1][..., ::-1]
    dim = 0.97 ** (turns // 2)
    return found * dim[:, None, None, None], tuple(labels[place] for place in places)


@cache
def _paths(data: str, count: int) -> np.ndarray:
    """`[len(MOMENTS), count, C, H, W]`: iterates of gradient descent towards images of which only a blur is known."""
    truth, _ = _images(data, count)

    def blur(image: np.ndarray) -> np.ndarray:
        return gaussian_filter(image, (0, 0, 0.7, 0.7))

    seen, guess, kept = blur(truth), np.random.default_rng(0).uniform(size=truth.shape), []
    for step in range(MOMENTS[-1] + 1):
        if step in MOMENTS:
            kept.append(guess)
        guess = guess - blur(blur(guess) - seen)
    return np.stack(kept)


def add(root: Path, kind: Kind, number: int, victims: int, shown: int = 8) -> StoredLeak:
    """A cell of images with traces and curves of its first `shown` victims; the identity is made of `number`."""
    count = victims * kind.batch
    truth, labels = _images(kind.data, count)
    path = _paths(kind.data, count)
    last = max(place for place, moment in enumerate(MOMENTS) if moment <= kind.steps)
    rng = np.random.default_rng(number)
    guess = np.clip(path[last] + rng.normal(0, 0.002, path[last].shape), 0, 1)
    errors = ((np.clip(guess, 0, 1) - truth) ** 2).mean((1, 2, 3))
    bad = set(kind.diverged)
    victim_rows = [
        {
            "victim": victim,
            "status": "diverged" if victim in bad else "converged" if errors[victim * kind.batch] < 1e-3 else "budget",
            "objective": float(errors[victim * kind.batch]),
            "iterations": MOMENTS[last],
            "evaluations": MOMENTS[last] + victim % 7,
            "seconds": 0.02 * (1 + MOMENTS[last]) * (1 + 0.1 * (victim % 3)),
            "repeats": 0,
            "batch_size": kind.batch,
            "device": "cpu",
            "commit": "0123abc",
            "versions": '{"torch": "2.8.0"}',
        }
        for victim in range(victims)
    ]
    sample_rows = [
        {
            "victim": at // kind.batch,
            "position": at % kind.batch,
            "sample": at,
            "label": labels[at],
            "label_guess": -1 if kind.control else labels[at] if (at + number) % 9 else (labels[at] + 1) % 10,
            "mse": float(error),
            "psnr": float(min(100.0, -10 * np.log10(max(error, 1e-10)))),
            "ssim": float(np.clip(1 - 4 * error**0.5, -1, 1)),
        }
        for at, error in enumerate(errors)
    ]
    shape = (victims, kind.batch, *truth.shape[1:])
    few = min(shown, victims)
    curve = 1 / (1 + np.array(CURVE)) * rng.uniform(0.5, 1.5, (few, 1))
    images = {
        "ids": np.arange(few),
        "truth": truth.reshape(shape)[:few],
        "guess": guess.reshape(shape)[:few],
        "moments": np.tile(np.array(MOMENTS[: last + 1]), (few, 1)),
        "images": np.moveaxis(path.reshape(len(MOMENTS), *shape), 0, 1)[:few, : last + 1],
        "curve_at": np.tile(np.array(CURVE), (few, 1)),
        "curve": curve,
    }
    cell = Store(root).cell(StoredLeak, f"{kind.attack}-{kind.data}", f"{number:016x}", facts(kind, victims))
    cell.append(victim_rows, sample_rows, images)
    return cell


def facts(kind: Kind, victims: int) -> dict[str, Any]:
    """What a cell is stored with."""
    data = {"set": kind.data, "batch_size": kind.batch, "seed": kind.seed, "victims": victims}
    names = {"attack": kind.attack, "data": "samples", "model": "lenet", "defense": kind.defense, "threat": kind.threat}
    return {
        "labels": {**names, "data": f"samples-{kind.data}"},
        "threat": {"letter": "B", "grants": {"batch_size": True, "labels": False}},
        "metrics": METRICS,
        "control": kind.control,
        "data": {"modality": "images", "classes": 10, "class_names": CLASSES if kind.data == "cifar10" else None},
        "config": {
            "seed": kind.seed,
            "attack": {"_target_": f"bench.attacks.{kind.attack}.Attack"},
            "data": data,
            "names": names,
            "defense": dict(kind.node or {"version": 1}),
        },
    }


def add_training(root: Path, kind: Kind, number: int, accuracy: float) -> None:
    """What a defence leaves of the accuracy, over two runs."""
    names = {"data": f"samples-{kind.data}", "model": "lenet", "defense": kind.defense, "threat": kind.threat}
    config = {"seed": 0, "data": {}, "model": {}, "defense": dict(kind.node or {"version": 1})}
    schedule = {"lr": 0.1, "runs": 2}
    stored = {
        "labels": {**names, "training": "held_out"},
        "config": {**config, "training": schedule},
        "schedule": "SGD",
    }
    cell = Store(root).cell(StoredTraining, "training", f"{number:016x}", stored)
    for run in range(2):
        row = {"run": run, "status": "trained", "correct": int(2000 * accuracy) + run, "tested": 2000, "steps": 100}
        cell.append({**row, "seconds": 0.5, "bytes_per_step": 54_000, "sampling": "shuffle", "lr": 0.1})


DEFENSES = (
    ("gaussian (std=0.0001)", {"_target_": "g", "std": 1e-4}, 150, 0.955),
    ("gaussian (std=0.01)", {"_target_": "g", "std": 1e-2}, 10, 0.93),
    ("gaussian (std=0.1)", {"_target_": "g", "std": 1e-1}, 1, 0.61),
    ("pruning (fraction=0.3)", {"_target_": "p", "fraction": 0.3}, 60, 0.951),
    ("pruning (fraction=0.7)", {"_target_": "p", "fraction": 0.7}, 5, 0.944),
    ("int8", {"_target_": "q", "bits": 8}, 25, 0.95),
)


def everything(root: Path) -> Path:
    """One of each: attacks, controls, two threat models, sweeps, defences, sentences, a refused and a failed cell."""
    kinds = [
        Kind("idlg", "cifar10"),
        Kind("dlg", "cifar10", steps=60, diverged=(2, 5)),
        Kind("inverting_gradients", "cifar10", steps=10),
        Kind("noise", "cifar10", steps=0, control=True),
        Kind("mean", "cifar10", steps=2, control=True),
        Kind("idlg", "mnist"),
        Kind("dlg", "mnist", steps=25),
        Kind("noise", "mnist", steps=0, control=True),
        Kind("dlg", "mnist", steps=60, batch=4, threat="training_details"),
        Kind("dlg", "cifar10", steps=25, seed=1),
    ]
    kinds += [Kind("dlg", "cifar100", name, steps=steps, node=node) for name, node, steps, _ in DEFENSES]
    kinds.append(Kind("dlg", "cifar100"))
    for number, kind in enumerate(kinds):
        add(root, kind, number + 1, 8 if kind.batch == 1 else 3)
    for number, (name, node, _, accuracy) in enumerate(DEFENSES):
        add_training(root, Kind("dlg", "cifar100", name, node=node), number + 1, accuracy)
    add_training(root, Kind("dlg", "cifar100"), 99, 0.956)
    add_sentences(root, "dlg_text", 100, (0, 4, 7, 12))
    add_sentences(root, "tag", 101, (0, 2, 5, 9))
    add_sentences(root, "noise", 102, (0, 1, 0, 1))
    refused = Kind("idlg", "mnist", batch=4, threat="training_details")
    cell = Store(root).cell(StoredLeak, "idlg-b4", f"{200:016x}", facts(refused, 3))
    cell.fail("not_applicable", "attack 'idlg' needs batches of one; data.batch_size is 4 (50 % more & a_b)")
    cell = Store(root).cell(StoredLeak, "dlg-broken", f"{201:016x}", facts(Kind("dlg", "cifar10", seed=2), 8))
    cell.fail("error", "RuntimeError: [enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory")
    return root


def many(root: Path, cells: int = 200, victims: int = 10_000) -> Path:
    """A folder of `cells` cells with `victims` victims in all."""
    each = victims // cells
    attacks = ("idlg", "dlg", "inverting_gradients", "tag", "dlg_adam")
    for number in range(cells):
        data = ("cifar10", "cifar100")[number % 2]
        steps = MOMENTS[2 + number % (len(MOMENTS) - 2)]
        add(root, Kind(attacks[number % 5], data, steps=steps, seed=number // 10), number + 1, each)
    return root


def hostile(root: Path, number: int, words: str) -> None:
    """A cell all of whose words are `words`, and one that failed for this reason."""
    names = dict.fromkeys(("attack", "data", "model", "defense", "threat"), words or "-")
    known = {**facts(Kind("dlg", "cifar10"), 1), "labels": names, "config": {"seed": 0, "names": names, "x": words}}
    known["data"] = {"modality": "sentences", "class_names": [words]}
    known["metrics"] = {"m": {"net": words, "column": {"title": words, "unit": words}}}
    known["reasons"] = {"m": words}
    cell = Store(root).cell(StoredLeak, "hostile", f"{number:016x}", known)
    row = {"victim": 0, "position": 0, "sample": 0, "label": 0, "label_guess": 0, "text": words, "text_guess": words}
    row |= {"text_trace": json.dumps([[0, words]]), "m": 1.0}
    cell.append([{"victim": 0, "status": words or "x", "batch_size": 1, "commit": words, "device": words}], [row])
    cell.fail("error", words)
