"""The grammar of TOML 1.1, by recursive descent: lines, headers, assignments and values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from joytui.codex.toml_reader.cursor import Cursor
from joytui.codex.toml_reader.document import Document, Path, Section
from joytui.codex.toml_reader.faults import Fault, line_goes_on
from joytui.codex.toml_reader.scalars import ScalarError, read_scalar
from joytui.codex.toml_reader.strings import read_string
from joytui.codex.toml_reader.tables import Table, Tables

_PLAIN_LINE = re.compile(
    r"[ \t]*([A-Za-z0-9_-]+)[ \t]*=[ \t]*"
    r"(?:\"([^\"\\\x00-\x08\x0a-\x1f\x7f]*)\"(?!\")|'([^'\x00-\x08\x0a-\x1f\x7f]*)'(?!')|(true|false)|([+-]?(?:0|[1-9][0-9]{0,17})))"
    r"[ \t]*(?:\r?\n|\Z)"
)
_SCALAR_TOKEN = re.compile(r"[^\n\r,\]}#={\[\"']*")
_PAIR_ENDS_LINE = re.compile(r"[^=\n]*\n")
_DEEPEST = 240
_MAX_DEPTH = 80  # Codex's own limit is of that size; deeper input is an attack or an accident


def read_toml(text: str) -> Document:
    """Parses a document (a leading BOM is skipped, as Codex does). Raises TomlError."""
    body = text.removeprefix("\ufeff")
    reader = _Reader(body)
    try:
        sections = reader.document()
    except Fault as fault:
        raise fault.in_text(body) from None
    return Document(body, reader.tables.root, reader.tables.places, sections)


def value_span(document: Document, path: Path) -> tuple[int, int] | None:
    """The position of a key's value in the text (start, end); None if no `key = value` sets it."""
    offset = document.places.get(path)
    if offset is None:
        return None
    reader = _Reader(document.text, offset)
    cursor = reader.cursor
    try:
        cursor.name()
        cursor.skip_blank()
        if not cursor.starts("="):
            return None
        cursor.at += 1
        cursor.skip_blank()
        start = cursor.at
        reader.value((), 0)
    except Fault:
        return None
    return start, cursor.at


def key_span(document: Document, offset: int) -> tuple[int, int]:
    """The name that is at an offset, quotes included."""
    cursor = Cursor(document.text, offset)
    cursor.name()
    return offset, cursor.at


def _check_depth(outer: int, names: int, offset: int) -> None:
    """A key of more names than Codex takes (0.171.0, observed), or tables that hold tables without end."""
    if names > _MAX_DEPTH or outer + names > _DEEPEST:
        raise Fault("recursion limit", offset)


