"""MiniLM, a BERT of 6 layers with pretrained weights (Wang et al. 2020, arXiv 2002.10957), from a local folder."""

from __future__ import annotations

from pathlib import Path

from bench.errors import UserError
from bench.models.text.pretrained import Pretrained
from bench.models.text.tokenizer import Tokenizer
from bench.models.text.vocabulary import Vocabulary

NAME = "minilm"  # the folder in paths.weights
FILES = ("config.json", "tokenizer.json", "model.safetensors")


def missing(folder: Path) -> list[str]:
    """Returns the names of those files of the model that are not in `folder`."""
    return [name for name in FILES if not (folder / name).is_file()]


class MiniLM(Pretrained):
    """all-MiniLM-L6-v2: 22.7 million weights, 384 wide, 12 heads, BERT's 30,522 word pieces; it embeds sentences.

    The classifier or language-model head is drawn at random, because the weights have none. The licence is Apache 2.0.

    Args:
        weights: the folder of the model's files.
        vocabulary: see `Pretrained`.
        head: `classification` or `masked`, see `Pretrained`.
        shape: see `Pretrained`.
        classes: see `Pretrained`.
        tokenizer: see `Pretrained`.

    Raises:
        UserError: the files are not there.
        ValueError: the head is `causal`.
    """

    def __init__(
        self,
        weights: str,
        vocabulary: Vocabulary,
        head: str,
        *,
        shape: tuple[int, ...],
        classes: int,
        tokenizer: Tokenizer,
    ) -> None:
        folder = Path(weights).expanduser()
        if missing(folder):
            raise UserError(f"the weights of MiniLM are not in {folder}; run: leakbench prepare text")
        if head == "causal":
            raise ValueError("head='causal': MiniLM looks both ways; want classification or masked")
        super().__init__(str(folder), vocabulary, head, shape=shape, classes=classes, tokenizer=tokenizer)
