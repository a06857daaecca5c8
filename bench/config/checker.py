"""Checks the values of a config against the hints of constructors and dataclasses."""

import re
import typing
from collections.abc import Mapping
from typing import Any

from bench.config.instantiate import (
    NODE_KEYS,
    Parameters,
    defaults_of,
    facts_of,
    import_target,
    join,
    parameters,
)
from bench.config.root import Bare, EngineConfig, Names, Paths, ReportConfig, Target, Trainer
from bench.config.signatures import hints
from bench.config.suggest import did_you_mean
from bench.config.typecheck import MismatchError, describe, fit, unusable
from bench.errors import UserError

_OWN = "each part of the {} that would follow it has a value of its own"


class ShortKeys(typing.Protocol):
    """What `check` asks about short keys; `bench.config.short_keys.Knobs` answers it."""

    def known(self, key: str) -> bool:
        """Whether parts of some option take their value from `key`."""

    def said(self, key: str) -> bool:
        """Whether the user has given `key` a value."""


def links(raw: Any, key: str = "") -> dict[str, str]:
    """The keys of an unresolved config that take their value from another key, as `{dotted key: that other key}`.

    >>> links({"attack": {"lr": 1, "step": {"lr": "${attack.lr}"}}, "data": {"set": "a", "name": "${.set}-b"}})
    {'attack.step.lr': 'attack.lr', 'data.name': 'data.set'}
    """
    if isinstance(raw, dict):
        return {k: v for name, item in raw.items() for k, v in links(item, join(key, name)).items()}
    if isinstance(raw, list):
        return {k: v for i, item in enumerate(raw) for k, v in links(item, f"{key}[{i}]").items()}
    found = re.search(r"\$\{(\.*)(\w[\w.]*)\}", raw) if isinstance(raw, str) else None
    if not found:
        return {}
    above = key.split(".")[: -len(found[1])] if found[1] else []
    return {key: ".".join([*above, found[2]])}


