"""A test double for attacks on sentences: it is told the truth, so that what happens to a reconstruction is known."""

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.attacks.base import Attack
from bench.attacks.controls import claim, random_tokens
from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.engine.settings import EngineSettings
from bench.messages.status import Status
from bench.running.cell import run_cell
from bench.running.components import adopt_tokenizer

NODE = {"_target_": "oracle_attack.Oracle", "version": 1, "control": False}
QUICK = ["data=sentences", "attack=noise", "engine.threads=1", "executor.workers=1", "trainer=cpu"]
MOMENTS = (0, 10, 20, 30)


class Oracle(Attack):
    """Goes from random tokens to the truth, a third of the places at each of the iterations 10, 20 and 30.

    The batch comes back in reverse order. Of odd victims the reconstruction leaves the third place open, and victims
    in `failing` have none.
    """

    of_sentences = True
    truth: ClassVar[dict[int, Tensor]] = {}  # {victim: [B, T]}
    failing: ClassVar[set[int]] = set()

    def __init__(self, *, engine: EngineSettings) -> None:
        super().__init__()

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"batch_size"})

    def reconstruct(self, seen, seed):
        truth = torch.stack([self.truth[victim] for victim in seen.ids.tolist()])
        noise, places, length = random_tokens(seen, seed), torch.arange(truth.shape[2]), truth.shape[2]
        steps = [torch.where(places < length * at // MOMENTS[-1], truth, noise) for at in MOMENTS]
        guess = truth.clone()
        guess[seen.ids % 2 == 1, :, 2] = -1
        found = claim(seen, guess.flip(1))
        at = torch.tensor(MOMENTS).expand(len(seen), -1)
        found.trace = {"moments": at, "tokens": torch.stack(steps, 1).flip(2), "curve_at": at, "curve": 1.0 / (1 + at)}
        found.status = [Status.NONFINITE if int(i) in self.failing else Status.CONVERGED for i in seen.ids]
        found.evaluations = torch.full((len(seen),), 40)
        yield found


def run(folder: Path, *overrides: str, failing: tuple[int, ...] = ()) -> dict[str, Any]:
    """A real cell of `Oracle`, from config to store; its document."""
    said = [] if any(one.startswith("logger=") for one in overrides) else ["logger=none"]
    cfg = compose([*QUICK, *said, f"results={folder}", *overrides])
    if not any(one.startswith("attack=") for one in overrides):
        cfg.attack, cfg.names.attack = NODE, "oracle"
    data = instantiate(cfg.data, "data")
    adopt_tokenizer(cfg.model, data)
    data.setup()
    victims = data.deal(list(range(data.victims)))
    Oracle.truth = dict(zip(victims.ids.tolist(), victims.sentences))
    Oracle.failing = set(failing)
    return run_cell(cfg)
