"""Models that read sentences: they map tokens or word embeddings to logits."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import UserError
from bench.messages.task import Language, TokenizerProtocol
from bench.models.text.attention import additive, reader_of

HEADS = ("classification", "masked", "causal")
_CLASSES = {
    "classification": "AutoModelForSequenceClassification",
    "masked": "AutoModelForMaskedLM",
    "causal": "AutoModelForCausalLM",
}


class TextModel(nn.Module):
    """A network of transformers behind one call, which takes tokens `[B, T]` or word embeddings `[B, T, D]` and a mask.

    Logits are `[B, K]` for classes (`classification`) or `[B, T, K]` for tokens, where row t scores the token at
    position t: from behind a mask (`masked`), or from the tokens before it (`causal`; row 0 is zero because no token
    comes before). So one loss serves all heads (`bench.models.text.token_loss.cross_entropy`), with targets as in
    `Victims.labels`.

    Attention is computed in elementary steps, because the fused kernels have no second derivative on a processor. The
    mask is passed to the network as numbers that are added to the attention scores, one per pair of positions. With a
    mask of tokens, the network would inspect the values first, which `vmap` does not allow.

    Args:
        network: made by `transformers`, with eager attention.
        head: `classification`, `masked` or `causal`.

    Attributes:
        embedding: name of the parameter whose rows are the word embeddings `[N, D]`.
        tied: whether the output layer is that same parameter, so that its gradient has no zero rows.
        position: name of the parameter of the learned position embeddings `[positions, D]`, or None.
        head: the head.
        width: D.

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
        # A position of a decoder sees those before it, so a classifier uses the last token, which sees them all.
        self._looks_back = head == "causal" or hasattr(network, "score")
        self._reader = reader_of(self, network.base_model, self.embedding, self._looks_back)

    def _name(self, parameter: nn.Parameter) -> str:
        return next(name for name, value in self.named_parameters() if value is parameter)

    def language(self, tokenizer: TokenizerProtocol, hidden: float) -> Language:
        """Returns what is public about the model.

        Args:
            tokenizer: the tokeniser that belongs to it.
            hidden: see `Language`.
        """
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
        """Returns word embeddings `[..., D]` of tokens `[...]`; positions are added inside the network."""
        return functional.embedding(tokens, self.network.get_input_embeddings().weight)

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns the logits.

        Args:
            inputs: tokens `[B, T]` of an integer type, or word embeddings `[B, T, D]`; without a mask, what `pack`
                returns.
            mask: `[B, T]`, bool, true at tokens; each sentence has at least one.
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
    """Joins sentences and their mask into one tensor, which can take the place of a batch of images.

    Args:
        inputs: tokens `[..., T]`, or word embeddings `[..., T, D]`.
        mask: `[..., T]`, bool, true at tokens.

    Returns:
        Tokens with -1 at padding; or embeddings `[..., T, D + 1]`, whose last entry is 1 at tokens and 0 at padding.
    """
    if inputs.is_floating_point():
        return torch.cat([inputs, mask.unsqueeze(-1).to(inputs.dtype)], -1)
    return torch.where(mask, inputs, torch.full_like(inputs, -1))


def unpack(packed: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the inputs and the mask that `pack` joined; padding becomes token 0, whatever it was before."""
    if packed.is_floating_point():
        return packed[..., :-1], packed[..., -1] > 0.5
    return packed.clamp(min=0), packed >= 0


_POSITIONS = ("position_embeddings.weight", "wpe.weight", "embed_positions.weight")


def _last(states: Tensor, mask: Tensor) -> Tensor:
    """Maps states `[B, T, D]` to the state `[B, D]` at the last token of each sentence."""
    place = (mask * torch.arange(mask.shape[1], device=mask.device)).argmax(1)
    return states.gather(1, place[:, None, None].expand(-1, 1, states.shape[2])).squeeze(1)


def transformers() -> Any:
    """Imports the package transformers.

    Raises:
        UserError: it is not installed.
    """
    try:
        return importlib.import_module("transformers")
    except ImportError:
        raise UserError("models of text need further packages: pip install 'leakbench[text]'") from None


def built(config: Any, head: str) -> Any:
    """Makes a network with this configuration and head, with weights from torch's global generator.

    Raises:
        ValueError: another head, or a kind of network that has no such head.
    """
    return auto(head).from_config(config, attn_implementation="eager")


def auto(head: str) -> Any:
    """Returns the class of transformers that builds networks with this head.

    Raises:
        ValueError: another head.
    """
    if head not in _CLASSES:
        raise ValueError(f"head={head!r}: want one of {', '.join(HEADS)}")
    return getattr(transformers(), _CLASSES[head])


def room(positions: int, shape: tuple[int, ...]) -> int:
    """Returns `positions`, if sentences of `shape` `(T,)` fit into them.

    Raises:
        UserError: the data are no sentences.
        ValueError: the sentences are too long.
    """
    if len(shape) != 1:
        raise UserError("a model of text needs sentences: say data=sentences, cola, rotten_tomatoes, text_file, ...")
    if shape[0] > positions:
        raise ValueError(f"sentences of {shape[0]} tokens do not fit into {positions} positions (set data.tokens)")
    return positions
