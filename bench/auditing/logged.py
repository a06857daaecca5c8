"""An audit as what a Trainer's logger takes: numbers under `leak/`, and pictures where they are asked for."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from bench.auditing.verdict import Recovery, Verdict

if TYPE_CHECKING:
    from bench.auditing.report import Audit

_LEVELS = {Verdict.NOTHING_FOUND: 0, Verdict.PARTLY: 1, Verdict.LEAKS: 2}


def numbers(report: Audit, seconds: float) -> dict[str, float]:
    """What is logged of an audit; what is undefined is left out.

    Args:
        report: the audit.
        seconds: what it took as a whole.

    Returns:
        `leak/verdict` (0: nothing found, 1: partly, 2: leaks), `leak/recovered` and `leak/partly` (shares of the
        examples), `leak/error_share` (the least error of an input over its best control's), `leak/targets` (the share
        of targets that are right, unless they were granted), `leak/rank_share` and `leak/condition` (of the Jacobian),
        `leak/bound` (Cramer-Rao, under noise), `leak/average_bound` (van Trees, of images under noise), `leak/SCORE`
        (the mean over the examples), and `leak/seconds`.
    """
    examples, room, targets = report.examples, report.room, report.targets
    words = [one.found for one in examples]
    shares = [one.share for one in examples if not math.isnan(one.share)]
    found: dict[str, float | None] = {
        "verdict": _LEVELS[report.verdict],
        "recovered": words.count(Recovery.RECOVERED) / len(words),
        "partly": words.count(Recovery.PARTLY) / len(words),
        "error_share": min(shares, default=None),
        "targets": targets.right / targets.total if targets.total else None,
        "rank_share": room.rank / room.entries if room.entries else None,
        "condition": room.condition if room.entries else None,
        "bound": room.bound,
        "average_bound": room.average,
        "seconds": seconds,
    }
    for name, values in report.scores.items():
        there = [value for value in values.tolist() if math.isfinite(value)]
        found[name] = sum(there) / len(there) if there else None
    return {f"leak/{name}": float(one) for name, one in found.items() if one is not None and math.isfinite(one)}


def beside(pictures: Tensor) -> np.ndarray:
    """Truths above reconstructions, as one picture `[2 H, B W, C]` of 8-bit values, C being 1 or 3.

    Args:
        pictures: `[2, B, C, H, W]` in [0, 1]; of C channels that are no colours, the first is shown.
    """
    shown = pictures if pictures.shape[2] in (1, 3) else pictures[:, :, :1]
    rows = [np.concatenate(list(row), axis=2) for row in shown.detach().cpu().numpy()]
    whole = np.concatenate(rows, axis=1).transpose(1, 2, 0)
    return np.round(whole.clip(0, 1) * 255).astype(np.uint8)


def log_picture(logger: Any, picture: np.ndarray, step: int) -> None:
    """Gives a picture to a logger of Lightning's: W&B and TensorBoard show it, others get a file in their folder.

    Args:
        logger: of the Trainer.
        picture: `[H, W, C]`, 8-bit.
        step: of the training.
    """
    from PIL import Image

    key = "leak/pictures"
    if hasattr(logger, "log_image"):  # W&B
        logger.log_image(key=key, images=[picture], step=step)
    elif hasattr(getattr(logger, "experiment", None), "add_image"):  # TensorBoard
        logger.experiment.add_image(key, picture, step, dataformats="HWC")
    elif folder := getattr(logger, "log_dir", None):
        path = Path(folder) / "leak" / f"step-{step}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture).save(path)
