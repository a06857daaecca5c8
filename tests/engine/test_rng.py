"""Random numbers belong to a victim and a purpose: the words of `seed_of` are data, on which every result depends."""

import hashlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.engine.rng import VictimRng, draw, generator, seed_of, seeded

PARTS = st.lists(st.one_of(st.integers(0, 99), st.text("ab12", max_size=3)), min_size=1, max_size=4)


def test_the_seeds_are_the_ones_of_all_stored_results() -> None:
    """Written down once: another separator, hash or number of bits would change every reconstruction."""
    assert seed_of(0, "dummy images", 3, 0) == 2480329058243621584
    assert draw("normal", (2,), 0, "dummy images", 3, 0).tolist() == pytest.approx(
        [-0.3525242805480957, -0.1817588359117508], abs=1e-6
    )


@given(PARTS)
def test_a_seed_is_the_upper_63_bits_of_the_hash_of_its_words(parts: list) -> None:
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).hexdigest()
    assert seed_of(*parts) == int(digest, 16) // 2 < 2**63


@given(PARTS, PARTS)
def test_the_borders_between_words_count(one: list, other: list) -> None:
    """(1, 23) and (12, 3) are two purposes; only a number and its digits are one word."""
    assert (seed_of(*one) == seed_of(*other)) == ([str(part) for part in one] == [str(part) for part in other])


def test_a_draw_is_that_of_its_own_generator_and_of_the_kind_asked_for() -> None:
    shape, parts = (200, 50), (3, "noise", 7)
    assert torch.equal(draw("normal", shape, *parts), torch.randn(shape, generator=generator(*parts)))
    uniform = draw("uniform", shape, *parts)
    assert torch.equal(uniform, torch.rand(shape, generator=generator(*parts)))
    assert uniform.min() >= 0 and uniform.max() < 1
    with pytest.raises(ValueError, match="'poisson': want uniform or normal"):
        draw("poisson", shape, *parts)


def test_the_global_generator_is_seeded_inside_and_restored_outside_even_after_an_error() -> None:
    def interrupted() -> None:
        with seeded(1, "weights"):
            drawn.append(torch.rand(3))
            raise RuntimeError("inside")

    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    drawn: list[torch.Tensor] = []
    with seeded(1, "weights"):
        drawn.append(torch.rand(3))
    with pytest.raises(RuntimeError, match="inside"):
        interrupted()
    assert torch.equal(*drawn) and torch.equal(torch.random.get_rng_state(), before)


def test_each_parameter_of_a_victim_has_numbers_of_its_own() -> None:
    rng = VictimRng((0, "defense", 4))
    shapes = {"weight": (2, 3), "bias": (3,)}
    for kind, drawn in (("normal", rng.normal(shapes)), ("uniform", rng.uniform(shapes))):
        for name, shape in shapes.items():
            assert torch.equal(drawn[name], draw(kind, shape, 0, "defense", 4, name))
    assert rng.child(1, 9) == VictimRng((0, "defense", 4, 1, 9))
    assert not torch.equal(rng.child(1).normal(shapes)["bias"], rng.normal(shapes)["bias"])
