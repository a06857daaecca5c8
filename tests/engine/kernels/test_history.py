"""The direction in C is that of torch's operations, whatever the company of a victim and the number of threads."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench.engine.directions import LBFGS, History, Iterate
from bench.engine.kernels import history as kernel
from bench.engine.kernels.history import left_to_torch

FLOAT64 = torch.float64


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_LEAST", 0)


def journey(slots: int, n: int, steps: int, dtype: torch.dtype, seed: int = 0) -> list[Iterate]:
    """Steps over a convex quadratic; some lead nowhere, and some slots stand still."""
    generator = torch.Generator().manual_seed(seed)
    scale = torch.rand(slots, n, generator=generator, dtype=dtype) + 0.1
    g, found = torch.randn(slots, n, generator=generator, dtype=dtype), []
    for step in range(steps):
        s = torch.randn(slots, n, generator=generator, dtype=dtype)
        here = torch.rand(slots, generator=generator) > 0.2
        stepped = here & (torch.rand(slots, generator=generator) > 0.2) & (step > 0)
        after = torch.where(here.unsqueeze(1), g + s * scale, g)
        found.append(Iterate(torch.zeros_like(s), after, s, g, stepped, here))
        g = after
    return found


def directions(journey: list[Iterate], history: int, curvature: float = 1e-10) -> tuple[list[Tensor], History]:
    rule = LBFGS(history, curvature)
    state = rule.start(journey[0].g)
    found = [torch.where(at.here.unsqueeze(1), rule(state, at), 0) for at in journey]
    assert isinstance(state, History)
    return found, state


@given(st.integers(1, 6), st.integers(1, 150), st.integers(1, 9), st.integers(1, 25))
@settings(max_examples=40)
def test_it_is_the_direction_of_torchs_operations(slots: int, n: int, history: int, steps: int) -> None:
    """In float64; directions of a dozen pairs lose half of the digits at worst."""
    at = journey(slots, n, steps, FLOAT64)
    ours, state = directions(at, history)
    with left_to_torch():
        expected, theirs = directions(at, history)
    for found, wanted in zip(ours, expected):
        torch.testing.assert_close(found, wanted, rtol=1e-7, atol=1e-7 * float(wanted.abs().max() + 1))
    assert torch.equal(state.next, theirs.next) and torch.equal(state.count, theirs.count)
    assert torch.equal(state.s, theirs.s) and torch.equal(state.y, theirs.y)
    torch.testing.assert_close(state.gamma, theirs.gamma)


def test_in_float32_it_is_right_to_rounding() -> None:
    at = journey(4, 777, 40, torch.float32)
    ours, _ = directions(at, 20)
    with left_to_torch():
        expected, _ = directions(at, 20)
    for found, wanted in zip(ours, expected):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4 * float(wanted.abs().max()))


@pytest.mark.parametrize("dtype", [torch.float32, FLOAT64])
def test_a_victim_has_the_same_bits_in_any_company_and_number_of_threads(dtype: torch.dtype) -> None:
    at = journey(7, 300, 12, dtype)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        together, _ = directions(at, 5)
        torch.set_num_threads(1)
        for slot in range(7):
            alone = [
                Iterate(
                    *(value[slot : slot + 1] for value in (one.x, one.g, one.s, one.g_before, one.stepped, one.here))
                )
                for one in at
            ]
            for found, one in zip(together, directions(alone, 5)[0]):
                assert torch.equal(found[slot : slot + 1], one)
    finally:
        torch.set_num_threads(threads)


def test_slots_that_want_no_direction_keep_their_history() -> None:
    at = journey(3, 50, 6, FLOAT64)
    rule = LBFGS(4, 1e-10)
    state = rule.start(at[0].g)
    for one in at:
        rule(state, one)
    before = {name: value.clone() for name, value in vars(state).items()}
    nobody = torch.zeros(3, dtype=torch.bool)
    rule(state, Iterate(at[-1].x, at[-1].g + 1, at[-1].s, at[-1].g, nobody, nobody))
    everybody, idle = ~nobody, torch.tensor([True, True, True])
    rule(state, Iterate(at[-1].x, at[-1].g + 1, at[-1].s, at[-1].g, everybody, everybody, idle))
    assert all(torch.equal(value, before[name]) for name, value in vars(state).items())


def test_types_are_not_mixed() -> None:
    rule = LBFGS(3, 1e-10)
    state = rule.start(torch.zeros(2, 5))
    at = journey(2, 5, 1, FLOAT64)[0]
    with pytest.raises(ValueError, match="want one type"):
        rule(state, at)


def test_small_problems_and_other_devices_are_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_LEAST", 2**14)
    assert kernel.serves(torch.zeros(1, 128, 128)) and not kernel.serves(torch.zeros(100, 127, 128))
    assert not kernel.serves(torch.zeros(1, 128, 128, dtype=torch.float16))
    assert not kernel.serves(torch.zeros(1, 128, 128, device="meta"))
    with left_to_torch():
        assert not kernel.serves(torch.zeros(1, 128, 128))


@pytest.mark.parametrize("slots", [2, 1000])
def test_a_history_begins_with_zeros_wherever_its_memory_comes_from(slots: int) -> None:
    """Of 1,000 slots the pairs take more than a large page, and of 2 less."""
    like = torch.zeros(slots, 100)
    state = LBFGS(7, 1e-10).start(like)
    assert isinstance(state, History) and state.s.shape == state.y.shape == (slots, 7, 100)
    assert state.s.dtype == torch.float32 and state.s.is_contiguous() and not state.s.any() and not state.y.any()
    state.s[0] = 1
    assert not state.y.any() and state.s.sum() == 700
    kept = state.keep(torch.tensor([0]))
    del state
    assert kept.s.sum() == 700
