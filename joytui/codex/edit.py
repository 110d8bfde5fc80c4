"""Changes to a config.toml that keep everything else as it is: comments, order, line ends, the BOM.

Made for fixes: `change(text, …)` returns the new text and the unified diff; nothing is written here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edited:
    """The new text of a file and how it differs (unified diff, "" if nothing changed)."""

    text: str
    patch: str


class EditError(Exception):
    """The file cannot be edited: it does not parse, or the path leads through a value."""


class _NoPlace(Exception):
    """A new top-level key has no neighbour above the first table."""


def set_key(text: str, path: Keys, value: Any, *, name: str = "config.toml") -> Edited:
    """Sets a key; new top-level keys go above the first table, so that they do not fall into it."""

    def apply(document: Any) -> None:
        table = _table(document, path[:-1], create=True)
        if path[-1] in table:
            table[path[-1]] = value
        elif len(path) == 1:
            _insert_top(document, path[0], value)
        else:
            table[path[-1]] = value

    try:
        return _edit(text, apply, name)
    except _NoPlace:
        return _in_front(text, path[0], value, name)


def _in_front(text: str, key: str, value: Any, name: str) -> Edited:
    import tomlkit

    bom = "\ufeff" if text.startswith("\ufeff") else ""
    body = text.removeprefix(bom)
    end = "\r\n" if "\r\n" in body else "\n"
    line = tomlkit.dumps({key: value}).strip("\n")
    changed = f"{line}{end}{end}{body}"
    return Edited(bom + changed, diff(body, changed, name))


def remove_key(text: str, path: Keys, *, name: str = "config.toml") -> Edited:
    """Removes a key or a table; nothing happens where it is not there."""

    def apply(document: Any) -> None:
        table = _table(document, path[:-1])
        if table is not None and path[-1] in table:
            del table[path[-1]]

    return _edit(text, apply, name)


def rename_key(text: str, path: Keys, new: str, *, name: str = "config.toml") -> Edited:
    """Gives a key another name in its place. Raises EditError if the new name is taken."""

    def apply(document: Any) -> None:
        table = _table(document, path[:-1])
        if table is None or path[-1] not in table:
            raise EditError(f"there is no {'.'.join(path)}")
        if new in table:
            raise EditError(f"{new} is there already")
        _rename(table, path[-1], new)

    return _edit(text, apply, name)


def _edit(text: str, apply: Callable[[Any], None], name: str) -> Edited:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    bom = "\ufeff" if text.startswith("\ufeff") else ""
    body = text.removeprefix(bom)
    ends = "\r\n" if "\r\n" in body and body.count("\r\n") == body.count("\n") else "\n"
    try:
        document = tomlkit.parse(body.replace("\r\n", "\n") if ends == "\r\n" else body)
        apply(document)
        changed = tomlkit.dumps(document)
        tomlkit.parse(changed)
    except TOMLKitError as error:
        raise EditError(str(error)) from None
    if ends == "\r\n":
        changed = changed.replace("\n", "\r\n")
    return Edited(bom + changed, diff(body, changed, name))


def diff(old: str, new: str, name: str) -> str:
    """The unified diff of two texts, in the form that `patch -p1` takes."""
    lines = difflib.unified_diff(
        old.replace("\r\n", "\n").splitlines(),
        new.replace("\r\n", "\n").splitlines(),
        f"a/{name}",
        f"b/{name}",
        lineterm="",
    )
    return "".join(line + "\n" for line in lines)


def _table(document: Any, path: Keys, *, create: bool = False) -> Any:
    import tomlkit

    table = document
    for part in path:
        if part not in table:
            if not create:
                return None
            table[part] = tomlkit.table()
        table = table[part]
        if not isinstance(table, dict):
            raise EditError(f"{part} is a value, not a table")
    return table


def _insert_top(document: Any, key: str, value: Any) -> None:
    """Above the first table header, after the last plain key."""
    import tomlkit
    from tomlkit.items import AoT, Table

    body = document.body
    first_table = next((i for i, (_, item) in enumerate(body) if isinstance(item, (Table, AoT))), None)
    if first_table is None:
        document[key] = value
        return
    last_key = max((i for i, (name, _) in enumerate(body[:first_table]) if name is not None), default=-1)
    if last_key >= 0:
        document._insert_after(body[last_key][0], key, tomlkit.item(value))
        return
    raise _NoPlace  # no plain key stands above the tables: the text goes in front


def _rename(table: Any, old: str, new: str) -> None:
    from tomlkit.items import SingleKey

    container = getattr(table, "value", table)
    container = container if hasattr(container, "_replace") else table
    value = table[old]
    container._replace(old, SingleKey(new), value)
