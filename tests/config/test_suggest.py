"""Near matches: a suggestion is one of the words there are, and none is made where nothing is near."""

from hypothesis import given
from hypothesis import strategies as st

from bench.config.suggest import did_you_mean, key_did_you_mean, nearest

WORDS = ["dlg", "idlg", "dlg_published", "mean", "noise"]


@given(st.text(max_size=20))
def test_only_known_words_are_suggested(word):
    assert set(nearest(word, WORDS)) <= set(WORDS)


def test_case_and_one_slip_do_not_matter():
    assert nearest("IDLG", WORDS) == ["idlg"]
    assert [did_you_mean(w, WORDS) for w in ("nois", "meen")] == ["; did you mean 'noise'?", "; did you mean 'mean'?"]
    assert did_you_mean("transformer", WORDS) == ""


def test_a_bare_key_is_found_where_it_lies_and_the_likest_wins():
    keys = ["data.victims", "attack.lr", "attack.step.lr", "model.width"]
    assert key_did_you_mean("victim", keys) == "; did you mean 'data.victims'?"
    assert key_did_you_mean("attack.step.lrr", keys) == "; did you mean 'attack.step.lr'?"