class Checker:
    """Walks one composed cell and collects every fault that it finds."""

    def __init__(self, links: Mapping[str, str], knobs: ShortKeys | None = None, *, early: bool = False) -> None:
        self.early = early  # whether to check the sources only, and to import nothing
        self.faults: list[str] = []
        self.links = links
        self.sources = set(links.values())
        self.knobs = knobs

    def numbers(self, value: Any) -> None:
        """Records a fault for each number, anywhere in `value`, that cannot be computed with."""
        for key, number, wanted in unusable(value):
            self.faults.append(f"{self.origin(key)}={show(number)}: {wanted}")

    def origin(self, key: str) -> str:
        """The key that gave `key` its value: `key` itself if the user has typed it, else the key that it refers to."""
        passed = {key}
        while key in self.links and not (self.knobs and self.knobs.said(key)) and self.links[key] not in passed:
            key = self.links[key]
            passed.add(key)
        return key

    def fields(self, value: dict[str, Any], wanted: Parameters, key: str, facts: Any = None) -> dict[str, Any]:
        """Checks the keys of `value`; unknown, missing and ill-typed keys become faults.

        Args:
            value: a mapping.
            wanted: the parameters that it should have.
            key: its dotted key.
            facts: the dataclass of the facts that it may carry, if any.

        Returns:
            The mapping with its values as their types want them.
        """
        known = {**(parameters(facts).configured if facts else {}), **wanted.configured}
        checked = {}
        for name, item in value.items():
            checked[name] = item
            if name in known:
                checked[name] = self.value(item, known[name].annotation, join(key, name))
            elif wanted.is_open or self.allowed(value, name, key):
                continue
            elif "_target_" in value and self.knobs and self.knobs.known(join(key, name)):
                del checked[name]
                if self.knobs.said(join(key, name)):
                    self.faults.append(f"{join(key, name)}={show(item)} has no effect: {_OWN.format(key)}")
            else:
                near = did_you_mean(str(name), [*known, *(other for other in value if other != name)])
                self.faults.append(f"unknown key {join(key, name)!r}{near} (there are {', '.join(known)})")
        for name, parameter in wanted.configured.items():
            if name not in value and parameter.default is parameter.empty:
                self.faults.append(f"{join(key, name)} is missing: want {describe(parameter.annotation)}")
        return checked

    def allowed(self, value: dict[str, Any], name: str, key: str) -> bool:
        """Whether `value` may have a key `name` that is not an argument: one of Hydra's own, or a short key.

        Args:
            value: a node.
            name: the key within the node.
            key: the node's dotted key.
        """
        return "_target_" in value and (name in NODE_KEYS or join(key, name) in self.sources)

    def value(self, value: Any, hint: Any, key: str) -> Any:
        """Checks a value against a type hint; a value that does not fit becomes a fault.

        Args:
            value: a plain value.
            hint: the resolved type hint.
            key: the dotted key of the value.

        Returns:
            The value as its type wants it.
        """
        if value == "???":
            source = self.origin(key)
            self.faults.append(f"{source} has no value: say {source}=...")
            return value
        try:
            if hint in (EngineConfig, ReportConfig, Paths, Trainer, Bare, Names):
                return self.bare(value, hint, key)
            if hint is Target and not (isinstance(value, dict) and "_target_" in value):
                raise MismatchError("want a mapping with _target_ (the import path of what to build)")
            if isinstance(value, dict) and "_target_" not in value:
                return self.each(value, hint, key)
            if isinstance(value, list) and any(isinstance(item, dict) for item in value):
                inner = (typing.get_args(hint) or (Any,))[0]
                return [self.value(item, inner, f"{key}[{i}]") for i, item in enumerate(value)]
            return fit(value, hint, lambda wanted, node: self.node(node, wanted, key))
        except MismatchError as mismatch:
            self.faults.append(f"{self.origin(key)}={show(value)}: {mismatch}")
            return value

    def bare(self, value: Any, kind: type, key: str) -> dict[str, Any]:
        """Checks a node that needs no `_target_`; if it has one, it is checked as a node with a constructor.

        Args:
            value: the node.
            kind: the dataclass that describes its keys.
            key: its dotted key.

        Returns:
            The node with its values as their types want them.

        Raises:
            MismatchError: `value` is not a mapping.
        """
        if not isinstance(value, dict):
            raise MismatchError("want a mapping")
        if "_target_" in value:
            return self.node(value, Any, key)
        before = len(self.faults)
        checked = self.fields(value, parameters(kind), key)
        if len(self.faults) == before:
            try:
                kind(**checked)
            except ValueError as error:
                self.faults.append(f"{key}.{error}")
        return checked

    def each(self, value: dict[str, Any], hint: Any, key: str) -> dict[str, Any]:
        """Checks the values of a mapping that is not a node against the value type of the hint.

        Args:
            value: the mapping.
            hint: the type hint of the mapping.
            key: its dotted key.

        Returns:
            The mapping with its values as their types want them.

        Raises:
            MismatchError: the hint does not allow a mapping.
        """
        fit({}, hint, lambda wanted, node: node)
        arms = [arm for arm in (hint, *typing.get_args(hint)) if isinstance(typing.get_origin(arm), type)]
        mappings = [arm for arm in arms if issubclass(typing.get_origin(arm), Mapping)]  # type: ignore[arg-type]
        inner = typing.get_args(mappings[0])[1] if mappings else Any
        return {name: self.value(item, inner, join(key, name)) for name, item in value.items()}

    def node(self, value: dict[str, Any], hint: Any, key: str) -> dict[str, Any]:
        """Checks a node's arguments against the constructor's signature, and the class that it names against the hint.

        Args:
            value: a node with `_target_`.
            hint: the type hint that its class has to fit.
            key: its dotted key.

        Returns:
            The node with its values as their types want them.

        Raises:
            MismatchError: the class does not fit the hint.
        """
        path = value["_target_"]
        if self.early:
            facts = {name: fact.annotation for name, fact in parameters(facts_of(key)).configured.items()}
            known = {**facts, **hints(path)}
            return {name: self.value(item, known.get(name, Any), join(key, name)) for name, item in value.items()}
        try:
            target = import_target(path, key)
        except UserError as error:
            self.faults.append(str(error))
            return value
        nominal = (
            isinstance(hint, type)
            and hint is not Any
            and not getattr(hint, "_is_protocol", False)
            and not value.get("_partial_")
        )
        if nominal and isinstance(target, type) and not issubclass(target, hint):
            raise MismatchError(f"want a {hint.__module__}.{hint.__qualname__}, not {path}")
        return self.fields({**defaults_of(key, target), **value}, parameters(target), key, facts_of(key))


def show(value: Any) -> str:
    """A value as YAML spells it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    shown = "{...}" if isinstance(value, dict) else repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
