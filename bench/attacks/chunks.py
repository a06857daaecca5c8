"""Many victims in pieces that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from bench.engine.loop import Minimiser
from bench.engine.matching import Arrangement, Matching
from bench.engine.settings import EngineSettings
from bench.engine.state import Finished
from bench.engine.tuning import Tuned, tune
from bench.messages.observation import Observation
from bench.messages.reconstruction import Reconstruction


def in_chunks(
    seen: Observation, slots: int, engine: EngineSettings, run: Callable[[Tensor, int], Iterator[Reconstruction]]
) -> Iterator[Reconstruction]:
    """Yields the reconstructions of all victims; if memory runs out, the remaining ones use half as many slots.

    Args:
        seen: the observation of V victims.
        slots: victims at once.
        engine: its `notice` is called if memory runs out.
        run: `(positions [k] of the victims that are left, slots) -> their reconstructions`.

    Raises:
        torch.OutOfMemoryError: a single victim does not fit.
    """
    left = torch.arange(len(seen), device=seen.ids.device)
    while len(left):
        try:
            for claim in run(left, slots):
                left = left[~torch.isin(seen.ids[left], claim.ids)]
                yield claim
        except torch.OutOfMemoryError:
            if slots == 1:
                raise
            slots //= 2
            engine.notice(
                f"out of memory: {slots} victims at once from here, which changes results by rounding "
                f"(engine.chunk={slots} computes all victims alike)"
            )


def tuned_once(
    engine: EngineSettings,
    seen: Observation,
    layout: Arrangement,
    make: Callable[[Tensor], tuple[Matching, Tensor]],
    minimiser: Minimiser,
    *,
    restarts: int,
    budget: int,
    fixed_labels: bool,
) -> Tuned:
    """Decides at the first block of a cell how this kind of work is done, and reuses the decision.

    Args:
        engine: settings, in which the decision is kept.
        seen: the observation of one block of victims.
        layout: the layout of a victim's variables.
        make: see `bench.engine.tuning.tune`.
        minimiser: the minimiser whose state takes memory.
        restarts: runs per victim.
        budget: evaluations per run.
        fixed_labels: whether labels are known or inferred, and so are no variables.
    """
    shapes = tuple((name, tuple(value.shape[1:])) for name, value in seen.gradients.items())
    shared = all(value.stride(0) == 0 for value in seen.parameters.values())
    kind = (layout, shapes, shared, not fixed_labels, engine.precision, seen.ids.device)
    if kind not in engine.tuned:
        here, in_all = (restarts * count for count in (len(seen), max(engine.victims, len(seen))))
        held = minimiser.bytes_a_slot(layout.n, engine.dtype)
        found = tune(make, here, engine.chunk, engine.threads, engine.compile, in_all, budget, held, seen.ids.device)
        if found.notice:
            engine.notice(found.notice)
        engine.tuned[kind] = found
    return engine.tuned[kind]


def claimed(
    finished: list[Finished], seen: Observation, inputs: Tensor, labels: Tensor, moments: Mapping[str, Tensor]
) -> Reconstruction:
    """Makes the reconstruction of the victims of `finished`, with the cost of their runs.

    Args:
        finished: V results, whose victims are positions in `seen`.
        seen: the observation.
        inputs: as in `Reconstruction`.
        labels: as in `Reconstruction`.
        moments: the iterates of the trace: `images` or `tokens`, as in `Reconstruction`.
    """
    position = torch.tensor([one.victim for one in finished], device=seen.ids.device)
    return Reconstruction(
        ids=seen.ids[position],
        inputs=inputs,
        labels=labels,
        objective=torch.tensor([one.objective for one in finished], dtype=torch.float64),
        iterations=torch.tensor([one.iterations for one in finished]),
        evaluations=torch.tensor([one.evaluations for one in finished]),
        seconds=torch.tensor([one.seconds for one in finished], dtype=torch.float64),
        status=[one.status for one in finished],
        trace={
            "moments": torch.stack([one.at for one in finished]),
            **moments,
            "curve_at": torch.stack([one.curve_at for one in finished]),
            "curve": torch.stack([one.curve for one in finished]).float(),
        },
    )
