"""Which positions must lie in the second layer's span, and the distance of those alone."""

from types import SimpleNamespace

import pytest
import torch

from bench.attacks.exact.sentence_check import SentenceCheck, asking, checks_prefixes, second_span
from bench.attacks.exact.span_check import Span

HIDDEN = 3
TOKENS = torch.tensor([[5, HIDDEN, 6], [7, 8, HIDDEN]])


def language(head: str, layers: int, *, looks_back: bool = False, hidden: float = 0.0, second=None):
    return SimpleNamespace(
        head=head,
        attention_layers=layers,
        looks_back=looks_back,
        hidden=hidden,
        tokenizer=SimpleNamespace(mask=HIDDEN),
        second_input=second,
        second_attention=("q", "k", "v"),
    )


@pytest.mark.parametrize(
    ("one", "places"),
    [
        (language("classification", 3), [[0, 1, 2]] * 2),  # another layer reads every position
        (language("classification", 2), [[0], [0]]),  # an encoder's classifier reads the first
        (language("classification", 2, looks_back=True), [[2], [2]]),  # a decoder's the last
        (language("masked", 2, hidden=0.3), [[1], [2]]),  # the hidden words
        (language("masked", 2), [[0, 1, 2]] * 2),
        (language("causal", 2, looks_back=True), [[0, 1, 2]] * 2),
    ],
)
def test_only_positions_with_a_query_that_counts_must_lie_in_the_span(one, places: list[list[int]]) -> None:
    found = asking(one, TOKENS)
    assert [row.nonzero().flatten().tolist() for row in found] == places


def test_a_beginning_can_be_checked_only_where_every_position_looks_back_and_counts() -> None:
    assert checks_prefixes(language("causal", 2, looks_back=True))
    assert checks_prefixes(language("classification", 3, looks_back=True))
    assert not checks_prefixes(language("classification", 2, looks_back=True))
    assert not checks_prefixes(language("masked", 3))


def test_a_sentences_distance_is_the_mean_over_the_positions_that_count_in_chunks_of_any_size() -> None:
    """The second layer's inputs are given by hand: at token t they point (t, 1), so 1 / |(t, 1)| lies outside."""

    def second(parameters, tokens, mask):
        assert mask.all()
        return torch.stack([tokens.float(), torch.ones_like(tokens).float()], -1)

    span, outside = Span(torch.tensor([[1.0, 0.0]])), (TOKENS.double().square() + 1).rsqrt()
    for chunk in (1, 2):
        check = SentenceCheck(language("causal", 2, looks_back=True, second=second), {}, span, chunk)
        torch.testing.assert_close(check(TOKENS), outside.mean(1), rtol=1e-6, atol=0)
        assert check.checked == 2
        first = SentenceCheck(language("classification", 2, second=second), {}, span, chunk)
        torch.testing.assert_close(first(TOKENS), outside[:, 0], rtol=1e-6, atol=0)
        assert torch.equal(first.rows(TOKENS).isnan(), torch.tensor([[False, True, True]] * 2))


def test_where_one_position_has_a_query_its_gradient_alone_spans_its_input() -> None:
    gradients = {name: torch.outer(torch.ones(4), torch.eye(5)[i]) for i, name in enumerate("qkv")}
    assert second_span(language("classification", 2), gradients, 1e-6, 5).basis.shape == (1, 5)
    every = second_span(language("classification", 3), gradients, 1e-6, 5)
    assert every.basis.shape == (3, 5) and every.distance(torch.eye(5)[:3]).max() < 1e-6
