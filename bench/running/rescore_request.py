"""What the user asks of `leakbench rescore`; read without torch, so that a mistake is told at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from bench.config.compose import compose
from bench.config.overrides import read
from bench.errors import UserError

DATA, VOCABULARY = "data.root", "model.vocabulary.root"
_ALLOWED = re.compile(r"metric(\..+)?|data\.root|model\.vocabulary\.root|paths\.\w+|trainer(\.\w+)?")


@dataclass(frozen=True)
class Request:
    """What the user asks of a rescoring: metrics to add, and the places of data and weights.

    Args:
        overrides: overrides as `leakbench run` takes them, of the metrics, of places and of the trainer.
        keys: the keys of these overrides, in order.
        config_dir: a folder with options of the user's own.
    """

    overrides: tuple[str, ...]
    keys: tuple[str, ...]
    config_dir: Path | None

    @classmethod
    def of(cls, overrides: list[str], config_dir: Path | None) -> Request:
        """Reads the overrides.

        Raises:
            UserError: an override is wrong, or would change what was attacked.
        """
        texts, parsed = read(overrides)
        keys = tuple(one.key_or_group for one in parsed)
        for text, key in zip(texts, keys):
            if not _ALLOWED.fullmatch(key):
                raise UserError(
                    f"{text}: a stored cell keeps its settings; rescore takes metric=NAME, metric.KEY.ARG=..., "
                    "data.root, model.vocabulary.root, paths.... and trainer (leakbench rescore --help)"
                )
        request = cls(tuple(texts), keys, config_dir)
        metrics = [text for text, key in zip(texts, keys) if key not in (DATA, VOCABULARY)]
        try:
            compose(metrics, config_dir)
        except UserError:
            if not any(key.startswith("metric.") for key in keys):
                raise
            compose(["data=sentences", *metrics], config_dir)  # the key may be one of a metric of sentences
        return request

    def named(self, cfg: DictConfig) -> list[str]:
        """The keys of the metrics that the overrides name."""
        if "metric" in self.keys:
            return list(cfg.metric)
        named = [key.split(".")[1] for key in self.keys if key.startswith("metric.")]
        return [key for key in dict.fromkeys(named) if key in cfg.metric]
