"""A small BERT with random weights (Devlin et al. 2019, arXiv 1810.04805)."""

from __future__ import annotations

from bench.models.text.base import TextModel, built, room, transformers
from bench.models.text.tokenizer import Tokenizer
from bench.models.text.vocabulary import Vocabulary


class Bert(TextModel):
    """Layers of self-attention over word, position and type embeddings, without dropout.

    Args:
        vocabulary: the model's vocabulary, which makes the tokeniser before the model is built.
        head: `classification` (a tanh layer on the first token, then a linear one) or `masked` (output layer tied to
            the word embeddings).
        layers: number of attention layers, L in the paper.
        width: D, entries of an embedding, H in the paper.
        heads: attention heads per layer, A in the paper.
        feed_forward: inner width of the feed-forward layers, 4 H in the paper.
        activation: activation of the inner layer, one of transformers' names.
        init_range: standard deviation of every weight, > 0 (the paper's code: 0.02); biases start at 0.
        positions: length of the longest possible sentence, in tokens.
        shape: `(T,)` of a sentence.
        classes: number of classes; not used by a masked language model, whose output has the size of the vocabulary.
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
        activation: str,
        init_range: float,
        positions: int,
        *,
        shape: tuple[int, ...],
        classes: int,
        tokenizer: Tokenizer,
    ) -> None:
        if head == "causal":
            raise ValueError("head='causal': BERT looks both ways; want classification or masked (or model=gpt2_tiny)")
        if init_range <= 0:
            raise ValueError(f"init_range={init_range}: must be > 0 (standard deviation of the weights)")
        config = transformers().BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=feed_forward,
            hidden_act=activation,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            classifier_dropout=0.0,
            max_position_embeddings=room(positions, shape),
            initializer_range=init_range,
            pad_token_id=tokenizer.pad,
            num_labels=classes if head == "classification" else 2,
        )
        super().__init__(built(config, head), head)
