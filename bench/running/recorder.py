"""Finished victims become rows of the store."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import torch

from bench.host import signals
from bench.messages.reconstruction import Reconstruction
from bench.messages.victims import Victims
from bench.metrics.scorer import Scores
from bench.modalities.lookup import modality_of
from bench.results.stored_leak import StoredLeak
from bench.storage.provenance import stamp

_VICTIMS, _SECONDS = 32, 10.0  # a part is written when one of the two is reached


class Recorder:
    """Buffers rows and appends them to a cell, a part per few dozen victims or ten seconds.

    Args:
        cell: where to.
        images: examples to look at, and traces, are kept of victims with an id below this (see `Modality.record`).
        reconstructions: whether what the attack returned is kept of every victim.
        rank: of this process.
        device: in words, asked for when rows are made (the engine settles its threads as it begins).
    """

    def __init__(
        self, cell: StoredLeak, images: int, reconstructions: bool, rank: int, device: Callable[[], str]
    ) -> None:
        self._cell, self._images, self._reconstructions = cell, images, reconstructions
        self._modality = modality_of(cell.facts)
        self._common = {
            "rank": rank,
            **stamp(),
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
        tensors = self._modality.record(samples, guess, truth, scores, kept)
        if tensors is not None:
            self._pictures.append(tensors)
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
        members: Sequence[str | None] = guess.member or [None] * len(guess)
        columns = zip(
            guess.ids.tolist(),
            guess.status,
            guess.objective.tolist(),
            guess.iterations.tolist(),
            guess.evaluations.tolist(),
            guess.seconds.tolist(),
            truth.repeats.tolist(),
            members,
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
                **({} if member is None else {"member": member}),
                **self._common,
            }
            for victim, status, objective, iterations, evaluations, seconds, repeats, member in columns
        ]


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


def _joined(pictures: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray] | None:
    if not pictures:
        return None
    common = set.intersection(*(set(picture) for picture in pictures))  # a failed victim has no trace
    return {name: np.concatenate([picture[name] for picture in pictures]) for name in sorted(common)}
