"""One cell: compose -> build -> `Trainer.test` -> store."""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import rich.progress
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from rich.progress import TaskID

from bench.config.display_names import title
from bench.engine.state import Progress
from bench.errors import UserError
from bench.host import signals
from bench.host.capacity import BLOCK, check_processes
from bench.leakage import Leakage
from bench.loggers.base import Run
from bench.messages import Reconstruction, Victims
from bench.metrics.scorer import UNSCORED, Scores
from bench.results import query
from bench.results.identity import contents, identity
from bench.results.store import Cell, Store
from bench.results.summary import summarise
from bench.running.components import Components, build, notice, revisions, sources
from bench.running.ddp_watchdog import DdpWatchdog
from bench.running.ranks import SyncRanks
from bench.running.recorder import Recorder
from bench.running.telling import owed, telling
from bench.storage.lock import locked
from bench.terminal.overview import overview
from bench.terminal.printable import visible
from bench.terminal.progress import bars, console
from bench.threat import relevant
from datamodules.base import VictimDataModule, share
from datamodules.text_base import TextDataModule

MEETING = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK")  # where processes of several machines meet
PATIENCE = timedelta(days=30)  # of processes that wait for each other

# a cell whose victims all ended like this has no result
_WITHOUT_RESULT = frozenset(status.value for status in UNSCORED)


def run_cell(cfg: DictConfig) -> dict[str, Any]:
    """Runs one resolved cell and returns its document (`bench.results.summary`).

    Victims that are stored already are not computed again. Where not one victim has a result the cell counts as failed:
    the document says why under `reasons`, `cell`.

    Args:
        cfg: of `bench.config.compose.compose`.

    Raises:
        UserError: before anything is written: what the user asked for cannot be done. `Unwritable`: later too.
        NotApplicable: likewise: this attack cannot serve this model or threat model.
        Interrupted: the process was asked to leave; finished victims are stored.
    """
    signals.check()
    store = Store(Path(cfg.results))
    parties = build(cfg)
    trainer = make_trainer(cfg, logger=False)  # a device that is not there is found out before anything is written
    console.quiet = not trainer.is_global_zero  # one of several processes speaks
    cell = open_cell(cfg, parties, store)
    todo = remaining(parties.data.victims, cell)
    first, logger = trainer.is_global_zero, parties.logger
    busy = first and (bool(todo) or owed(logger, cell))  # who has nothing to do writes nothing
    with locked(cell.folder, notice) if busy else nullcontext():
        if busy:
            cell.sweep()
            todo = remaining(parties.data.victims, cell)
            busy = bool(todo) or owed(logger, cell)
        rank_zero_only(console.print)(overview(_overview(cfg, parties, cell, len(todo))))
        with telling(logger, cell) if busy else nullcontext():
            if todo or trainer.world_size > 1:  # processes that meet go in together, or wait for each other forever
                _run(cfg, parties, cell, todo, trainer)
            document = _settled(cell, parties.data.victims, writes=first)
            if busy:
                _tell(cfg, parties, cell, document, begun=bool(todo))
    return document


def _tell(cfg: DictConfig, parties: Components, cell: Cell, document: dict[str, Any], *, begun: bool) -> None:
    """Tells the logger of the finished cell; of one that was computed before, it has not been opened yet."""
    if not begun:
        parties.logger.open(_called(cfg, cell))
    parties.logger.finish(cell, document)


def _called(cfg: DictConfig, cell: Cell) -> Run:
    return Run(Path(cfg.results), cell.folder.name, cell.identity, cfg.suite, cell.facts["config"])


def remaining(victims: int, cell: Cell) -> list[int]:
    """The ids below `victims` that are not stored."""
    return sorted(set(range(victims)) - cell.done())


def open_cell(cfg: DictConfig, parties: Components, store: Store) -> Cell:
    """The cell's folder, made if need be."""
    config = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(config, dict)
    extra = contents(parties.data.fingerprint, parties.checkpoint, revisions(cfg), parties.scorer.reasons)
    come_from = sources(cfg, parties.data, parties.checkpoint)
    facts = {**cell_facts(config, parties), "contents": extra, "sources": come_from}
    labels = facts["labels"]
    slug = "-".join(labels[name] for name in ("attack", "data", "model"))
    return store.cell(slug, identity(config, extra), facts)  # type: ignore[arg-type]


