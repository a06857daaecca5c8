"""What cells whose units are victims have in common: a trainer deals the victims, over one process or several."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl

from bench.config.display_names import title
from bench.datamodules.base import VictimDataModule
from bench.results.stored_cell import Kind
from bench.running.cell import Cell


class VictimCell(Cell[Kind]):
    """A cell whose victims a Lightning trainer deals.

    Attributes:
        trainer: after `build`.
    """

    trainer: pl.Trainer

    @property
    def speaks(self) -> bool:
        """See `Cell.speaks`: rank zero."""
        return self.trainer.is_global_zero

    @property
    def meets(self) -> bool:
        """See `Cell.meets`."""
        return self.trainer.world_size > 1

    def known_facts(self, data: VictimDataModule, extra: dict[str, Any]) -> dict[str, Any]:
        """The facts of `Cell.identify` that these kinds have: names, config, threat model, kind of data, contents.

        Args:
            data: of the cell.
            extra: see `bench.results.identity.contents`.
        """
        config = self.config
        labels = {name: config["names"][name] for name in self.kind.labels}
        labels["data"] = title(data.title, config["names"]["data"])
        grants = {name: value for name, value in config["threat"].items() if isinstance(value, bool)}
        return {
            "labels": labels,
            "config": config,
            "threat": {"letter": config["threat"].get("letter"), "grants": grants},
            "data": {"modality": data.modality},
            "contents": extra,
        }

    def slug(self, facts: dict[str, Any]) -> str:
        """What a person reads in the folder's name."""
        first = "attack" if "attack" in self.kind.labels else "defense"
        return "-".join(facts["labels"][name] for name in (first, "data", "model"))
