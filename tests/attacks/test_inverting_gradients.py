"""Inverting Gradients against the published loop written plainly; restarts; what each preset is made of."""

import pytest
import torch
from attacks.test_gradient_matching import run
from references.inverting import invert

from bench.engine.matching import Layout, Matching
from bench.errors import NotApplicable
from bench.priors.total_variation import total_variation

SMALL = ("data.set=mnist", "data.size=8", "model.width=3")
TINY = ("data.set=mnist", "data.size=9", "engine.dtype=float64")


@pytest.mark.parametrize(("model", "batch"), [("lenet", 1), ("convnet16", 2)])
def test_it_goes_the_way_of_the_published_loop(parties, model: str, batch: int) -> None:
    """Real images of 9x9, float64, 8 steps: the same start, the same image, the same objective to 1e-8.

    Rounding is 1e-16 an operation and grows along the path, but less than a sign ever turns on it here."""
    built = parties(
        "attack=inverting_gradients_published", "attack.evaluations=9", "attack.tv=1e-2", f"model={model}", *TINY,
        "engine.chunk=2",
        f"data.batch_size={batch}", "threat=labels_known",
        *(["model.width=2"] if model == "convnet16" else ["model.width=3"]),
    )  # fmt: skip
    # 8 steps: the milestones of 9 evaluations, 3.4, 5.6 and 7.9, would come a step later
    built.attack.minimiser.step.schedule.milestones = [3, 5, 7]
    seen = double(built.client.share(built.data.deal([0, 1])))
    claim = run(built.attack, seen)
    for i in range(2):
        start = built.attack.start_of(seen, 0, i)
        image, objective = invert(seen, i, seen.labels, built.client.model.double(), start, steps=8, tv=1e-2)
        assert not torch.equal(image, start.clamp(0, 1))
        torch.testing.assert_close(claim.inputs[i].flatten().double(), image, rtol=0, atol=1e-7)  # claims are float32
        assert claim.objective[i].item() == pytest.approx(objective, rel=1e-8)


def double(seen):
    """The observation in float64."""
    for group in (seen.gradients, seen.parameters, seen.buffers):
        for name, value in group.items():
            group[name] = value.double() if value.is_floating_point() else value
    return seen


@pytest.mark.parametrize("name", ["inverting_gradients", "inverting_gradients_published"])
def test_the_label_of_one_image_is_inferred_and_those_of_several_have_to_be_known(parties, name: str) -> None:
    built = parties(f"attack={name}", "attack.evaluations=2", "engine.chunk=2", *SMALL)
    victims = built.data.deal([0, 1])
    assert torch.equal(run(built.attack, built.client.share(victims)).labels, victims.labels)
    with pytest.raises(NotApplicable, match="batch of one"):
        parties(f"attack={name}", "data.batch_size=2")
    assert parties(f"attack={name}", "data.batch_size=2", "threat=labels_known")


@pytest.mark.slow
def test_the_best_of_three_restarts_is_the_best_of_three_runs(parties) -> None:
    """Each run alone, started where the restart starts: the lowest objective wins, and costs add up. The winner is not
    always the first run, nor (noise on the gradient sees to that) always the image nearest to the truth."""
    settings = (
        "attack=inverting_gradients_adam",
        "attack.evaluations=8",
        "engine.chunk=4",
        "engine.compile=false",
        *TINY,
    )
    several, single = parties(*settings, "attack.restarts=3"), parties(*settings)
    victims = several.data.deal(range(6))
    seen = several.client.share(victims)
    generator = torch.Generator().manual_seed(0)
    for value in seen.gradients.values():
        value += 0.1 * torch.randn(value.shape, generator=generator)
    claim = run(several.attack, seen)
    first = single.attack.start_of
    alone = []
    for restart in range(3):
        single.attack.start_of = lambda s, seed, victim, _=0, restart=restart: first(s, seed, victim, restart)
        alone.append(run(single.attack, seen))
    objectives = torch.stack([one.objective for one in alone])
    chosen = objectives.argmin(0)
    assert len(set(chosen.tolist())) > 1
    for i in range(6):
        assert claim.objective[i].item() == pytest.approx(float(objectives[chosen[i], i]), rel=1e-9)
        torch.testing.assert_close(claim.inputs[i], alone[int(chosen[i])].inputs[i], rtol=0, atol=1e-6)
    assert torch.equal(claim.evaluations, sum(one.evaluations for one in alone))
    assert torch.equal(claim.iterations, sum(one.iterations for one in alone))
    errors = torch.stack([((one.inputs.clamp(0, 1) - victims.inputs) ** 2).flatten(1).mean(1) for one in alone])
    assert not torch.equal(errors.argmin(0), chosen)


