"""Every defence of configs/defense/ on gradients of real sentences: in the path, the same twice, and per sample."""

from collections.abc import Collection
from functools import cache

import pytest
import torch

from bench.config import options
from bench.config.compose import compose
from bench.errors import NotApplicable
from bench.running.components import Components, build

OF_PIXELS = ("ats", "instahide", "mixup")
WITHOUT = ("none", "soteria", "graddefense", "dcs2", *OF_PIXELS)
NAMES = [name for name in options.entries("defense") if name not in WITHOUT]
SMALL = ("data=sentences", "attack=noise", "metric=exact_match", "data.batch_size=2", "logger=none", "engine.threads=1")


@cache
def built_with(*overrides: str) -> Components:
    """The parties of a small cell; tests leave them as they are."""
    return build(compose([*SMALL, *overrides]))


def shared(*overrides: str, names: Collection[str] | None = None) -> torch.Tensor:
    """Everything that two victims of two sentences share, or of some parameters, `[V, n]`."""
    parties = built_with(*overrides)
    seen = parties.client.share(parties.data.deal([0, 3]))
    of = [value.flatten(1) for name, value in seen.gradients.items() if names is None or name in names]
    return torch.cat(of, 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_defence_changes_what_is_shared_of_sentences_or_says_that_it_need_not(name):
    found, client = shared(f"defense={name}"), built_with(f"defense={name}").client
    assert torch.isfinite(found).all() and torch.equal(found, shared(f"defense={name}"))
    assert client.runner.notes == [], "mapped over victims"
    # many rows of the word embedding's gradient are zeros, which most defences leave as they are
    both = set(client.trained) & set(built_with().client.trained)
    if both:  # adapters are parameters of their own, and nothing else is shared beside them
        before, after = shared(names=both), shared(f"defense={name}", names=both)
        assert ((before != after).float().mean(1) > 0.01).all() or not client.defense.must_change
    assert both or client.defense.changes_model


def test_the_mean_over_clients_of_a_sentence_each_is_the_gradient_of_the_batch():
    """But for the order of its sums, which float32 tells apart: what the defence declares to leave as it is."""
    assert not built_with("defense=clients").client.defense.must_change
    torch.testing.assert_close(shared("defense=clients"), shared(), rtol=1e-4, atol=1e-6)


def test_a_gradient_for_each_sentence_adds_up_to_that_of_the_batch():
    """DP-SGD without noise, whose bound no sentence reaches; the sentences differ in length."""
    lengths = built_with().data.deal([0, 3]).mask.sum(2)
    assert (lengths[:, 0] != lengths[:, 1]).any()
    found = shared("defense=dp_sgd", "defense.norm=1e6", "defense.noise_multiplier=0")
    torch.testing.assert_close(found, shared(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "defense"), [("bert_tiny", "soteria"), ("gpt2_tiny", "soteria"), ("bert_tiny", "graddefense")]
)
def test_what_needs_the_derivative_by_an_input_is_refused_in_one_line(model, defense):
    with pytest.raises(NotApplicable, match="tokens have none") as caught:
        build(compose([*SMALL, f"model={model}", f"defense={defense}"]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", OF_PIXELS)
def test_what_changes_pixels_is_refused_in_one_line(name):
    with pytest.raises(NotApplicable, match="changes pixels, and the model reads sentences") as caught:
        built_with(f"defense={name}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["label_smoothing", "randomised_response"])
def test_labels_of_tokens_are_not_changed(name):
    with pytest.raises(NotApplicable, match="a language model has one for each token") as caught:
        built_with("model=gpt2_tiny", f"defense={name}")
    assert "\n" not in str(caught.value)