class _Reader:
    """Reads from an offset on, and puts what it reads into `tables`."""

    def __init__(self, text: str, at: int = 0) -> None:
        self.text = text
        self.cursor = Cursor(text, at)
        self.tables = Tables()

    def document(self) -> list[Section]:
        """Reads all of it; the sections in their order, the top first."""
        text, cursor, tables = self.text, self.cursor, self.tables
        sections = [Section((), 0, (), 0)]
        while True:
            self._plain_lines(sections[-1])
            if not cursor.skip_filler():
                return sections
            start = cursor.at
            if text[start] in "\r#":
                cursor.line_end()
            elif text[start] == "[":
                names = self._header()
                cursor.line_end()
                sections.append(Section(tables.prefix, start, names, min(cursor.at, len(text))))
            else:
                self._assignment(tables.current, tables.prefix, 0)
                cursor.line_end()
                sections[-1].end = min(cursor.at, len(text))

    def _plain_lines(self, section: Section) -> None:
        """The fast path: runs of plain `key = value` lines."""
        match, text, at = _PLAIN_LINE.match, self.text, self.cursor.at
        table, prefix, places = self.tables.current, self.tables.prefix, self.tables.places
        while (found := match(text, at)) and (key := found[1]) not in table:
            kind = found.lastindex
            if kind in (2, 3):
                table[key] = found[kind]
            elif kind == 4:
                table[key] = found[4] == "true"
            else:
                table[key] = int(found[5])
            places[(*prefix, key)] = found.start(1)
            at = found.end()
        if at != self.cursor.at:
            self.cursor.at = section.end = at

    def _header(self) -> tuple[int, ...]:
        cursor = self.cursor
        many = cursor.starts("[[")
        close, start = "]]" if many else "]", cursor.at
        cursor.at += len(close)
        names = cursor.names()
        if not cursor.starts(close):
            kind = "array table" if many else "table"
            one = many and cursor.starts("]")
            raise Fault(f"unclosed {kind}, expected `{']' if one else close}`", cursor.at + one)
        cursor.check_names()
        _check_depth(0, len(names), start)
        cursor.at += len(close)
        self.tables.open(names, many=many)
        return tuple(offset for _, offset in names)

    def _assignment(self, table: Table, prefix: Path, depth: int) -> None:
        """`key = value` in the body of this table; `depth` counts the brackets around it."""
        cursor = self.cursor
        names = cursor.names(of_value=True)
        if not cursor.starts("="):
            raise Fault("key with no value, expected `=`", cursor.at)
        cursor.check_names()
        _check_depth(len(prefix), len(names), names[0][1])
        cursor.at += 1
        cursor.skip_blank()
        holder, path = self.tables.holder_of(table, prefix, names[:-1], inline=depth > 0)
        name, offset = names[-1]
        path = (*path, name)
        self.tables.put(holder, path, name, offset, self.value(path, depth))

    def value(self, path: Path, depth: int) -> Any:
        """The value that is here; `path` is that of its key."""
        cursor = self.cursor
        char = cursor.char()
        if char in ('"', "'"):
            value, cursor.at = read_string(self.text, cursor.at)
            return value
        if char == "[":
            return self._array(path, depth + 1)
        if char == "{":
            return self._inline_table(path, depth + 1)
        return self._scalar(depth)

    def _scalar(self, depth: int) -> Any:
        cursor = self.cursor
        found = _SCALAR_TOKEN.match(self.text, cursor.at)
        assert found is not None, "a token may be empty"
        try:
            scalar = read_scalar(found[0].rstrip(" \t"))
        except ScalarError as error:
            if found[0] and self.text[found.end() : found.end() + 1] in ("=", "{", "[", '"', "'") and not depth:
                raise line_goes_on(found.end()) from None
            raise Fault(error.message, cursor.at + error.at, error.width) from None
        cursor.at += scalar.length
        return scalar.value

    def _array(self, path: Path, depth: int) -> list[Any]:
        items: list[Any] = []
        self.tables.freeze(items)
        for separated in self._elements("]", "array", "value", depth):
            if not separated:
                raise Fault("missing comma between array elements, expected `,`", self.cursor.at)
            items.append(self.value((*path, len(items)), depth))
        return items

    def _inline_table(self, path: Path, depth: int) -> Table:
        table: Table = {}
        for separated in self._elements("}", "inline table", "key", depth):
            if not separated:
                raise self._no_comma()
            self._assignment(table, path, depth)
        self.tables.freeze(table)
        return table

    def _no_comma(self) -> Fault:
        at = self.cursor.at
        if _PAIR_ENDS_LINE.match(self.text, at, at + 200):
            return Fault("missing comma between key-value pairs, expected `,`", at)
        return Fault("extra assignment between key-value pairs, expected `,`", at)

    def _elements(self, close: str, kind: str, wanted: str, depth: int) -> Iterator[bool]:
        """Over brackets and commas: stops at each element, for the caller to read, and tells whether a comma (or the
        opening bracket) is before it."""
        cursor = self.cursor
        if depth > _MAX_DEPTH:
            raise Fault("cannot recurse further; max recursion depth met", cursor.at)
        cursor.at += 1
        separated = True
        while True:
            cursor.skip_within(f"unclosed {kind}, expected `{close}`")
            char = cursor.char()
            if char == close:
                cursor.at += 1
                return
            if char == ",":
                if separated:
                    raise Fault(f"extra comma in {kind}, expected {wanted}", cursor.at)
                separated = True
                cursor.at += 1
            else:
                yield separated
                separated = False