def test_restarts_of_many_victims_share_the_slots_and_survive_a_lack_of_memory(parties, monkeypatch) -> None:
    """Room for two runs at a time: the same claims, once each, with all their runs counted."""
    settings = ("attack=idlg", "attack.evaluations=4", "attack.restarts=3", *SMALL)
    built = parties(*settings, "engine.chunk=8", "engine.compile=false")
    seen = built.client.share(built.data.deal(range(3)))
    whole = run(built.attack, seen)
    assert whole.evaluations.tolist() == [12] * 3
    function = Matching.function

    def small(self, *arguments):
        if len(arguments[-1]) > 2:
            raise torch.OutOfMemoryError("no room")
        return function(self, *arguments)

    monkeypatch.setattr(Matching, "function", small)
    said: list[str] = []
    built.engine.notice = said.append
    halved = run(built.attack, seen)
    assert len(said) == 2
    assert halved.evaluations.tolist() == [12] * 3
    torch.testing.assert_close(halved.inputs, whole.inputs, rtol=1e-4, atol=1e-4)


def test_no_restart_is_no_run(parties) -> None:
    with pytest.raises(Exception, match="restarts=0: must be >= 1"):
        parties("attack=idlg", "attack.restarts=0")


def test_a_priors_share_is_in_the_objective_that_is_reported(parties) -> None:
    """At the true image the distance is zero, so what is left is the weighted total variation."""
    built = parties("attack=inverting_gradients_published", "attack.tv=0.5", *TINY)
    victims = built.data.deal([0, 1])
    seen = double(built.client.share(victims))
    matching = built.attack._matching(seen, Layout(1, seen.task.input_shape, 0), victims.labels)
    matching.load(torch.arange(2))
    value, _ = matching(victims.inputs.flatten(1).double())
    torch.testing.assert_close(value, 0.5 * total_variation(victims.inputs.double()), rtol=1e-6, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("data", ["data.set=mnist", "data.set=cifar10"])
def test_luma_and_chroma_are_found_one_victim_at_a_time_and_together(parties, data: str) -> None:
    """Gray images have luma alone. The images stay in the range of inputs, and the objective falls."""
    settings = ("attack=inverting_gradients_modern", data, "data.size=9", "attack.evaluations=5",
                "engine.dtype=float64", "engine.compile=false")  # fmt: skip
    together, alone = (parties(*settings, f"engine.chunk={chunk}") for chunk in (2, 1))
    victims = together.data.deal(range(2))
    claim, single = (run(built.attack, built.client.share(victims)) for built in (together, alone))
    torch.testing.assert_close(claim.inputs, single.inputs, rtol=0, atol=1e-6)
    assert (claim.inputs >= -1e-6).all() and (claim.inputs <= 1 + 1e-6).all()
    short = parties(*settings, "attack.evaluations=1")
    assert (claim.objective < run(short.attack, short.client.share(victims)).objective).all()


def test_a_line_search_needs_pixels_to_keep_images_in_the_box(parties) -> None:
    with pytest.raises(Exception, match="box=true: a line search needs pixels as variables"):
        parties("attack=inverting_gradients", "attack.box=true")
