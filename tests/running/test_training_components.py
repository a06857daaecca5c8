"""Protects: a training is drawn, divided and seeded as its schedule and its defence want it, or refused before it."""

from functools import cache

import pytest
import torch
from omegaconf import DictConfig

from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.datamodules.base import VictimDataModule
from bench.errors import NotApplicable, UserError
from bench.running.training_components import TrainingComponents, build, classifier, read_data, split

SMALL = ("training=held_out", "training.train=12", "training.test=6", "training.batch_size=4", "training.epochs=2")


def cell(*words: str) -> DictConfig:
    return compose(["data.set=mnist", "logger=none", "trainer=cpu", "engine.threads=1", *SMALL, *words])


@cache
def mnist() -> VictimDataModule:
    return read_data(cell())


def made(*words: str) -> TrainingComponents:
    return build(cell(*words), mnist())


@pytest.mark.parametrize(
    ("words", "dealt", "sampling"),
    [
        ([], False, "shuffle"),
        (["training.sampling=poisson"], False, "poisson"),
        (["defense=gaussian"], False, "shuffle"),
        (["defense=dp_sgd"], False, "poisson"),  # epsilon is computed for it
        (["defense=dp_ftrl", "training.sampling=poisson"], False, "shuffle"),  # epsilon is without sampling
        (["defense=clients"], True, "shuffle"),
        (["defense=clients", "training.sampling=poisson"], True, "shuffle"),  # each client needs its part of a batch
    ],
)
def test_steps_are_drawn_as_the_defense_needs_it(words: list[str], dealt: bool, sampling: str) -> None:
    found = made(*words)
    assert (found.dealt, found.sampling) == (dealt, sampling)


def test_a_run_has_a_model_of_its_own_that_its_number_fixes() -> None:
    cfg, trainee = cell(), made()
    runs = [classifier(cfg, trainee, run).model for run in (0, 0, 1)]
    first, again, second = (torch.cat([value.flatten() for value in model.parameters()]) for model in runs)
    assert torch.equal(first, again) and not torch.equal(first, second)
    assert runs[0] is not runs[1] and all(model.training for model in runs)


def test_the_rate_falls_over_the_whole_batches_of_all_epochs() -> None:
    """Two epochs of 14 examples in batches of 4 are six steps, after which the half cosine is at 0."""
    words = ["training.decay=cosine", "training.train=14"]
    (sgd,), (rate,) = classifier(cell(*words), made(*words), 0).configure_optimizers()
    rates = []
    for _ in range(6):
        rates.append(sgd.param_groups[0]["lr"])
        sgd.step()
        rate.step()
    assert min(rates) > 1e-3 and sgd.param_groups[0]["lr"] == pytest.approx(0, abs=1e-9)


def test_examples_are_trained_or_tested_on_and_a_set_without_splits_says_so() -> None:
    trainee = made()
    assert (len(trainee.train), len(trainee.test)) == (12, 6)
    images = {image.tobytes() for image in trainee.train.images}
    assert not images & {image.tobytes() for image in trainee.test.images} and len(images) == 12
    official = cell("training.split=official", "training.train=null", "training.test=null")
    with pytest.raises(UserError, match=r"training.split=official: data 'samples-mnist' has no splits"):
        split(official, mnist(), instantiate(official.training, "training"))


def test_sentences_are_refused_before_they_are_read() -> None:
    cfg = compose(["data=sentences", "model=bert_tiny", "logger=none", "training=held_out"])
    with pytest.raises(NotApplicable, match="holds sentences: `leakbench train` trains classifiers of images"):
        read_data(cfg)


def test_batch_norm_and_a_defense_on_parts_of_a_batch_do_not_go_together() -> None:
    """Each part would move the running statistics; a defence on the gradient of the whole batch moves them once."""
    model = ["model=resnet20", "model.blocks=1", "model.width=2"]
    with pytest.raises(NotApplicable, match="defense Clients computes on parts of a batch"):
        made(*model, "defense=clients")
    made(*model, "defense=mixup")  # mixed first, then one gradient of one batch
    found = made(*model, "defense=clip")
    assert found.local.batch_statistics and not found.local.frozen_statistics and found.sampling == "shuffle"
    assert found.local.batch_size == 4


def test_more_runs_than_memory_holds_are_refused() -> None:
    with pytest.raises(UserError, match=r"training.runs=\d+: the rows of so many"):
        made(f"training.runs={10**15}")
