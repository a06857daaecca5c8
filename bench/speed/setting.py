"""The setting of a measurement: the components of a cell, and what its attacker sees of a pool of victims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from omegaconf import DictConfig
from torch import Tensor

from bench.attacks.gradient_matching import GradientMatching
from bench.config.compose import compose
from bench.engine.matching import Layout, Matching
from bench.engine.rng import draw
from bench.engine.tuning import Tuned
from bench.errors import UserError
from bench.host.capacity import BLOCK, check_rows, require_memory
from bench.messages.observation import Observation
from bench.messages.victims import Victims
from bench.models.losses import loss_of
from bench.running.components import Components, build, notice
from bench.running.trainer import attack_trainer, device_in_words
from bench.speed.sequential import SequentialLoop

# The options that `leakbench speed` takes unless the user names others.
_DEFAULTS = {"attack": "idlg", "logger": "none", "metric": "mse"}
# The engine decides on compiling and on its number of slots as for a cell of so many victims, which is the number of
# iDLG's table.
_LARGE = 1000
_CHUNKS = 4  # the least number of chunks in the pool; the end of the pool, where slots are empty, is not measured


@dataclass(eq=False)
class Setting:
    """One cell, ready to run.

    Args:
        cfg: the resolved cell.
        components: the objects that the cell is built from.
        attack: `components.attack`, which is known to match gradients.
        device: the device in words.
        asked: the number of torch's threads before the engine has run.
        victims: the pool of victims.
        seen: what the attacker sees of the pool.
        labels: `[V, B]`, the labels that the attack knows or infers; None if it optimises them.
    """

    cfg: DictConfig
    components: Components
    attack: GradientMatching
    device: str
    asked: int
    victims: Victims
    seen: Observation
    labels: Tensor | None

    @property
    def threads(self) -> int:
        """The number of torch's threads; once the engine has started, the number that it runs with."""
        return self.tuned.threads if self.components.engine.tuned else self.asked

    @property
    def tuned(self) -> Tuned:
        """What the engine has chosen for this work (chunk, threads, ...); known once it has started."""
        (found,) = self.components.engine.tuned.values()
        return found

    @property
    def history(self) -> int:
        """The number of curvature pairs that the direction keeps; 0 if it keeps none."""
        return getattr(self.attack.minimiser.direction, "history", 0)

    @property
    def layout(self) -> Layout:
        """The layout of a victim's variables in one vector, as the attack has it."""
        return self.attack._layout(self.seen)

    @property
    def pixels(self) -> Layout:
        """The layout of the published loop: pixels, then label logits, whatever the variables of the attack are."""
        layout = self.layout
        return Layout(layout.batch_size, layout.input_shape, layout.label_logits)

    def matching(self) -> Matching:
        """The attacker's objective, with no victim loaded."""
        return self.attack._matching(self.seen, self.layout, self.labels)

    def loop(self) -> SequentialLoop:
        """The published loop on the same victims."""
        return SequentialLoop(self.components.client.model, loss_of(self.cfg.model.loss), self.seen, self.labels)

    def published_start(self, victim: int) -> Tensor:
        """The start of a victim's run as published, `[n]`, standard normal.

        The draws are those of the attacks `idlg_published` and `dlg_published`.
        """
        number, layout, seed = int(self.seen.ids[victim]), self.pixels, self.cfg.seed
        images = draw("normal", (layout.inputs,), seed, "dummy images", number, 0)
        logits = draw("normal", (layout.n - layout.inputs,), seed, "dummy labels", number, 0)
        return torch.cat([images, logits]).to(self.seen.ids.device)


def prepare(overrides: Sequence[str], config_dir: Path | None = None, victims: int = 0) -> Setting:
    """Composes and builds a cell, and shares the gradients of a block of victims as `leakbench run` does.

    Args:
        overrides: the overrides of `leakbench run`.
        config_dir: a folder with options of the user's own.
        victims: the least number of victims; the block has more if four chunks, or `BLOCK`, are more.

    Raises:
        UserError: the cell cannot be built, its attack matches no gradients, or its scores lack the MSE.
        NotApplicable: the attack cannot serve the model or the threat model.
    """
    cfg = compose(with_defaults(overrides), config_dir)
    components = build(cfg)
    attack = components.attack
    if not isinstance(attack, GradientMatching):
        raise UserError(
            f"attack={cfg.names.attack} does not match gradients, so there is no loop to compare it with "
            "(attack=idlg or attack=dlg)"
        )
    if "mse" not in components.scorer.metrics:
        raise UserError("speed counts successes by the MSE: leave metric=... out, or take metric=image")
    trainer = attack_trainer(cfg)
    device = trainer.strategy.root_device
    for part in (components.client, attack, components.scorer):
        part.to(device)
    engine = components.engine
    count = max(victims, BLOCK, _CHUNKS * (engine.chunk or 1))
    check_rows(count, components.data.batch_size)
    parameters = components.client.facts.parameters
    require_memory(
        count * parameters * engine.dtype.itemsize,
        f"{count:,} victims with {parameters:,} numbers each",
        "take a smaller chunk",
    )
    engine.victims, engine.notice = max(count, _LARGE), notice
    truth = components.data.deal(range(count)).to(device)
    seen = components.client.share(truth)
    labels = seen.labels
    if labels is None and attack.labels is not None:
        labels = attack.labels(seen)
    words = device_in_words(trainer)
    return Setting(cfg, components, attack, words, torch.get_num_threads(), truth, seen, labels)


def with_defaults(overrides: Sequence[str]) -> list[str]:
    """The overrides, preceded by the defaults of this command for the groups that they do not name."""
    named = {text.partition("=")[0] for text in overrides}
    return [f"{key}={value}" for key, value in _DEFAULTS.items() if key not in named] + list(overrides)


def synchronise() -> None:
    """Waits for the accelerator, so that the clock measures finished work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
