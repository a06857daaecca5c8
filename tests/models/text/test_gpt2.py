"""A small GPT-2: as many weights as its layers have, and no position sees one behind it."""

import pytest
import torch

from bench.datamodules.public_domain import packaged
from bench.models.text.gpt2 import GPT2
from bench.models.text.tokenizer import Tokenizer
from bench.models.text.vocabulary import Vocabulary

BYTES = Vocabulary(None, "bytes", 300)
LAYERS, WIDTH, INNER, POSITIONS, CLASSES = 2, 8, 12, 16, 3


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return BYTES.make(packaged().sentences)


def gpt2(tokenizer: Tokenizer, head: str = "causal", **changed) -> GPT2:
    given = {"layers": LAYERS, "width": WIDTH, "heads": 2, "feed_forward": INNER, "init_range": 0.02}
    given |= {"positions": POSITIONS, "shape": (10,), "classes": CLASSES, **changed}
    return GPT2(BYTES, head, **given, tokenizer=tokenizer)


def linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


@pytest.mark.parametrize(("head", "top"), [("causal", 0), ("classification", WIDTH * CLASSES)])
def test_it_has_the_weights_of_its_layers(tokenizer: Tokenizer, head: str, top: int) -> None:
    """The output layer of a language model is the word embedding; a classifier is linear without a bias."""
    norm = 2 * WIDTH
    layer = linear(WIDTH, 3 * WIDTH) + linear(WIDTH, WIDTH) + linear(WIDTH, INNER) + linear(INNER, WIDTH) + 2 * norm
    embeddings = (len(tokenizer) + POSITIONS) * WIDTH
    assert (
        sum(value.numel() for value in gpt2(tokenizer, head).parameters()) == embeddings + LAYERS * layer + norm + top
    )


def test_a_position_sees_those_before_it_only_and_nothing_is_random(tokenizer: Tokenizer) -> None:
    model, tokens = gpt2(tokenizer).train(), torch.arange(20, 26).unsqueeze(0)
    mask = torch.ones_like(tokens, dtype=torch.bool)
    found = model(tokens, mask)
    assert torch.equal(found, model(tokens, mask))
    changed = tokens.clone()
    changed[0, 3] = 99
    differs = (model(changed, mask) != found).any(-1)[0]
    assert differs.tolist() == [False] * 4 + [True] * 2  # row t scores token t, from those before it


@pytest.mark.parametrize(
    ("head", "changed", "sentence"),
    [
        ("masked", {}, "GPT-2 looks back only; want causal or classification"),
        ("causal", {"init_range": -1.0}, r"init_range=-1\.0: must be > 0"),
        ("causal", {"positions": 9}, "sentences of 10 tokens do not fit into 9 positions"),
    ],
)
def test_what_it_is_not_is_one_line(tokenizer: Tokenizer, head: str, changed: dict, sentence: str) -> None:
    with pytest.raises(Exception, match=sentence):
        gpt2(tokenizer, head, **changed)
