"""Pretrained models of Hugging Face's transformers, from a folder or from the hub."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from bench.download.hub_name import located
from bench.errors import UserError
from bench.models.text.base import TextModel, auto, room, transformers
from bench.models.text.tokenizer import Tokenizer
from bench.models.text.vocabulary import Vocabulary


class Pretrained(TextModel):
    """Any encoder or decoder for which `transformers` has an `AutoModel`.

    Layers that the head needs but the weights lack (such as the classifier of a language model) are drawn from torch's
    global generator.

    Args:
        source: a folder that `save_pretrained` wrote, or `NAME` or `NAME@REVISION` on the hub (see `hub_name`).
        vocabulary: the model's vocabulary, which makes the tokeniser before the model is built.
        head: `classification`, `masked` or `causal`.
        shape: `(T,)` of a sentence.
        classes: number of classes; not used by a language model, whose output has the size of the vocabulary.
        tokenizer: what `vocabulary` made.

    Raises:
        UserError: there is no such model, the hub cannot be reached, or the vocabulary is not the model's.
        ValueError: another head.
    """

    def __init__(
        self,
        source: str,
        vocabulary: Vocabulary,
        head: str,
        *,
        shape: tuple[int, ...],
        classes: int,
        tokenizer: Tokenizer,
    ) -> None:
        labels: dict[str, Any] = {}
        if head == "classification":
            labels = {"num_labels": classes, "ignore_mismatched_sizes": True}
        network, _ = load(source, head, **labels)
        rows = network.get_input_embeddings().weight.shape[0]
        if len(tokenizer) > rows:
            raise UserError(f"model.vocabulary has {len(tokenizer)} pieces, but {source!r} embeds only {rows}")
        room(getattr(network.config, "max_position_embeddings", shape[0]), shape)
        network.config.pad_token_id = tokenizer.pad
        super().__init__(network, head)


def load(source: str, head: str, *, key: str = "model.source", **keywords: Any) -> tuple[Any, dict[str, Any]]:
    """Loads a network in float32 with eager attention; also returns what was missing from the weights.

    Args:
        source: see `Pretrained`.
        head: see `Pretrained`.
        key: the config's key of `source`, for messages.
        keywords: further keywords for transformers.

    Raises:
        UserError: there is no such model, or it cannot be read or reached.
        ValueError: another head.
    """
    maker = auto(head)
    place, local = located(source, key)
    try:
        with _quiet():
            return maker.from_pretrained(
                place, attn_implementation="eager", dtype=torch.float32, output_loading_info=True, **local, **keywords
            )
    except Exception as error:  # transformers has no common type for what it cannot read
        raise UserError(f"{key}={source!r}: cannot be read with head={head} ({_first_line(error)})") from error


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:160]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Switches off transformers' progress bars, and its table of newly drawn layers, which are intended."""
    logging = transformers().logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
