"""Compiled gives what eager gives, is done once a cell, and steps aside in one line where it cannot be had."""

import pytest
import torch
from attacks.test_gradient_matching import run

from bench.attacks.gradient_matching import GradientMatching
from bench.engine import compile as compiling
from bench.engine.compile import compile_matching, pays
from bench.engine.directions import LBFGS
from bench.engine.loop import Minimiser
from bench.engine.matching import Layout, Matching
from bench.engine.steps import Backtracking
from bench.engine.stops import Tolerances

# What is compiled is the same function in two tests, so that the compiler's cache serves the second.
LENET = ("attack=idlg", "data.set=mnist", "data.size=12", "model.width=3")
MLP = ("attack=idlg", "data.set=mnist", "data.size=8", "model=mlp", "model.width=8", "model.layers=1")


def loaded(parties, *settings: str, pixels: bool = False):
    """Four real victims of a small network, and variables to evaluate them at."""
    built = parties(*settings)
    seen = built.client.share(built.data.deal(range(4)))
    layout = Layout(1, seen.task.input_shape, 0) if pixels else built.attack._layout(seen)
    made = Matching(seen, layout, built.attack.objective, built.attack.labels(seen), torch.float32)
    made.load(torch.arange(4))
    return made, torch.rand(4, layout.n, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def matching(parties):
    return loaded(parties, *MLP)


def test_it_pays_from_a_large_budget_on() -> None:
    """With convolutions of our own there is less to gain."""
    assert pays(1000, 2000, own=False) and pays(1000, 2000, own=True)
    assert not pays(8, 2000, own=False)
    assert pays(250, 800, own=False) and not pays(250, 800, own=True)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [MLP, LENET], ids=["mlp", "lenet"])
def test_compiled_equals_eager_and_serves_its_own_size_only(parties, settings) -> None:
    """Another order of summation in float32: 1e-5 relative."""
    made, z = loaded(parties, *settings)
    eager = made(z)
    compiled = compile_matching(made, z, False)
    assert compiled.function is not None, compiled.reason
    made.use(compiled.function, 4)
    for found, expected in zip(made(z), eager):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    made.load(torch.tensor([2, 0]))
    torch.testing.assert_close(made(z[[2, 0]])[0], eager[0][[2, 0]], rtol=1e-5, atol=0)


def test_compiled_runs_start_where_eager_ones_do(parties) -> None:
    """The initial dummies bit for bit, the first objective to rounding; from there rounding grows along the path."""
    found = []
    for word in ("true", "false"):
        built = parties(*MLP, "engine.chunk=4", f"engine.compile={word}", "attack.evaluations=1")
        claim = run(built.attack, built.client.share(built.data.deal(range(4))))
        (tuned,) = built.engine.tuned.values()
        assert (tuned.compiled is not None) == (word == "true")
        found.append(claim)
    compiled, eager = found
    assert torch.equal(compiled.ids, eager.ids) and torch.equal(compiled.inputs, eager.inputs)
    torch.testing.assert_close(compiled.objective, eager.objective, rtol=1e-5, atol=0)


def test_without_a_compiler_there_is_a_reason_and_no_function(matching, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CXX", raising=False)
    found = compile_matching(*matching, False)
    assert found.function is None
    assert "compiler" in found.reason


def test_a_wrong_result_is_found_out(matching, monkeypatch) -> None:
    """A backend that returns something else is not used."""

    def wrong(traced, **_):
        return lambda *arguments: tuple(1.01 * value for value in traced(*arguments))

    monkeypatch.setattr(compiling.torch, "compile", wrong)
    found = compile_matching(*matching, False)
    assert found.function is None
    assert "differs from the eager one" in found.reason


def test_a_cell_says_in_one_line_why_it_is_not_compiled_and_runs(parties, monkeypatch) -> None:
    monkeypatch.setattr(compiling, "_compiler", lambda: False)
    built = parties("attack=idlg", "data.set=mnist", "data.size=12", "engine.compile=true", "attack.evaluations=3")
    said: list[str] = []
    built.engine.notice = said.append
    seen = built.client.share(built.data.deal(range(3)))
    for _ in range(2):  # the second block is not told again
        assert sum(len(claim) for claim in built.attack.reconstruct(seen, 0)) == 3
    assert said == ["not compiled: no C++ compiler is here"]


def test_out_of_memory_halves_the_chunk_and_loses_nobody(parties, monkeypatch) -> None:
    """A device with room for two victims: the third raises, as CUDA's allocator does."""
    built = parties("attack=idlg", "data.set=mnist", "data.size=12", "engine.chunk=8", "attack.evaluations=6")
    whole = {int(i): x for c in built.attack.reconstruct(built.client.share(built.data.deal(range(5))), 0)
             for i, x in zip(c.ids, c.inputs)}  # fmt: skip
    function = Matching.function

    def small(self, *arguments):
        if len(arguments[-1]) > 2:
            raise torch.OutOfMemoryError("no room")
        return function(self, *arguments)

    monkeypatch.setattr(Matching, "function", small)
    said: list[str] = []
    built.engine.notice = said.append
    seen = built.client.share(built.data.deal(range(5)))
    halved = {int(i): x for c in built.attack.reconstruct(seen, 0) for i, x in zip(c.ids, c.inputs)}
    assert sorted(halved) == list(range(5))
    assert [line.split(":")[1].split()[0] for line in said] == ["4", "2"]
    assert all("changes results by rounding" in line for line in said)
    for victim, images in whole.items():
        torch.testing.assert_close(halved[victim], images, rtol=1e-4, atol=1e-4)


def test_what_vmap_cannot_take_goes_one_by_one(parties, branching_model) -> None:
    """Data-dependent control flow: the same gradients as plain autograd, in a loop, with a notice."""
    built = parties("attack=idlg", "attack.evaluations=5", *branching_model)
    said: list[str] = []
    built.engine.notice = said.append
    victims = built.data.deal(range(3))
    seen = built.client.share(victims)
    for claim in built.attack.reconstruct(seen, 0):
        assert torch.isfinite(claim.inputs).all()
    assert said == ["one victim at a time: vmap cannot map this model"]
    assert isinstance(built.attack, GradientMatching)


def test_closed_slots_idle_only_where_a_compiled_function_serves_all(parties) -> None:
    """Five victims through four slots: the same results, counted as evaluations of the objective per slot."""
    made, z = loaded(parties, *LENET, pixels=True)
    rule = Minimiser(LBFGS(5, 1e-10), Backtracking(1.0, 1e-4, 20), Tolerances(40, 40, 0.03, 0.0, None, 0.0), "best")
    starts = torch.rand(4, z.shape[1], generator=torch.Generator().manual_seed(1))
    eager = {one.victim: one for group in rule.run(made, lambda v: starts[v], 4, 4, None) for one in group}
    sizes: list[int] = []
    plain = made.function

    def counted(*arguments):
        sizes.append(len(arguments[-1]))
        return plain(*arguments)

    made.use(counted, 4)
    compiled = {one.victim: one for group in rule.run(made, lambda v: starts[v], 4, 4, None) for one in group}
    ends = sorted(one.evaluations for one in eager.values())
    assert len(set(ends)) > 2  # they do end at different times
    assert len(sizes) == ends[1]  # the compiled function serves until half of them have ended
    assert set(sizes) == {4}
    for victim, one in eager.items():
        # the eager run goes on in smaller chunks, where the library may sum in another order: float32 rounding
        torch.testing.assert_close(one.x, compiled[victim].x, rtol=1e-3, atol=1e-4)
        assert one.evaluations == compiled[victim].evaluations
