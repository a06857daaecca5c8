"""A small GPT-2 with random weights (Radford et al. 2019, Language Models are Unsupervised Multitask Learners)."""

from __future__ import annotations

from bench.models.text.base import TextModel, built, room, transformers
from bench.models.text.tokenizer import Tokenizer
from bench.models.text.vocabulary import Vocabulary


class GPT2(TextModel):
    """Attention layers that look back, over word and position embeddings; normalised first, without dropout.

    Args:
        vocabulary: the model's vocabulary, which makes the tokeniser before the model is built.
        head: `causal` (output layer tied to the word embeddings) or `classification` (linear, on the last token).
        layers: number of attention layers.
        width: D, entries of an embedding.
        heads: attention heads per layer.
        feed_forward: inner width of the feed-forward layers; 4 times the width in GPT-2.
        init_range: standard deviation of the weights, > 0 (as published: 0.02).
        positions: length of the longest possible sentence, in tokens.
        shape: `(T,)` of a sentence.
        classes: number of classes; not used by a causal language model, whose output has the size of the vocabulary.
        tokenizer: what `vocabulary` made.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        head: str,
        layers: int,
        width: int,
        heads: int,
        feed_forward: int,
        init_range: float,
        positions: int,
        *,
        shape: tuple[int, ...],
        classes: int,
        tokenizer: Tokenizer,
    ) -> None:
        if head == "masked":
            raise ValueError("head='masked': GPT-2 looks back only; want causal or classification (or model=bert_tiny)")
        if init_range <= 0:
            raise ValueError(f"init_range={init_range}: must be > 0 (standard deviation of the weights)")
        config = transformers().GPT2Config(
            vocab_size=len(tokenizer),
            n_embd=width,
            n_layer=layers,
            n_head=heads,
            n_inner=feed_forward,
            n_positions=room(positions, shape),
            initializer_range=init_range,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            summary_first_dropout=0.0,
            bos_token_id=tokenizer.pad,
            eos_token_id=tokenizer.pad,
            pad_token_id=tokenizer.pad,
            num_labels=classes if head == "classification" else 2,
        )
        super().__init__(built(config, head), head)
