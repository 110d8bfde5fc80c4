"""What a parsed TOML file says, and where: data, sections, and the line and column of each key."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]

_TO_VALUE = re.compile(r"(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')[ \t]*=[ \t]*")


@dataclass(slots=True)
class Section:
    """A table header and its lines. `names`: the offset of each name in the header; `end`: behind its last `key = value`
    line, or behind the header where it has none. The first section of a document is its top, without a header."""

    path: Path
    start: int
    names: tuple[int, ...]
    end: int


@dataclass(slots=True)
class Document:
    """A parsed file. Offsets count characters of `text` from 0 (a BOM is not part of it); lines and columns from 1."""

    text: str
    data: dict[str, Any]
    places: dict[Path, int]
    sections: list[Section] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset."""
        if not self._starts:
            self._starts = [0, *(m.end() for m in re.finditer("\n", self.text))]
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def key_position(self, path: Path) -> tuple[int, int]:
        """Line and column of a key, or of the nearest one above it; 1, 1 where none of them is written."""
        offset = self._nearest(path)
        return (1, 1) if offset is None else self.position(offset)

    def value_position(self, path: Path) -> tuple[int, int]:
        """Line and column of the value of a key (of the key itself where a table header opens it)."""
        offset = self._nearest(path)
        if offset is None:
            return 1, 1
        found = _TO_VALUE.match(self.text, offset)
        return self.position(found.end() if found else offset)

    def line_of(self, path: Path) -> int | None:
        """The line of a key; of the nearest table above it where the key itself is not written."""
        offset = self._nearest(path)
        return None if offset is None else self.position(offset)[0]

    def _nearest(self, path: Path) -> int | None:
        above = (self.places.get(path[:end]) for end in range(len(path), 0, -1))
        return next((offset for offset in above if offset is not None), None)
