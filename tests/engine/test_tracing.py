"""The traced function computes what the eager one does, with convolutions of our own where victims' weights differ."""

import pytest
import torch

from bench.engine import compile as compiling
from bench.engine import tuning
from bench.engine.kernels import library
from bench.engine.tracing import trace_own
from bench.messages.reconstruction import Reconstruction

SMALL = ("data.set=mnist", "data.size=9", "model.width=3")
ATTACKS = {
    "idlg": ("attack=idlg",),
    "a batch, labels optimised": ("attack=dlg", "data.batch_size=2"),
    "cosine, total variation": ("attack=inverting_gradients_adam",),
    "several starts, batch statistics": (
        *("data.set=cifar10", "data.batch_size=2", "model=convnet16", "model.width=2"),
        *("model.mode=train", "threat=batchnorm_exact", "attack=hf_gradinv"),
    ),
    "float64": ("attack=idlg", "engine.dtype=float64"),
}


def loaded(parties, *overrides: str):
    """Five victims in the matching function of an attack, and variables."""
    built = parties(*SMALL, *overrides)
    attack, seen = built.attack, built.client.share(built.data.deal(range(5)))
    seen = attack._completed(seen)
    layout = attack._layout(seen)
    matching = attack._matching(seen, layout, attack._fixed_labels(seen, 0))
    matching.load(torch.arange(5))
    return matching, torch.stack([attack.start_of(seen, 0, victim) for victim in range(5)])


SLOW = ("several starts, batch statistics",)


@pytest.mark.parametrize(
    "attack", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in ATTACKS]
)
def test_it_equals_the_eager_function_elsewhere_and_for_other_victims_too(attack: str, parties) -> None:
    """Rounding of float32, in another order of summation: 1e-4 of the largest entry."""
    matching, z = loaded(parties, *ATTACKS[attack])
    found = trace_own(matching, z)
    assert found.function is not None and not found.reason
    names = [str(node.target) for node in found.function.graph.nodes]
    assert sum("leakbench.convolution" in name for name in names) >= 10
    assert not any("aten.convolution" in name for name in names)
    matching.replace(torch.tensor([3, 0]), torch.tensor([1, 4]))
    z = z + 0.1 * torch.rand(z.shape, generator=torch.Generator().manual_seed(0), dtype=z.dtype)
    for ours, eager in zip(found.function(*matching.arguments(), z), matching.function(*matching.arguments(), z)):
        torch.testing.assert_close(ours, eager, rtol=1e-4, atol=1e-4 * float(eager.abs().max()))


@pytest.mark.parametrize("overrides", [("model.per_victim=false",), ("model=mlp", "model.width=8", "model.layers=1")])
def test_one_model_for_all_and_networks_without_convolutions_stay_as_they_are(overrides, parties) -> None:
    small = SMALL[:2] if "model=mlp" in overrides else SMALL
    built = parties(*small, "attack=idlg", *overrides)
    seen = built.client.share(built.data.deal(range(5)))
    matching = built.attack._matching(seen, built.attack._layout(seen), built.attack.labels(seen))
    matching.load(torch.arange(5))
    found = trace_own(matching, torch.stack([built.attack.start_of(seen, 0, victim) for victim in range(5)]))
    assert found.function is None and found.reason == ""


def attacked(parties, victims: list[int], *overrides: str) -> tuple[dict[int, Reconstruction], tuning.Tuned, list[str]]:
    built, said = parties(*SMALL, "attack=idlg", "attack.evaluations=20", *overrides), []
    built.engine.notice = said.append
    claims = built.attack.reconstruct(built.client.share(built.data.deal(victims)), 0)
    found = {int(one.ids): one for claim in claims for one in claim.each()}
    (tuned,) = built.engine.tuned.values()
    return found, tuned, said


