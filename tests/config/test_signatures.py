"""Protects: the hints that are read from sources are those that Python has, so that no value is refused wrongly."""

import inspect
import sys
import typing
from pathlib import Path

import pytest

from bench.config import options, root
from bench.config.signatures import hints

PLAIN = (bool, int, float, str, Path, type(None))


def is_plain(hint: typing.Any) -> bool:
    """Whether a hint is made of plain values only."""
    if hint in PLAIN or hint is typing.Any:
        return True
    if typing.get_origin(hint) is typing.Literal:
        return True
    inner = [arm for arm in typing.get_args(hint) if arm is not Ellipsis]
    return bool(inner) and all(is_plain(arm) for arm in inner)


@pytest.mark.parametrize(
    "target",
    [
        root.EngineConfig,
        root.ReportConfig,
        root.Trainer,
        root.Paths,
        options.Option,
        options.entries,
    ],
    ids=lambda target: target.__name__,
)
def test_the_hints_of_the_source_are_those_of_python(target: typing.Any) -> None:
    """Python's own are the independent answer; here they can be had, because these modules need no torch."""
    path = f"{target.__module__}.{target.__name__}"
    real = typing.get_type_hints(target.__init__ if inspect.isclass(target) else target)
    real.pop("return", None)
    found = hints(path)
    assert found == {name: real[name] for name in found}
    assert {name for name, hint in real.items() if is_plain(hint)} <= found.keys()


def test_hints_of_classes_are_left_out() -> None:
    """Their values are checked once the class is imported."""
    assert hints("bench.config.typecheck.fit") == {"value": typing.Any, "hint": typing.Any}
    measure = typing.Literal["labels", "limit", "identification"] | None
    assert hints("bench.config.root.Root") == {"seed": int, "results": str, "suite": str | None, "measure": measure}


def test_a_dataclass_has_the_fields_of_its_bases_and_a_name_is_followed_to_its_file() -> None:
    facts = hints("bench.config.instantiate.ModelFacts")
    assert facts["version"] is int and facts["shared"] == list[str] | None
    assert hints("bench.config.compose.home") == hints("bench.config.overrides.home") != {}


NOWHERE = [None, 3, "", "Option", "bench.config.options.Nobody", "bench.no_such_room.Thing", "os.path.join"]


@pytest.mark.parametrize("path", [*NOWHERE, "bench.", "..", "a.b.c"])
def test_what_is_not_ours_or_not_there_has_no_hints(path: typing.Any) -> None:
    assert hints(path) == {}


def test_no_module_is_imported() -> None:
    """Reading the hints of attacks has to be quicker than importing torch."""
    before = set(sys.modules)
    assert hints("bench.engine.steps.Fixed") == {"lr": float}
    assert not any(name.startswith(("bench.engine.", "torch")) for name in set(sys.modules) - before)
