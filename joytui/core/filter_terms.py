"""The terms of the filter language as data. The language itself is in core.filters.

The rules, which the ledger (in SQL) and `tui.logs.select` (over columns) follow, held together by one reading of them in the tests:

- column names are those of `RequestRecord`;
- letters compare without regard to case, for ASCII letters only (as SQL's LIKE does);
- in a `Match` pattern `*` stands for any run of characters and `?` for one, anchored at both ends; a list matches where one of
  its words does;
- a value that is not there (None) matches nothing, so `Not` of it is true (in SQL: `(…) IS NOT TRUE`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from joytui.core.request import names

Comparison = Literal["=", "<", "<=", ">", ">="]

TEXT_COLUMNS = names("id", "text")


@dataclass(frozen=True, slots=True)
class Match:
    """One of the columns matches the glob (lower case, `*` and `?`, whole value)."""

    columns: tuple[str, ...]
    pattern: str


@dataclass(frozen=True, slots=True)
class Contains:
    """One of the columns (TEXT_COLUMNS) contains the text (lower case, no wildcards)."""

    text: str
    columns: tuple[str, ...] = TEXT_COLUMNS


@dataclass(frozen=True, slots=True)
class Compare:
    """The sum of the columns compares so with the value: nano-credits, tokens, milliseconds or an HTTP status."""

    columns: tuple[str, ...]
    op: Comparison
    value: int | float


@dataclass(frozen=True, slots=True)
class When:
    """The record's `time` (RFC 3339 text, which sorts) is at or after, or before, the moment."""

    op: Literal[">=", "<"]
    moment: str


@dataclass(frozen=True, slots=True)
class Missing:
    """The column is None."""

    column: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The status is 400 or above; or the request ended without one, and its error has a type (only Codex tells of such ends)."""


@dataclass(frozen=True, slots=True)
class Equals:
    """The column is exactly this value."""

    column: str
    value: str | bool


@dataclass(frozen=True, slots=True)
class Not:
    """The term does not match."""

    term: Term


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the terms matches."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of the terms; none of them: everything matches. This is what `parse` returns."""

    terms: tuple[Term, ...] = ()


Term = Match | Contains | Compare | When | Missing | Failed | Equals | Not | AnyOf | AllOf


_ASCII_LOWER = {c: c + 32 for c in range(ord("A"), ord("Z") + 1)}


def fold(text: str) -> str:
    """Text for comparing without regard to case: ASCII letters in lower case, as SQL's LIKE compares."""
    return text.lower() if text.isascii() else text.translate(_ASCII_LOWER)


def glob_regex(pattern: str) -> re.Pattern[str]:
    """A glob as an anchored regular expression."""
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(c) or re.escape(c) for c in pattern) + r"\Z", re.S)
