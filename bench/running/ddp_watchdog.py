"""Processes that work on one cell look after each other: where one dies, the others stop and say so.

Otherwise they would wait for it in the next sum over processes. A time limit there cannot tell a dead process from one
whose victims take longer; a heartbeat can. It goes through the store in which torch's processes have met.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

import pytorch_lightning as pl
import torch.distributed
from torch.distributed import Store

BEAT, STALE = 2.0, 60.0  # seconds between heartbeats, and without one until a process counts as dead
_DONE, _FAILED = b"done", b"failed"


class DdpWatchdog(pl.Callback):
    """The heartbeat of this process, and the watch over the others', for as long as a test lasts."""

    def __init__(self) -> None:
        self._watch: RankHeartbeat | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Begins, where there is company."""
        if trainer.world_size > 1 and torch.distributed.is_initialized():
            store = torch.distributed.distributed_c10d._get_default_store().clone()  # a connection of its own
            self._watch = RankHeartbeat(store, trainer.global_rank, trainer.world_size)
            self._watch.start()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """The others hear of it at once."""
        self._end(_FAILED)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Nobody needs to wait for this process any more."""
        self._end(_DONE)

    def _end(self, word: bytes) -> None:
        if self._watch is not None:
            self._watch.stop(word)
            self._watch = None


@dataclass
class RankHeartbeat:
    """A thread that beats and listens.

    Args:
        store: that all processes reach.
        rank, world: of this process, and how many there are.
        stale: seconds without a beat after which a process counts as dead.
    """

    store: Store
    rank: int
    world: int
    stale: float = STALE
    _over: threading.Event = field(init=False, default_factory=threading.Event)
    _last: dict[int, tuple[bytes, float]] = field(init=False)

    def __post_init__(self) -> None:
        now = time.monotonic()
        self._last = {rank: (b"", now) for rank in range(self.world) if rank != self.rank}

    def start(self) -> None:
        """From now on."""
        self._thread = threading.Thread(target=self._run, name="leakbench-company", daemon=True)
        self._thread.start()

    def stop(self, word: bytes) -> None:
        """No further; `word` is what the others find."""
        self._over.set()
        self._thread.join()
        with suppress(RuntimeError, OSError):  # the process that keeps the store may have ended
            self.say(word)

    def _run(self) -> None:
        beats = 0
        while not self._over.wait(BEAT):
            beats += 1
            try:
                self.say(str(beats).encode())
                gone = self.gone()
            except (RuntimeError, OSError):
                gone = "process 0 is gone" if self.rank else None
            if gone is not None and not self._over.is_set():
                self._leave(gone)
                return

    def say(self, word: bytes) -> None:
        """What the others find of this process."""
        self.store.set(f"leakbench/beat/{self.rank}", word.decode())

    def gone(self) -> str | None:
        """Who has died, in words; None while all live."""
        now = time.monotonic()
        for rank, (before, since) in self._last.items():
            key = f"leakbench/beat/{rank}"
            word = self.store.get(key) if self.store.check([key]) else b""
            if word == _FAILED:
                return f"process {rank} of {self.world} has failed"
            if word != before or word == _DONE:
                self._last[rank] = (word, now)
            elif now - since > self.stale:
                return f"process {rank} of {self.world} has not been heard of for {self.stale:.0f} s"
        return None

    def _leave(self, why: str) -> None:
        print(f"leakbench: {why}: process {self.rank} stops too", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)  # what is finished gets stored; see bench.host.signals for the hard end
