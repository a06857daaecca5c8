"""Cells of images whose squared errors are given by hand, for the tables that compare them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from metric_facts import metric_columns

from bench.results.store import Store
from bench.results.stored_leak import StoredLeak

TARGETS = {"dlg": "bench.attacks.dlg.DLG", "idlg": "bench.attacks.idlg.IDLG", "mine": "my.attack.Mine"}


def add_cell(
    root: Path,
    attack: str,
    errors: Sequence[float | None],
    seed: int = 0,
    data: str = "samples-mnist",
    threat: str = "basic",
    control: bool = False,
    batch: int = 1,
    lr: float = 1.0,
    failed: Sequence[int] = (),
    images: bool = False,
    checkpoint: str | None = None,
    **more: Any,
) -> StoredLeak:
    """A cell with one victim per `errors / batch`; None is a sample without a reconstruction."""
    labels = {"attack": attack, "data": data, "model": "lenet", "defense": "none", "threat": threat}
    config = {
        "seed": seed,
        "attack": {"_target_": TARGETS.get(attack), "lr": lr},
        "model": {"_target_": "bench.models.lenet.LeNet", "checkpoint": checkpoint, "per_victim": checkpoint is None},
        "data": {"batch_size": batch, "victims": len(errors) // batch, "seed": seed},
        "names": labels,
    }
    facts = {
        "labels": labels,
        "config": config,
        "control": control,
        "threat": {"letter": threat, "grants": {"batch_size": True}},
        "metrics": {key: said for key, said in metric_columns().items() if not key.startswith("lpips")},
        **more,
    }
    known = sum(path.is_dir() for path in (root / "cells").glob("*"))
    cell = Store(root).cell(StoredLeak, f"{attack}-{data}", f"{known:016x}", facts)
    victims = range(len(errors) // batch)
    rows = [
        {
            "victim": victim,
            "status": "diverged" if victim in failed else "budget",
            "batch_size": batch,
            "evaluations": 100 + victim,
            "seconds": 0.5,
            "iterations": 50,
            "objective": 1e-3,
        }
        for victim in victims
    ]
    samples = [
        {
            "victim": at // batch,
            "position": at % batch,
            "sample": 1000 * seed + at,
            "label": at % 10,
            "label_guess": at % 10 if at % 2 else 9,
            "mse": error,
            "psnr": None if error is None else -10 * np.log10(error),
            "ssim": None if error is None else 1 - error,
        }
        for at, error in enumerate(errors)
    ]
    shown = None
    if images:
        truth = np.random.default_rng(0).uniform(size=(len(victims), batch, 1, 6, 4)).astype(np.float32)
        shown = {"ids": np.array(victims), "truth": truth, "guess": 1 - truth}
    cell.append(rows, samples, shown)
    return cell
