"""A stack is written with names, with settings, or in full, and a mistake in it is one line."""

import pytest

from bench.config.compose import compose
from bench.config.stack_syntax import spelled_out
from bench.errors import UserError


def test_names_and_settings_become_nodes_in_their_order() -> None:
    cfg = compose(["defense=stack", "defense.parts=[{gaussian: {std: 1, seed: 3}},clip,dgc]"])
    assert [part._target_.rpartition(".")[2] for part in cfg.defense.parts] == ["Gaussian", "Clip", "DGC"]
    first = cfg.defense.parts[0]
    assert (first.std, first.variance, first.seed) == (1.0, None, 3) and type(first.std) is float
    assert cfg.names.defense == "stack (parts=[gaussian(std=1,seed=3),clip,dgc])"
    assert compose(["defense=stack"]).names.defense == "stack"
    assert compose(["defense=clip_noise", "seed=2"]).names.defense == "clip_noise"


def test_a_stack_in_a_stack_and_a_node_in_full() -> None:
    whole = "{_target_: bench.defenses.clip.Clip, version: 1, norm: 2}"
    cfg = compose(["defense=stack", f"defense.parts=[clip_noise,{whole}]"])
    inner, last = cfg.defense.parts
    assert [part._target_.rpartition(".")[2] for part in inner.parts] == ["Clip", "Gaussian"] and last.norm == 2.0


MISTAKES = {
    "[clp]": "defense.parts[0]: no defense 'clp'; did you mean 'clip'?",
    "[clip,{gaussian: 3}]": "defense.parts[1]={'gaussian': 3}: want a name",
    "[{clip: {nrm: 3}}]": "unknown key 'defense.parts[0].nrm'; did you mean 'norm'?",
    "[{clip: {norm: x}}]": "defense.parts[0].norm='x': want a number",
    "[clip,{clip: {norm: -1}}]": "defense.parts[1]: norm=-1.0: must be > 0",
    "[3]": "defense.parts[0]=3: want a name",
    "clip": "defense.parts='clip': want a list",
}


@pytest.mark.parametrize("parts", MISTAKES)
def test_a_mistake_is_one_line_with_its_place(parts) -> None:
    with pytest.raises(UserError) as error:
        compose(["defense=stack", f"defense.parts={parts}"])
    assert MISTAKES[parts] in str(error.value) and "\n" not in str(error.value)


@pytest.mark.slow
def test_a_stack_that_names_itself_has_no_end_and_is_refused(tmp_path) -> None:
    (tmp_path / "defense").mkdir()
    text = "# itself\n_target_: bench.defenses.stack.Stack\nversion: 1\nparts: [clip, mine]\n"
    (tmp_path / "defense" / "mine.yaml").write_text(text)
    with pytest.raises(UserError, match="no defense 'mine'"):
        compose(["defense=mine"], tmp_path)


def test_what_is_no_stack_stays_as_it_is() -> None:
    node = {"_target_": "a.B", "std": 1}
    assert spelled_out(node, "defense", [], lambda override: pytest.fail("asked for an option")) == node
