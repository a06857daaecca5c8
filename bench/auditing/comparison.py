"""The same audit behind several defences."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace

from bench.auditing.defended import Defended, line_of
from bench.auditing.report import Audit
from bench.auditing.work import AuditRequest, carried_out
from bench.config.explain import explain, find
from bench.errors import NotApplicable, UserError


def compared(request: AuditRequest, defenses: Sequence[str]) -> Audit:
    """An audit, with those of the same step behind each defence as `defended`.

    Args:
        request: of the audit itself. Each further one has the same budget.
        defenses: a defence each, as words of the command line, of which the first is its name:
            `"gaussian defense.std=0.1"`.

    Raises:
        UserError: there is no such defence, or the audit itself is refused. A defence that cannot be used on this step
            is a line of the table that says why.
    """
    if isinstance(defenses, str):
        raise UserError(f"defenses={defenses!r}: want a list of names, such as [{defenses!r}]")
    asked = {words: _behind(request, words) for words in defenses}
    for one in asked.values():
        one.config()  # a name that is misspelt is said before anything is attacked
    report = carried_out(request)
    return replace(report, defended=tuple(_defended(words, one) for words, one in asked.items()))


def _behind(request: AuditRequest, words: str) -> AuditRequest:
    try:
        name, *settings = shlex.split(words) or [""]
    except ValueError:  # a quotation mark that nothing closes
        name = ""
    if not name or "=" in name:
        raise UserError(f"defenses: {words!r}: want a name, then its settings: 'gaussian defense.std=0.1'")
    others = [one for one in request.overrides if not one.startswith("defense.")]  # of the audit's own defence
    return replace(request, defense=name, sent=None, overrides=(*others, *settings))


def _defended(words: str, request: AuditRequest) -> Defended:
    option = find(f"defense={request.defense}")
    does = "" if option is None else explain(option).description
    try:
        report = carried_out(request)
    except NotApplicable as reason:
        return Defended(words, "", does, "NOT AUDITED", reason=str(reason))
    return line_of(report, words, does)
