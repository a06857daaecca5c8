"""Models that read sentences: tokens or embeddings in, logits out."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import UserError
from bench.messages import Language, Tokenizer
from bench.models.text.attention import additive, reader_of

HEADS = ("classification", "masked", "causal")
_CLASSES = {
    "classification": "AutoModelForSequenceClassification",
    "masked": "AutoModelForMaskedLM",
    "causal": "AutoModelForCausalLM",
}


class TextModel(nn.Module):
    """A network of transformers behind one call: tokens `[B, T]` or word embeddings `[B, T, D]`, and a mask.

    Logits are `[B, K]` of classes (`classification`) or `[B, T, K]` of tokens, where row t scores the token at position
    t: behind a mask (`masked`), or from those before it (`causal`, whose row 0 is all 0: nothing comes before). So one
    loss serves all (`bench.models.text.token_loss.cross_entropy`), with targets as `Victims.labels` has them.

    Attention is computed step by step: the fused kernels have no second derivative on a processor. The mask is handed
    to the network ready-made, one number a pair of positions to be added to the attention scores: with a mask of tokens
    it would look at the values first, which `vmap` refuses.

    Args:
        network: made by `transformers`, with eager attention.
        head: `classification`, `masked` or `causal`.

    Attributes:
        embedding: name of the parameter whose rows are the word embeddings `[N, D]`.
        tied: whether the output layer is that same parameter, so its gradient has no zero rows.
        position: name of the parameter of the learned position embeddings `[positions, D]`, or None.
        head, width: the head, and D.

    Raises:
        ValueError: another head, or a network with encoder and decoder.
    """

    def __init__(self, network: Any, head: str) -> None:
        super().__init__()
        if head not in HEADS:
            raise ValueError(f"head={head!r}: want one of {', '.join(HEADS)}")
        if network.config.is_encoder_decoder:
            raise ValueError("a network with encoder and decoder takes two sentences: want an encoder or a decoder")
        self.network = network
        network.config.use_cache = False
        self.head = head
        words = network.get_input_embeddings()
        self.embedding = self._name(words.weight)
        self.width = int(words.weight.shape[1])
        output = network.get_output_embeddings()
        self.tied = output is not None and output.weight is words.weight
        self.position = next((name for name, _ in self.named_parameters() if name.endswith(_POSITIONS)), None)
        # a decoder sees what comes before; as a classifier, its last token has seen the whole sentence
        self._looks_back = head == "causal" or hasattr(network, "score")
        self._reader = reader_of(self, network.base_model, self.embedding, self._looks_back)

    def _name(self, parameter: nn.Parameter) -> str:
        return next(name for name, value in self.named_parameters() if value is parameter)

    def language(self, tokenizer: Tokenizer, hidden: float) -> Language:
        """What is public about it, with the tokeniser that belongs to it; `hidden` as in `Language`."""
        reader = self._reader
        weights = () if reader is None else reader.weights
        return Language(
            head=self.head,
            embedding=self.embedding,
            position=self.position,
            tied=self.tied,
            looks_back=self._looks_back,
            tokenizer=tokenizer,
            first_input=None if reader is None else reader.first,
            first_attention=weights[0] if weights else (),
            second_input=None if reader is None or len(weights) < 2 else reader.second,
            second_attention=weights[1] if len(weights) > 1 else (),
            attention_layers=None if reader is None else reader.layers,
            hidden=hidden if self.head == "masked" else 0.0,
        )

    def embed(self, tokens: Tensor) -> Tensor:
        """Word embeddings `[..., D]` of tokens `[...]`; positions are added inside the network."""
        return functional.embedding(tokens, self.network.get_input_embeddings().weight)

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits.

        Args:
            inputs: tokens `[B, T]`, an integer type, or word embeddings `[B, T, D]`; without a mask, what `pack` makes.
            mask: `[B, T]`, bool, True at tokens; each sentence has one at least.
        """
        if mask is None:
            inputs, mask = unpack(inputs)
        embedded = inputs if inputs.is_floating_point() else self.embed(inputs)
        call = {"inputs_embeds": embedded, "attention_mask": additive(mask, embedded.dtype, causal=self._looks_back)}
        if self.head == "classification" and self._looks_back:
            states = self.network.base_model(**call).last_hidden_state
            return self.network.score(_last(states, mask))
        logits = self.network(**call).logits
        if self.head == "causal":
            logits = torch.cat([torch.zeros_like(logits[:, :1]), logits[:, :-1]], 1)
        return logits


def pack(inputs: Tensor, mask: Tensor) -> Tensor:
    """Sentences and their mask in one tensor, so that they go wherever a batch of images does.

    Args:
        inputs: tokens `[..., T]`, or word embeddings `[..., T, D]`.
        mask: `[..., T]`, bool, True at tokens.

    Returns:
        Tokens with -1 at padding; embeddings `[..., T, D + 1]` with 1 at tokens and 0 at padding behind the others.
    """
    if inputs.is_floating_point():
        return torch.cat([inputs, mask.unsqueeze(-1).to(inputs.dtype)], -1)
    return torch.where(mask, inputs, torch.full_like(inputs, -1))


def unpack(packed: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs and mask of what `pack` made; padding is token 0, whatever it was before."""
    if packed.is_floating_point():
        return packed[..., :-1], packed[..., -1] > 0.5
    return packed.clamp(min=0), packed >= 0


_POSITIONS = ("position_embeddings.weight", "wpe.weight", "embed_positions.weight")


def _last(states: Tensor, mask: Tensor) -> Tensor:
    """The state `[B, D]` at the last token of each sentence: `[B, T, D]`."""
    place = (mask * torch.arange(mask.shape[1], device=mask.device)).argmax(1)
    return states.gather(1, place[:, None, None].expand(-1, 1, states.shape[2])).squeeze(1)


def transformers() -> Any:
    """The package transformers.

    Raises:
        UserError: it is not installed.
    """
    try:
        return importlib.import_module("transformers")
    except ImportError:
        raise UserError("models of text need further packages: pip install 'leakbench[text]'") from None


def built(config: Any, head: str) -> Any:
    """A network with this configuration and head, freshly drawn from torch's global generator.

    Raises:
        ValueError: another head, or a kind of network that has no such head.
    """
    return auto(head).from_config(config, attn_implementation="eager")


def auto(head: str) -> Any:
    """The class of transformers that builds networks with this head.

    Raises:
        ValueError: another head.
    """
    if head not in _CLASSES:
        raise ValueError(f"head={head!r}: want one of {', '.join(HEADS)}")
    return getattr(transformers(), _CLASSES[head])


def room(positions: int, shape: tuple[int, ...]) -> int:
    """`positions`, where sentences of `shape` `(T,)` fit into them.

    Raises:
        UserError: the data are no sentences. ValueError: they are too long.
    """
    if len(shape) != 1:
        raise UserError("a model of text needs sentences: say data=sentences, cola, rotten_tomatoes, text_file, ...")
    if shape[0] > positions:
        raise ValueError(f"sentences of {shape[0]} tokens do not fit into {positions} positions (set data.tokens)")
    return positions
