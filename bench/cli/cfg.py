"""`--cfg`: prints the resolved config of a cell, or of each cell of a suite, and runs nothing."""

from collections.abc import Sequence
from typing import Any

from omegaconf import OmegaConf

from bench.cli.output import Answer, show


def show_cell(cfg: Any) -> Answer:
    """Prints one config as YAML.

    Args:
        cfg: of `bench.config.compose.compose`.
    """
    show(_yaml(cfg))
    return 0, OmegaConf.to_container(cfg, resolve=True)


def show_cells(cells: Sequence[tuple[str, Any]]) -> Answer:
    """Prints the configs of a suite as one YAML document per cell.

    Args:
        cells: `(title, config)` of each cell; the title becomes a comment above the config.
    """
    for title, cfg in cells:
        show(f"---\n# {title}\n{_yaml(cfg)}")
    return 0, [{"title": title, "config": OmegaConf.to_container(cfg, resolve=True)} for title, cfg in cells]


def _yaml(cfg: Any) -> str:
    return OmegaConf.to_yaml(cfg, resolve=True).rstrip("\n")
