"""From node to object: arguments arrive, facts do not, and every failure names the key."""

from dataclasses import dataclass

import pytest

from bench.config.instantiate import import_target, instantiate, parameters, rehearse
from bench.errors import NotApplicable, UserError


@dataclass(kw_only=True)
class Part:
    weight: float

    def __post_init__(self):
        if self.weight < 0:
            raise ValueError(f"weight={self.weight}: must be >= 0")


class Whole:
    def __init__(self, part: Part, sizes: list[int], *, shape):
        self.part, self.sizes, self.shape = part, sizes, shape


def refuses(kind: str):
    raise {"user": UserError, "applies": NotApplicable, "bug": RuntimeError}[kind](f"node.kind={kind}: no")


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    """This file under a name that a `_target_` can say."""
    import sys
    import types

    module = types.ModuleType("parts_of_test_build")
    module.Part, module.Whole, module.refuses = Part, Whole, refuses
    monkeypatch.setitem(sys.modules, "parts_of_test_build", module)
    import_target.cache_clear()


def node(weight=1.0):
    return {
        "_target_": "parts_of_test_build.Whole",
        "version": 3,
        "part": {"_target_": "parts_of_test_build.Part", "weight": weight},
        "sizes": [1, 2],
    }


def test_nested_parts_are_built_and_facts_are_left_out():
    built = instantiate(node(), "attack", shape=(3, 32, 32))
    assert isinstance(built.part, Part) and built.part.weight == 1.0
    assert type(built.sizes) is list and built.shape == (3, 32, 32)


def test_a_rejected_argument_names_the_nested_key():
    with pytest.raises(UserError, match=r"^attack\.part: weight=-1: must be >= 0$"):
        instantiate(node(-1), "attack", shape=None)
    with pytest.raises(UserError, match=r"^attack\.part: weight=-1"):
        rehearse(node(-1), "attack")  # though the whole cannot be built without a shape


def test_keyword_only_arguments_come_from_the_program_and_a_dataclass_has_none():
    assert list(parameters(Whole).configured) == ["part", "sizes"] and parameters(Whole).needs_more
    assert list(parameters(Part).configured) == ["weight"] and not parameters(Part).needs_more


def test_kinds_of_errors_are_kept_and_a_bug_stays_a_bug():
    def build(kind):
        instantiate({"_target_": "parts_of_test_build.refuses", "kind": kind}, "node")

    with pytest.raises(UserError, match=r"^node\.kind=user: no$"):
        build("user")
    with pytest.raises(NotApplicable):
        build("applies")
    with pytest.raises(RuntimeError):
        build("bug")


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nothing", "want the import path"),
        ("no_such_package.Thing", r"cannot import 'no_such_package' \(ModuleNotFoundError"),
        ("bench.errors.UserEror", "did you mean 'UserError'"),
        (3, "want the import path"),
    ],
)
def test_a_target_that_cannot_be_imported_is_one_sentence(path, sentence):
    with pytest.raises(UserError, match=sentence):
        import_target(path, "attack")


def test_the_reason_of_a_users_broken_module_is_told(tmp_path, monkeypatch):
    (tmp_path / "broken_attack.py").write_text("def f(:\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"attack: cannot import 'broken_attack' \(SyntaxError: .*broken_attack.py"):
        import_target("broken_attack.Mine", "attack")