def cell_facts(config: dict[Any, Any], parties: Components) -> dict[str, Any]:
    """What the tables say about a cell."""
    data, client = parties.data, parties.client
    names = config["names"]
    grants = {name: bool(value) for name, value in vars(client.threat).items() if name != "letter"}
    labels = {name: names[name] for name in ("attack", "model", "defense", "threat")}
    return {
        "labels": {**labels, "data": title(data.title, names["data"])},
        "config": config,
        "control": bool(config["attack"]["control"]),
        "threat": {"letter": client.threat.letter, "grants": grants},
        "data": {
            "things": data.things,
            "classes": data.classes,
            "shape": list(data.shape),
            "pool": data.size_of_pool,
            "remark": data.remark if isinstance(data, TextDataModule) else None,
        },
        "model": {
            "parameters": client.facts.parameters,
            "frozen": client.facts.frozen,
            "per_victim": client.per_victim,
        },
        "defense": client.facts_of_defense(data.deal([0])),
        "metrics": parties.scorer.facts(),
        "reasons": dict(parties.scorer.reasons),
        "numerics": {"dtype": parties.engine.precision, "tf32": torch.backends.cudnn.allow_tf32},
    }


def _overview(cfg: DictConfig, parties: Components, cell: Cell, todo: int) -> dict[str, Any]:
    data, facts = parties.data, cell.facts
    remark = facts["data"]["remark"]
    granted = relevant(facts["threat"]["grants"], data.things)
    fresh = "a fresh model a victim" if parties.client.per_victim else "one model for all victims"
    stored = f", {data.victims - todo} of them stored already" if todo < data.victims else ""
    return {
        "attack": facts["labels"]["attack"],
        "attacker sees": {"the gradient": True, "the model": True, **granted},
        "threat model": f"{facts['threat']['letter']} ({facts['labels']['threat']})",
        "victims": f"{data.victims} of {data.batch_size} {data.things[: None if data.batch_size > 1 else -1]}{stored}",
        "data": f"{data.title}: {data.size_of_pool} {data.things} of {_size(data.shape)}, {_classes(data)}",
        "model": f"{facts['labels']['model']}: {_parameters(facts['model'])}, {fresh}",
        "defense": facts["labels"]["defense"],
        "privacy": _privacy(facts["defense"]),
        "note": "; ".join([*facts["defense"]["notes"], *([remark] if remark else [])]) or None,
        "scores": list(facts["metrics"]),
        "not available": "; ".join(f"{name}: {why}" for name, why in facts["reasons"].items()) or None,
        "device": cfg.trainer.accelerator,
        "threads": parties.engine.threads,
        "victims at once": parties.engine.chunk,
        "results": str(cell.folder),
    }


def _size(shape: tuple[int, ...]) -> str:
    """`3x32x32`, or `16 tokens at most`."""
    return f"{shape[0]} tokens at most" if len(shape) == 1 else "x".join(str(n) for n in shape)


def _parameters(model: dict[str, Any]) -> str:
    """`13,426 parameters`, or `10 parameters (13,416 more are frozen)`."""
    frozen = f" ({model['frozen']:,} more are frozen)" if model["frozen"] else ""
    return f"{model['parameters']:,} parameters{frozen}"


def _classes(data: VictimDataModule) -> str:
    if isinstance(data, TextDataModule) and data.head != "classification":
        return f"{data.classes:,} tokens to choose from"
    return f"{data.classes or 'no'} classes"


def _privacy(defense: dict[str, Any]) -> str | None:
    """`epsilon 5.3 (delta 1e-05) a shared step`."""
    if defense["epsilon"] is None:
        return None
    return f"epsilon {defense['epsilon']:.3g} (delta {defense['delta']:g}) a shared step"


def _settled(cell: Cell, victims: int, *, writes: bool) -> dict[str, Any]:
    """The cell's document, once its own word is on record: failed where no victim has a result, else complete."""
    rows = query.rows(cell).limit(victims)
    words, reasons = rows.victims["status"].to_pylist(), rows.victims["reason"].to_pylist()
    if writes and words and set(words) <= _WITHOUT_RESULT:
        cell.fail(words[0], f"{reasons[0]} (all {len(words)} victims failed)")
    elif writes:
        cell.complete()
    return summarise(cell, rows)


