"""An attack that cannot serve an observation says in one sentence what it lacks; one that can says nothing."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from observations import net, observe

from bench.attacks import base
from bench.attacks.base import Attack
from bench.errors import NotApplicable
from bench.messages.columns import TableColumn, TableColumns
from bench.messages.observation import Observation
from bench.messages.public_images import PublicImages
from bench.messages.reconstruction import Reconstruction
from bench.messages.structure import LINEAR, ChainLayer, PatchAttention

WEIGHTS = {name: torch.ones(3, 2, 2) for name in ("word", "q1", "q2", "position", "qkv")}
LANGUAGE = SimpleNamespace(
    embedding="word", tied=False, second_input=print, first_attention=("q1",), second_attention=("q2",)
)
PATCHES = PatchAttention("position", None, "patch", None, 2, readers=("qkv",), norm=None, only=True, normalise=None)
PUBLIC = PublicImages(torch.rand(2, 1, 2, 3), torch.zeros(2, dtype=torch.int64), print)  # type: ignore[arg-type]


class Wanting(Attack):
    """An attack that needs what it is told to need."""

    of_sentences = None

    def __init__(self, *needs: str) -> None:
        super().__init__()
        self.wanted = frozenset(needs)

    @property
    def needs(self) -> frozenset[str]:
        return self.wanted

    def reconstruct(self, seen: Observation, seed: int) -> Iterator[Reconstruction]:
        raise AssertionError


class OfImages(Wanting):
    of_sentences = False


class OfSentences(Wanting):
    of_sentences = True


def granted() -> Observation:
    """Everything an attack can ask for, of images, sentences, rows and series at once."""
    seen, images, labels = observe(net(), batch_size=1, one_model=True)
    task = replace(seen.task, language=LANGUAGE, chain=(ChainLayer("3", LINEAR),), patches=PATCHES, epochs=2)
    task = replace(task, columns=TableColumns((TableColumn("age"),)), input_shape=(2, 3))
    known: dict[str, Any] = {"labels": labels, "mean_image": images[0, 0], "surrogate": ((1, 2),), "defense": ()}
    known["statistics"] = {"1": torch.ones(3, 2, 5)}
    known["public"] = PUBLIC
    return replace(seen, task=task, gradients={**seen.gradients, **WEIGHTS}, **known)


def without(*names: str) -> dict[str, Any]:
    seen = granted()
    return {"gradients": {name: value for name, value in seen.gradients.items() if name not in names}}


# what an attack may need -> a change of the observation that takes it away
LACKING: dict[str, Any] = {
    "batch_size": {"batch_size": None},
    "classes": {"task": {"classes": None}},
    "input_range": {"task": {"input_range": None}},
    "labels": {"labels": None},
    "mean_image": {"mean_image": None},
    "soft_labels": {"task": {"hard_labels": "the loss takes class indices only"}},
    "last_linear": {"task": {"last_linear": None}},
    "last_layer_shared": without("3.weight", "3.bias"),
    "update_length": {"task": {"unit": None}},
    "local_epochs": {"task": {"epochs": None}},
    "batch_of_one": {"batch_size": 2},
    "defense_known": {"defense": None},
    "two_attention_layers": {"language": {"second_input": None}},
    "attention_shared": without("q2"),
    "untied": {"language": {"tied": True}},
    "word_embedding": without("word"),
    "surrogate": {"surrogate": ()},
    "chain": {"task": {"chain": None}},
    "columns": {"task": {"columns": None}},
    "series": {"task": {"input_shape": (3,)}},
    "patches": {"task": {"patches": None}},
    "patches_shared": without("qkv"),
    "positions_shared": without("position"),
    "patches_only": {"task": {"patches": replace(PATCHES, only=False)}},
    "batchnorm_statistics": {"statistics": None},
    "public_images": {"public": None},
    "known_update": {"public": replace(PUBLIC, update=None)},
    "one_model": {"parameters": {"3.weight": torch.ones(3, 4, 5)}},
    "buffers": {"task": {"has_buffers": True}},
}


def lacking(need: str) -> Observation:
    seen, change = granted(), LACKING[need]
    if "language" in change:
        change = {"task": {"language": SimpleNamespace(**{**vars(LANGUAGE), **change["language"]})}}
    if "task" in change:
        return replace(seen, task=replace(seen.task, **change["task"]))
    return replace(seen, **change)


def test_every_need_is_tried_here() -> None:
    assert set(LACKING) == set(base._NEEDS)


@pytest.mark.parametrize("need", base._NEEDS)
def test_a_need_that_is_met_is_passed_and_one_that_is_not_is_one_sentence(need: str) -> None:
    Wanting(need).check(granted())
    Wanting(*(set(LACKING) - {need})).check(replace(lacking(need)))
    with pytest.raises(NotApplicable, match=r"^attack Wanting (needs|searches) ") as caught:
        Wanting(*LACKING).check(lacking(need))
    assert "\n" not in str(caught.value)


def test_one_of_weight_and_bias_of_the_last_layer_is_enough() -> None:
    for name in ("3.weight", "3.bias"):
        Wanting("last_layer_shared").check(replace(granted(), **without(name)))


def test_images_and_sentences_are_not_taken_for_each_other() -> None:
    sentences = granted()
    images = replace(sentences, task=replace(sentences.task, language=None, input_shape=(1, 2, 3)))
    OfImages().check(images), OfSentences().check(sentences), Wanting().check(images), Wanting().check(sentences)
    with pytest.raises(NotApplicable, match=r"OfImages reconstructs images, and the data are sentences .*dlg_text"):
        OfImages("batch_size").check(sentences)
    with pytest.raises(NotApplicable, match=r"OfSentences reconstructs sentences, and the data are images .*=dlg\)"):
        OfSentences().check(images)
