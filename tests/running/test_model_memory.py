"""A model is refused by the size of its gradients, in the precision in which they are computed."""

import pytest
import torch
from omegaconf import DictConfig

from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.errors import UserError
from bench.host import capacity
from bench.running.model_memory import check_model, check_size

KNOWN = {"shape": (1, 28, 28), "classes": 10}


def cell(*words: str) -> DictConfig:
    return compose(["logger=none", "metric=mse", "data.set=mnist", "data.victims=3", "trainer=cpu", *words])


def free(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(capacity, "free_memory", lambda: count)


@pytest.mark.parametrize(("precision", "width"), [("float32", 4), ("float64", 8)])
def test_a_model_that_does_not_fit_is_refused_before_it_is_built(
    monkeypatch: pytest.MonkeyPatch, precision: str, width: int
) -> None:
    """Three victims have a model and a gradient each, and one more is at work."""
    cfg = cell(f"engine.dtype={precision}")
    parameters = sum(value.numel() for value in instantiate(cfg.model, "model", **KNOWN).parameters())
    needed = (2 * 3 + 1) * width * parameters
    before = torch.random.get_rng_state()
    free(monkeypatch, needed)
    check_model(cfg, KNOWN, 3)
    check_size(cfg, parameters, 3)
    free(monkeypatch, needed - 1)
    for check, what in ((check_model, KNOWN), (check_size, parameters)):
        with pytest.raises(UserError, match="the gradients of 3 victims"):
            check(cfg, what, 3)
    assert torch.equal(torch.random.get_rng_state(), before)  # the models' own numbers come later


def test_the_memory_of_a_gpu_is_not_looked_at_and_an_absurd_width_is_refused_in_any_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cfg = cell()
    cfg.trainer.accelerator = "cuda"
    free(monkeypatch, 1_000_000)
    check_model(cfg, KNOWN, 3)
    with pytest.raises(UserError, match=r"model.width=900000000000"):
        check_model(cell("model.width=900000000000"), KNOWN, 1)
