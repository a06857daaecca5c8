"""The setting of a measurement is a real cell on a pool of victims, and starts as the published attacks do."""

from types import SimpleNamespace

import pytest
import torch

from bench.config.compose import compose
from bench.errors import NotApplicable, UserError
from bench.running.components import build
from bench.speed import setting
from bench.speed.setting import prepare, with_defaults

TINY = ["data.set=mnist", "data.size=8", "model.width=3", "engine.threads=1", "engine.compile=false"]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setting, "BLOCK", 6)


def test_defaults_stand_before_what_is_said_and_give_way_to_it() -> None:
    assert with_defaults(["seed=1"]) == ["attack=idlg", "logger=none", "metric=mse", "seed=1"]
    assert with_defaults(["attack=dlg", "attack.lr=2"]) == ["logger=none", "metric=mse", "attack=dlg", "attack.lr=2"]


@pytest.mark.parametrize(("chunk", "victims", "pool"), [(1, 0, 6), (1, 9, 9), (3, 0, 12)])
def test_the_pool_has_four_chunks_at_least(few, chunk: int, victims: int, pool: int) -> None:
    found = prepare([*TINY, f"engine.chunk={chunk}"], victims=victims)
    assert len(found.victims) == len(found.seen) == pool and found.components.engine.victims == 1000
    assert torch.equal(found.labels, found.victims.labels)  # inferred, and exactly so
    assert found.layout.label_logits == 0 and found.history == 100


@pytest.mark.parametrize("attack", ["idlg", "dlg"])
def test_a_run_starts_where_the_published_attack_starts_it(few, attack: str) -> None:
    found = prepare([*TINY, f"attack={attack}"])
    cell = build(compose([*TINY, f"attack={attack}_published", "logger=none", "metric=mse"]))
    for victim in (0, 4):
        expected = cell.attack.start_of(found.seen, found.cfg.seed, victim)
        assert torch.equal(found.published_start(victim), expected)


@pytest.mark.parametrize("attack", ["idlg", "dlg"])
def test_the_engine_and_the_loop_minimise_the_same_distance_between_the_same_gradients(few, attack: str) -> None:
    """The engine's scale apart; what the loop writes in pixels, the engine writes in its own variables."""
    found = prepare([*TINY, f"attack={attack}"])
    matching, loop, layout = found.matching(), found.loop(), found.layout
    for victim in (0, 4):
        start = found.published_start(victim)
        images = start[: layout.inputs].view(1, layout.batch_size, *layout.input_shape)
        z = torch.cat([layout.variables.encode(images).flatten(), start[layout.inputs :]])
        matching.load(torch.tensor([victim]))
        loop._load(victim)
        theirs = loop.objective(victim, start) * found.attack.objective.scale
        torch.testing.assert_close(matching.value(z.unsqueeze(0))[0], theirs, rtol=1e-4, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["attack=deep_prior", "attack.variables.latent=4", "attack.variables.width=2"],
        ["attack=sme", "defense=local_steps"],
    ],
)
def test_the_matching_has_the_attacks_variables_and_the_loop_has_pixels(few, words: list[str]) -> None:
    found = prepare([*TINY, *words])
    start = found.attack.start_of(found.seen, found.cfg.seed, 1)
    assert found.layout.n == len(start) and len(found.published_start(1)) == found.pixels.n == 64
    matching = found.matching()
    matching.load(torch.tensor([1]))
    value, slope = matching(start.unsqueeze(0))
    assert torch.isfinite(value).all() and slope.shape == (1, found.layout.n)


def test_threads_are_torchs_until_the_engine_has_chosen(few) -> None:
    found = prepare(TINY)
    assert found.threads == torch.get_num_threads()
    found.components.engine.tuned["work"] = SimpleNamespace(threads=7)
    assert found.threads == 7


@pytest.mark.parametrize(
    ("words", "kind", "sentence"),
    [
        (["attack=noise"], UserError, "attack=noise does not match gradients, so there is no loop"),
        (["metric=psnr"], UserError, "speed counts successes by the MSE"),
        (["data.batch_size=2"], NotApplicable, "batch of one"),
        (["engine.chunk=100000000"], UserError, "the rows of so many|take a smaller chunk"),
    ],
)
def test_what_cannot_be_compared_is_one_line(few, words: list[str], kind: type, sentence: str) -> None:
    with pytest.raises(kind, match=sentence) as caught:
        prepare([*TINY, *words])
    assert "\n" not in str(caught.value)
