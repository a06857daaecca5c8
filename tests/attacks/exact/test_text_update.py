"""One victim's update: what its lengths say of the positions, and how sentences are laid out."""

from types import SimpleNamespace

import pytest
import torch

from bench.attacks.exact.text_update import TextUpdate, possible_lengths

START, END = 1, 2


def update(head: str, lengths: list[int] | None = None, *, frame: bool = True) -> TextUpdate:
    tokenizer = SimpleNamespace(encode=lambda sentence: [START, END] if frame else [])
    language = SimpleNamespace(head=head, tokenizer=tokenizer)
    return TextUpdate(language, {}, {"w": torch.zeros(1)}, {}, lengths, count=2, length=5)


@pytest.mark.parametrize(("head", "read"), [("classification", [3, 5]), ("masked", [3, 5]), ("causal", [2, 4])])
def test_a_causal_models_last_token_enters_nothing(head: str, read: list[int]) -> None:
    one = update(head, [3, 5])
    assert one.read == read
    assert one.alive(6) == [sum(length > place for length in read) for place in range(6)]
    assert update(head).read is None and update(head).alive(3) == [0, 0, 0]


def test_sentences_are_laid_out_with_a_place_for_what_a_causal_model_still_has_to_predict() -> None:
    for head, longer in (("classification", 0), ("causal", 1)):
        tokens, mask = update(head).laid_out([[7, 8], []])
        assert tokens.tolist() == [[7, 8, -1, -1, -1], [-1] * 5]
        assert mask.sum(1).tolist() == [2 + longer, 0] and mask[0, : 2 + longer].all()


def test_a_sentence_ends_where_its_end_token_may_stand_and_before_any_gap() -> None:
    assert (update("masked").end, update("causal", frame=False).end) == (END, None)
    candidates = [[7], [8, END], [END], [], [END]]
    assert possible_lengths(candidates, END) == [2, 3]
    assert possible_lengths(candidates, None) == [1, 2, 3]
    assert possible_lengths([[7], [8]], END) == []
