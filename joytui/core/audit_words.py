"""What an entry of the audit log changed, in words: the same for the command and the console. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from joytui.core.redaction import visible

if TYPE_CHECKING:
    from joytui.core.wire import AuditEntry

NOTHING = "–"


class Fact(NamedTuple):
    """One fact before and after the change; NOTHING where it had or has no value."""

    name: str
    before: str
    after: str


def facts(entry: AuditEntry) -> list[Fact]:
    """By name, the parts of a policy each by itself. Of an edit: what differs. Of what was created or removed: all that has a value."""
    before, after = dict(_flat(entry.before)), dict(_flat(entry.after))
    pairs = [(name, before.get(name), after.get(name)) for name in sorted(before.keys() | after.keys())]
    return [Fact(name, _word(was), _word(is_now)) for name, was, is_now in pairs if was != is_now]


def change(entry: AuditEntry) -> str:
    """One line about what differs: "owner: – → ann"; "" for what was created or removed."""
    if entry.before is None or entry.after is None:
        return ""
    return ", ".join(f"{readable(one)}: {one.before} → {one.after}" for one in facts(entry))


def readable(fact: Fact) -> str:
    """A fact's name as it is read: "daily limit" is a policy's daily_limit."""
    return fact.name.removeprefix("policy.").replace("_", " ")


def _flat(found: Mapping[str, Any] | None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values that there are; an empty text or list is none."""
    for name, value in (found or {}).items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif value not in (None, "", [], ()):
            yield f"{prefix}{name}", value


def _word(value: object) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, list):
        return visible(", ".join(one if isinstance(one, str) else _json(one) for one in value))
    return visible(value if isinstance(value, str) else _json(value))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
