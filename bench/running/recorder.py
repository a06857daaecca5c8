"""Finished victims become rows of the store."""

from __future__ import annotations

import json
import math
import platform
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.host import signals
from bench.messages.reconstruction import Reconstruction
from bench.messages.victims import Victims
from bench.metrics.scorer import Scores
from bench.metrics.text.batch import TextBatch
from bench.results.stored_leak import StoredLeak
from bench.storage.provenance import commit, versions

_VICTIMS, _SECONDS = 32, 10.0  # a part is written when one of the two is reached


class Recorder:
    """Buffers rows and appends them to a cell, a part per few dozen victims or ten seconds.

    Args:
        cell: where to.
        images: images or sentences, and traces, are kept of victims with an id below this.
        reconstructions: whether what the attack returned is kept of every victim.
        rank: of this process.
        device: in words, asked for when rows are made (the engine settles its threads as it begins).
    """

    def __init__(
        self, cell: StoredLeak, images: int, reconstructions: bool, rank: int, device: Callable[[], str]
    ) -> None:
        self._cell, self._images, self._reconstructions = cell, images, reconstructions
        self._common = {
            "rank": rank,
            "host": platform.node(),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit(),
            "versions": versions(),
            "sources": json.dumps(cell.facts.get("sources", {}), sort_keys=True),
        }
        self._device = device
        self._empty()

    def _empty(self) -> None:
        self._victims: list[dict[str, Any]] = []
        self._samples: list[dict[str, Any]] = []
        self._pictures: list[dict[str, np.ndarray]] = []
        self._returned: list[dict[str, np.ndarray]] = []
        self._since = time.monotonic()

    def __call__(self, guess: Reconstruction, truth: Victims, scores: Scores) -> None:
        """Takes in a piece; all three hold the same victims in the same order."""
        self._victims += self._victim_rows(guess, truth)
        if self._reconstructions:  # before clipping and before the assignment, so that they can be scored again
            returned = {"ids": guess.ids, "inputs": guess.inputs, "labels": guess.labels}
            self._returned.append({name: value.detach().cpu().numpy() for name, value in returned.items()})
        samples = sample_rows(truth, scores, self._cell.facts.get("reasons", {}))
        kept = torch.nonzero(guess.ids < self._images).flatten().cpu()
        if isinstance(scores.guess, TextBatch):
            _spell(samples, guess, truth, scores, kept.tolist())
            self._curve(guess, kept)
        else:
            self._picture(guess, truth, scores, kept)
        self._samples += samples
        if len(self._victims) >= _VICTIMS or time.monotonic() - self._since > _SECONDS:
            self.flush()

    def flush(self) -> None:
        """Writes what is buffered, each row once; what cannot be written is given up, and so is left to do.

        Raises:
            UserError: the folder cannot be written.
            Interrupted: the process was asked to leave; what was buffered is written.
        """
        with signals.held():
            victims, samples, pictures, returned = self._victims, self._samples, self._pictures, self._returned
            self._empty()
            self._cell.append(victims, samples, _joined(pictures), _joined(returned))

    def _victim_rows(self, guess: Reconstruction, truth: Victims) -> list[dict[str, Any]]:
        columns = zip(
            guess.ids.tolist(),
            guess.status,
            guess.objective.tolist(),
            guess.iterations.tolist(),
            guess.evaluations.tolist(),
            guess.seconds.tolist(),
            truth.repeats.tolist(),
        )
        return [
            {
                "victim": victim,
                "status": status.value,
                "reason": status.sentence if status.failed else None,
                "objective": objective if math.isfinite(objective) else None,
                "iterations": iterations,
                "evaluations": evaluations,
                "seconds": seconds,
                "repeats": repeats,
                "batch_size": truth.labels.shape[1],
                "device": self._device(),
                **self._common,
            }
            for victim, status, objective, iterations, evaluations, seconds, repeats in columns
        ]

    def _picture(self, guess: Reconstruction, truth: Victims, scores: Scores, kept: Tensor) -> None:
        if not len(kept):
            return
        tensors = {"ids": guess.ids, "truth": truth.inputs, "guess": scores.guess.inputs, **guess.trace}
        if "images" in guess.trace:  # the same assignment as the scores, at every moment
            order = scores.permutation[:, None, :, None, None, None].to(guess.trace["images"].device)
            tensors["images"] = guess.trace["images"].take_along_dim(order, 2)
        self._pictures.append({name: value.detach().cpu()[kept].numpy() for name, value in tensors.items()})

    def _curve(self, guess: Reconstruction, kept: Tensor) -> None:
        """Of sentences only the objective is a picture: they themselves stand in their rows."""
        if not len(kept) or "curve" not in guess.trace:
            return
        tensors = {"ids": guess.ids, "curve_at": guess.trace["curve_at"], "curve": guess.trace["curve"]}
        self._pictures.append({name: value.detach().cpu()[kept].numpy() for name, value in tensors.items()})


def sample_rows(truth: Victims, scores: Scores, without: Collection[str] = ()) -> list[dict[str, Any]]:
    """One row per private example: which it is, its label, the label claimed, and each metric.

    Args:
        truth: the private examples.
        scores: of their reconstructions.
        without: the keys of the metrics that cannot be computed on this machine. They have no column, which tells them
            from metrics that were computed and are undefined.
    """
    labels, claimed, samples = truth.classes.tolist(), scores.guess.labels.tolist(), truth.samples.tolist()
    values = {name: value.tolist() for name, value in scores.values.items() if name not in without}
    return [
        {
            "victim": victim,
            "position": b,
            "sample": samples[v][b],
            "label": labels[v][b],
            "label_guess": claimed[v][b],
            **{name: value[v][b] for name, value in values.items()},
        }
        for v, victim in enumerate(truth.ids.tolist())
        for b in range(truth.labels.shape[1])
    ]


def _spell(rows: list[dict[str, Any]], guess: Reconstruction, truth: Victims, scores: Scores, kept: list[int]) -> None:
    """Adds to the rows of the victims at the places `kept` what was said, what came back, and how it came about."""
    batch, tokenizer = truth.labels.shape[1], scores.guess.tokenizer
    for v in kept:
        said, found, traces = truth.sentences[v].tolist(), scores.guess.inputs[v].tolist(), _traces(guess, scores, v)
        for b in range(batch):
            rows[v * batch + b] |= {
                "text": tokenizer.decode(said[b]),
                "text_guess": tokenizer.spell(found[b]) if scores.scored[v] else None,
                "text_trace": None if traces is None else json.dumps(traces[b], ensure_ascii=False),
            }


def _traces(guess: Reconstruction, scores: Scores, v: int) -> list[list[tuple[int, str]]] | None:
    """`(iteration, sentence)` at each moment of each of a victim's sentences, assigned as the scores are; or None."""
    if "tokens" not in guess.trace:
        return None
    order = scores.permutation[v].to(guess.trace["tokens"].device)
    moments = guess.trace["moments"][v].tolist()
    sentences = guess.trace["tokens"][v][:, order].transpose(0, 1).tolist()
    spell = scores.guess.tokenizer.spell
    return [[(at, spell(tokens)) for at, tokens in zip(moments, each) if at >= 0] for each in sentences]


def _joined(pictures: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray] | None:
    if not pictures:
        return None
    common = set.intersection(*(set(picture) for picture in pictures))  # a failed victim has no trace
    return {name: np.concatenate([picture[name] for picture in pictures]) for name in sorted(common)}
