"""Changes to a config.toml that keep every other byte as it is: comments, order, quoting, line ends, the BOM.

Made for fixes: `change(text, …)` returns the new text and the unified diff; nothing is written here. A change is made in
the text, at the place that the reader tells, and is then read again: it must say what was meant and nothing else. (A
library that writes the whole document again loses bytes in the corners: mixed line ends, tables in an odd order.)
"""

from __future__ import annotations

import copy
import difflib
import re
from dataclasses import dataclass
from typing import Any

from joytui.codex.toml_reader import Document, Section, TomlError, key_span, read_toml, value_span

Keys = tuple[str, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_REST_OF_LINE = re.compile(r"[ \t]*(\r?\n|\Z)")
_COMMA_AFTER = re.compile(r"(?:[ \t\r\n]|#[^\n]*\n)*,[ \t]*")
_COMMA_BEFORE = re.compile(r",[ \t\r\n]*\Z")


@dataclass(frozen=True, slots=True)
class Edited:
    """The new text of a file and how it differs (unified diff, "" if nothing changed)."""

    text: str
    patch: str


class EditError(Exception):
    """The file cannot be edited: it does not parse, or the path leads through a value."""


def set_key(text: str, path: Keys, value: Any, *, name: str = "config.toml") -> Edited:
    """Sets a key; new top-level keys go above the first table, so that they do not fall into it. Raises EditError."""
    document = _read(text)
    shown = _rendered(value)
    if path in document.places and not isinstance(_found(document.data, path), dict):
        span = value_span(document, path)
        if span is None:
            raise EditError(f"{'.'.join(path)} is not a plain value")
        changed = _splice(document.text, span, shown)
    else:
        changed = _added(document, path, shown)
    wanted = copy.deepcopy(document.data)
    _put(wanted, path, value)
    return _checked(text, document, changed, wanted, name)


def remove_key(text: str, path: Keys, *, name: str = "config.toml") -> Edited:
    """Removes a key (a comment beside it stays) or a table with its lines; nothing happens where it is not there."""
    document = _read(text)
    holder = _found(document.data, path[:-1])
    if not isinstance(holder, dict) or path[-1] not in holder:
        return Edited(text, "")
    span = value_span(document, path)
    changed = _without_value(document, path, span) if span is not None else _without_sections(document, path)
    wanted = copy.deepcopy(document.data)
    del _found(wanted, path[:-1])[path[-1]]
    left = _read(changed).data
    for end in range(len(path) - 1, 0, -1):  # a table that only the removed one made is gone with it
        if _found(wanted, path[:end]) == {} and _found(left, path[:end]) is None:
            del _found(wanted, path[: end - 1])[path[end - 1]]
    return _checked(text, document, changed, wanted, name)


def rename_key(text: str, path: Keys, new: str, *, name: str = "config.toml") -> Edited:
    """Gives a key or a table another name in its place. Raises EditError if it is not there, or the new name is taken."""
    document = _read(text)
    holder = _found(document.data, path[:-1])
    if not isinstance(holder, dict) or path[-1] not in holder:
        raise EditError(f"there is no {'.'.join(path)}")
    if new in holder:
        raise EditError(f"{new} already exists")
    offsets = {section.names[len(path) - 1] for section in _sections(document, path)}
    if value_span(document, path) is not None or not offsets:
        offsets.add(document.places[path])
    changed = document.text
    for offset in sorted(offsets, reverse=True):
        changed = _splice(changed, key_span(document, offset), _name(new))
    wanted = copy.deepcopy(document.data)
    table = _found(wanted, path[:-1])
    table[new] = table.pop(path[-1])
    return _checked(text, document, changed, wanted, name)


def table_text(text: str, path: Keys) -> str:
    """The lines of a table and of those below it, headers and comments included. Raises EditError if there are none."""
    document = _read(text)
    found = _sections(document, path)
    if not found:
        raise EditError(f"there is no [{'.'.join(path)}]")
    return "".join(document.text[section.start : section.end] for section in found)


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


# --- reading and checking


def _read(text: str) -> Document:
    try:
        return read_toml(text)
    except TomlError as error:
        raise EditError(str(error)) from None


def _checked(text: str, document: Document, changed: str, wanted: dict[str, Any], name: str) -> Edited:
    if _read(changed).data != wanted:
        raise EditError("the change would not mean what was intended")
    bom = "\ufeff" if text.startswith("\ufeff") else ""
    return Edited(bom + changed, diff(document.text, changed, name))


def _found(data: Any, path: Keys) -> Any:
    for part in path:
        if not isinstance(data, dict) or part not in data:
            return None
        data = data[part]
    return data


def _put(data: dict[str, Any], path: Keys, value: Any) -> None:
    for part in path[:-1]:
        data = data.setdefault(part, {})
    data[path[-1]] = value


def _rendered(value: Any) -> str:
    import tomlkit

    return str(tomlkit.item(value).as_string())


def _name(key: str) -> str:
    return key if _BARE.fullmatch(key) else _rendered(key)


def _splice(text: str, span: tuple[int, int], new: str) -> str:
    return text[: span[0]] + new + text[span[1] :]


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text and text.count("\r\n") * 2 >= text.count("\n") else "\n"


def _sections(document: Document, path: Keys) -> list[Section]:
    """The headers of a table and of those below it (elements of arrays have an index in their path)."""
    return [s for s in document.sections[1:] if tuple(p for p in s.path if isinstance(p, str))[: len(path)] == path]


# --- adding


def _added(document: Document, path: Keys, shown: str) -> str:
    """The text with one more `key = value`, at the deepest table of the path that is there."""
    depth = len(path) - 1
    while depth and path[:depth] not in document.places:
        depth -= 1
    table, rest = path[:depth], path[depth:]
    if depth and not isinstance(_found(document.data, table), dict):
        raise EditError(f"{'.'.join(table)} is a value, not a table")
    if (span := value_span(document, table)) is not None:
        return _into_braces(document.text, span, rest, shown, empty=not _found(document.data, table))
    own = next((s for s in document.sections if s.path == table), None)
    if len(rest) == 1 and own is not None:
        return _into_section(document, own, f"{_name(rest[0])} = {shown}")
    if own is None and not any(s.path[: len(table)] == table for s in document.sections):
        return _beside_dotted(document, table, rest, shown)
    return _at_the_end(document.text, path, shown)


def _into_braces(text: str, span: tuple[int, int], rest: Keys, shown: str, *, empty: bool) -> str:
    for part in reversed(rest[1:]):
        shown = f"{{ {_name(part)} = {shown} }}"
    pair = f" {_name(rest[0])} = {shown}" + (" " if empty else ",")
    return _splice(text, (span[0] + 1, span[0] + 1), pair)


def _into_section(document: Document, section: Section, line: str) -> str:
    text, end = document.text, _line_end(document.text)
    if not section.path and not section.end:
        return f"{line}{end}{end if text else ''}{text}"
    before = "" if text[: section.end].endswith("\n") else end
    return _splice(text, (section.end, section.end), f"{before}{line}{end}")


def _beside_dotted(document: Document, table: Keys, rest: Keys, shown: str) -> str:
    """A table that dotted keys make (`a.b.c = 1`) can be extended in their own section only."""
    offset = document.places[table]
    section = [s for s in document.sections if s.start <= offset][-1]
    dotted = ".".join(_name(part) for part in (*table, *rest)[len(section.path) :])
    return _into_section(document, section, f"{dotted} = {shown}")


def _at_the_end(text: str, path: Keys, shown: str) -> str:
    end = _line_end(text)
    gap = "" if not text else end if text.endswith("\n") else end + end
    header = ".".join(_name(part) for part in path[:-1])
    return f"{text}{gap}[{header}]{end}{_name(path[-1])} = {shown}{end}"


# --- removing


def _without_value(document: Document, path: Keys, span: tuple[int, int]) -> str:
    text = document.text
    start = text.rfind("\n", 0, document.places[path]) + 1
    if _within_braces(document, path):
        return _without_pair(text, document.places[path], span[1])
    if found := _REST_OF_LINE.match(text, span[1]):
        return _splice(text, (start, found.end()), "")
    comment = text.find("#", span[1])
    return _splice(text, (start, comment), "")


def _within_braces(document: Document, path: Keys) -> bool:
    return any(value_span(document, path[:end]) is not None for end in range(1, len(path)))


def _without_pair(text: str, key: int, end: int) -> str:
    if after := _COMMA_AFTER.match(text, end):
        return _splice(text, (key, after.end()), "")
    before = _COMMA_BEFORE.search(text, 0, key)
    return _splice(text, (before.start() if before else key, end), "")


def _without_sections(document: Document, path: Keys) -> str:
    changed = document.text
    for section in reversed(_sections(document, path)):
        changed = _splice(changed, (section.start, section.end), "")
    return changed
