"""What the product said about every recorded situation on the day it was frozen, and how today's words differ from that.

    python -m tests.situations.frozen            # plays everything, rewrites the frozen files, prints a unified diff by situation
    python -m tests.situations.frozen --check    # the same without writing; exit 1 where anything differs
    python -m tests.situations.frozen --show NAME…    # the frozen documents of these names

A collection is a file of documents by name: `recorded`, `extra`, `newest` and `pairs` hold the whole `joytui doctor --json` of each situation with
its exit code and what the doctor asked the gateway; `text` the same reports as `joytui doctor` prints them, for a sample; `triage` the
answers to the recorded words and to the tickets of tests/triage; `explain` every cause. The machine's own parts are masked
(`masking`), values that occur in several documents stand once (`packing`). The tests compare what they play anyway.
"""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.situations.frozen.packing import pack, unpack

HERE = Path(__file__).parent
COLLECTIONS = ("recorded", "extra", "newest", "pairs", "text", "triage", "explain")
_MOST = 40  # differences that a failing test prints

Documents = Mapping[str, Any]


@functools.cache
def frozen(collection: str) -> Documents:
    """The documents of a collection, by name; none if the file is not there yet."""
    path = HERE / f"{collection}.json"
    return unpack(path.read_text(encoding="utf-8")) if path.exists() else {}


def write(collection: str, documents: Documents) -> None:
    """Freezes the documents."""
    (HERE / f"{collection}.json").write_text(pack(documents), encoding="utf-8")
    frozen.cache_clear()


def same(collection: str, name: str, document: Any) -> bool:
    """Whether the document is the frozen one, to the order of its members."""
    return json.dumps(frozen(collection).get(name)) == json.dumps(document)


def differences(collection: str, today: Documents) -> list[str]:
    """Each member of today's documents that is not as it was frozen, one a line: the name, the member, both values."""
    return [
        f"{name}: {line}"
        for name, document in today.items()
        if not same(collection, name, document)
        for line in _members(frozen(collection).get(name, "not frozen"), document)
    ]


def told(found: list[str]) -> str:
    """The first differences, for a test that fails of them."""
    more = [f"… and {len(found) - _MOST} more"] if len(found) > _MOST else []
    hint = "python -m tests.situations.frozen prints all of them as a diff, and freezes what is meant (git diff shows what changed)"
    return "\n".join([f"{len(found)} members are not as they were frozen:", *found[:_MOST], *more, hint])


def unified(collection: str, name: str, today: Any) -> str:
    """The difference of one document as a unified diff of its indented JSON."""
    before = _lines(frozen(collection)[name]) if name in frozen(collection) else []
    return "\n".join(
        difflib.unified_diff(
            before, _lines(today), f"{collection}/{name} frozen", f"{collection}/{name} today", "", "", 3, ""
        )
    )


def _lines(document: Any) -> list[str]:
    return json.dumps(document, ensure_ascii=False, indent=1).splitlines()


def _members(before: Any, now: Any) -> Iterator[str]:
    old, new = dict(_flat(before)), dict(_flat(now))
    changed = [member for member in dict.fromkeys((*old, *new)) if old.get(member) != new.get(member)]
    for member in changed:
        yield f"{member or 'document'}: {_short(old, member)} -> {_short(new, member)}"
    if not changed:
        yield "the order of the members"


def _short(members: Mapping[str, Any], member: str) -> str:
    return json.dumps(members[member], ensure_ascii=False)[:300] if member in members else "(absent)"


def _flat(value: Any, member: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf with its place, as `verdict.fix.commands[0]`; steps and rows of the table by their names."""
    if isinstance(value, dict) and value:
        for name, one in value.items():
            yield from _flat(one, f"{member}.{name}" if member else name)
    elif isinstance(value, list) and value:
        for number, one in enumerate(value):
            name = (one.get("id") or one.get("symptom")) if isinstance(one, dict) else None
            yield from _flat(one, f"{member}[{number if name is None else name}]")
    else:
        yield member, value