@pytest.mark.parametrize("chunk", ["null", "5"])
def test_a_victims_result_is_the_same_to_the_bit_in_any_company(chunk: str, parties, monkeypatch) -> None:
    monkeypatch.setattr(tuning, "TRACED_FROM", 20)
    settings = ("engine.compile=false", f"engine.chunk={chunk}")
    together, tuned, said = attacked(parties, list(range(7)), *settings)
    assert tuned.own and tuned.traced is not None and tuned.compiled is None and tuned.seated and not said
    for ids in ([0, 2], [5], [6, 3, 1]):
        for victim, claim in attacked(parties, ids, *settings)[0].items():
            assert torch.equal(claim.inputs, together[victim].inputs)
            assert torch.equal(claim.objective, together[victim].objective)


def test_what_is_not_compiled_is_traced(parties, monkeypatch) -> None:
    """A machine may have a C compiler and no C++ compiler."""
    monkeypatch.setattr(compiling, "_compiler", lambda: False)
    for enough in (True, False):
        monkeypatch.setattr(tuning, "TRACED_FROM", 20 if enough else 21)
        _, tuned, said = attacked(parties, [0], "engine.compile=true")
        assert said == ["not compiled: no C++ compiler is here"]
        assert (tuned.own, tuned.seated, tuned.compiled) == (enough, True, None)


@pytest.mark.parametrize(("short", "slots"), [(10**8, 6), (0, 4)])
def test_large_work_has_many_slots_and_is_compiled_only_if_that_saves_more(short, slots, parties, monkeypatch) -> None:
    """Evaluations of more operations get fewer slots; with convolutions of our own, compiling pays later."""
    monkeypatch.setattr(compiling, "PAYS_FROM", 1)
    monkeypatch.setattr(tuning, "SHORT_UP_TO", short)
    monkeypatch.setattr(tuning, "SLOTS_LARGE", 4)
    monkeypatch.setattr(tuning, "TRACED_FROM", 20)
    seconds = iter([1.0, 2.0])
    monkeypatch.setattr(tuning, "_seconds", lambda *work: next(seconds))
    monkeypatch.setattr(tuning, "trace", lambda matching, z, own: None)
    _, tuned, said = attacked(parties, list(range(6)))
    assert (tuned.slots, tuned.own, tuned.compiled, tuned.seated) == (slots, True, None, True) and not said
    assert attacked(parties, list(range(6)), "engine.compile=false")[1].slots == tuning.SLOTS


@pytest.mark.parametrize("quicker", [True, False])
def test_a_clock_decides_whose_convolutions_are_compiled(quicker: bool, parties, monkeypatch) -> None:
    """The first that is timed is ours. What compiles is replaced by what runs the trace as it is."""
    seconds = iter([1.0, 2.0] if quicker else [2.0, 1.0])
    monkeypatch.setattr(tuning, "_seconds", lambda *work: next(seconds))
    monkeypatch.setattr(compiling.torch, "compile", lambda traced, **_: traced)
    found, tuned, said = attacked(parties, list(range(4)), "engine.compile=true")
    assert tuned.own == quicker and tuned.compiled is not None and not said
    names = [str(node.target) for node in tuned.compiled.graph.nodes]
    assert any("leakbench" in name for name in names) == quicker
    assert len(found) == 4 and all(claim.inputs.isfinite().all() for claim in found.values())


def test_short_runs_and_few_slots_are_not_worth_it(parties, monkeypatch) -> None:
    assert not attacked(parties, [0], "engine.compile=false")[1].own
    monkeypatch.setattr(tuning, "TRACED_FROM", 20)
    assert not attacked(parties, [0], "engine.compile=false", "engine.chunk=2")[1].own


def test_without_a_compiler_torch_serves_and_one_line_says_so(parties, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(tuning, "TRACED_FROM", 20)
    expected = attacked(parties, [0, 1], "engine.compile=false")[0]
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(library.Unavailable):
        library.load("convolution")
    found, tuned, said = attacked(parties, [0, 1], "engine.compile=false")
    assert said == ["convolutions by torch, which are slower: no C compiler is here"] and not tuned.own
    for victim, claim in found.items():  # rounding of float32, over 20 evaluations
        torch.testing.assert_close(claim.objective, expected[victim].objective, rtol=1e-2, atol=0)