def _run(cfg: DictConfig, parties: Components, cell: Cell, todo: list[int], trainer: pl.Trainer) -> None:
    data, engine = parties.data, parties.engine
    data.todo = todo
    data.block = BLOCK
    engine.victims = len(share(todo, trainer.global_rank, trainer.world_size))
    engine.notice = notice
    logger = parties.logger.open(_called(cfg, cell)) if todo else False  # processes that only met have nothing to tell
    trainer.logger = logger if isinstance(logger, Logger) else None
    recorder = Recorder(cell, cfg.report.images, trainer.global_rank, lambda: device_in_words(trainer))
    with bars() as drawn:
        bar = drawn.add_task(
            visible(" ".join(cell.facts["labels"][name] for name in ("attack", "data"))), total=engine.victims, note=""
        )
        engine.watch = _Watch(drawn, bar)

        def keep(guess: Reconstruction, truth: Victims, scores: Scores) -> None:
            recorder(guess, truth, scores)
            drawn.advance(bar, len(guess))

        trainer.callbacks += [SyncRanks(data, recorder), DdpWatchdog()]  # type: ignore[attr-defined]
        try:
            trainer.test(Leakage(parties.client, parties.attack, parties.scorer, cfg.seed, keep), data, verbose=False)
        finally:
            drawn.remove_task(bar)
            recorder.flush()
    signals.check()


def make_trainer(cfg: DictConfig, logger: Logger | bool) -> pl.Trainer:
    """Lightning's trainer; our own sampler deals each victim once, our own bars show the victims.

    Raises:
        UserError: this machine does not have the devices.
    """

    def made(strategy: str | DDPStrategy) -> pl.Trainer:
        return pl.Trainer(
            **{**cfg.trainer, "strategy": strategy},
            plugins=environment(),
            logger=logger,
            enable_progress_bar=False,
            use_distributed_sampler=False,
            default_root_dir=cfg.results,
        )

    try:
        trainer = made(cfg.trainer.strategy)
        if not isinstance(trainer.strategy, DDPStrategy):
            return trainer
        _check_devices(trainer)
        # One process is no group. Several may wait long for the slowest of them; bench.running.ddp_watchdog notices the
        # dead.
        return made("auto" if trainer.world_size == 1 else DDPStrategy(timeout=PATIENCE))
    except (MisconfigurationException, ValueError, TypeError) as error:
        raise UserError(f"trainer: {' '.join(str(error).split())}") from error


def environment() -> LightningEnvironment | None:
    """Who starts processes: Lightning finds out, but takes a job's variables for those of `srun`.

    A batch script, and a shell that a job has opened, hold them as well (`SLURM_NTASKS`), and nobody has started tasks.
    What `srun` alone sets is the step (srun(1), OUTPUT ENVIRONMENT VARIABLES).
    """
    without_srun = "SLURM_NTASKS" in os.environ and "SLURM_STEP_NUM_TASKS" not in os.environ
    elastic = "TORCHELASTIC_RUN_ID" in os.environ
    return LightningEnvironment() if without_srun and not elastic else None


def _check_devices(trainer: pl.Trainer) -> None:
    """Processes that this machine starts by itself; others are the business of who has started them (torchrun, srun).

    Raises:
        UserError: more than the machine can take, or than somebody has started on other machines.
    """
    started_by = getattr(trainer.strategy, "cluster_environment", None)
    if started_by is None or started_by.creates_processes_externally:
        return
    if trainer.num_nodes > 1 and not set(MEETING) <= set(os.environ):
        raise UserError(
            f"trainer.num_nodes={trainer.num_nodes}: nobody has started processes on other machines; call leakbench "
            f"with srun (trainer=slurm), with torchrun, or on each machine with {', '.join(MEETING)} set"
        )
    if trainer.strategy.root_device.type == "cpu":
        check_processes(trainer.num_devices, f"trainer.devices={trainer.num_devices}")


class _Watch:
    """Writes the objective behind a bar, a few times a second: more often would cost more than an evaluation."""

    def __init__(self, drawn: rich.progress.Progress, bar: TaskID) -> None:
        self._drawn, self._bar, self._last = drawn, bar, 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last > 0.2:
            self._last = now
            self._drawn.update(self._bar, note=f"objective {progress.objective:.2e}")


def device_in_words(trainer: pl.Trainer) -> str:
    """`cpu, 2 threads`, or the GPU's name."""
    device = trainer.strategy.root_device
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"
