"""The terms of the filter language as data, and how they run on a record. The language itself is in core.filters.

The rules, which `ledger.filters_sql` follows too:

- column names are those of `RequestRecord`;
- letters compare without regard to case, for ASCII letters only (as SQL's LIKE does);
- in a `Match` pattern `*` stands for any run of characters and `?` for one, anchored at both ends;
- a value that is not there (None) matches nothing, so `Not` of it is true (in SQL: `(…) IS NOT TRUE`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from joytui.core.request import RequestRecord, names

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


Term = Match | Contains | Compare | When | Missing | Equals | Not | AnyOf | AllOf


_ASCII_LOWER = {c: c + 32 for c in range(ord("A"), ord("Z") + 1)}


def fold(text: str) -> str:
    """Text for comparing without regard to case: ASCII letters in lower case, as SQL's LIKE compares."""
    return text.lower() if text.isascii() else text.translate(_ASCII_LOWER)


def glob_regex(pattern: str) -> re.Pattern[str]:
    """A glob as an anchored regular expression."""
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(c) or re.escape(c) for c in pattern) + r"\Z", re.S)


def predicate(term: Term) -> Callable[[RequestRecord], bool]:
    """The term as a function over records."""
    match term:
        case AllOf(terms):
            tests = [predicate(t) for t in terms]
            return lambda record: all(test(record) for test in tests)
        case AnyOf(terms):
            tests = [predicate(t) for t in terms]
            return lambda record: any(test(record) for test in tests)
        case Not(inner):
            test = predicate(inner)
            return lambda record: not test(record)
        case Match(columns, pattern):
            return partial(_matches, columns, glob_regex(pattern))
        case Contains(text, columns):
            return partial(_contains, columns, text)
        case Compare(columns, op, value):
            return partial(_compares, columns, _COMPARE[op], value)
        case When(op, moment):
            return lambda record: (record.time >= moment) if op == ">=" else (record.time < moment)
        case Missing(column):
            return lambda record: getattr(record, column) is None
        case Equals(column, wanted):
            return lambda record: bool(getattr(record, column) == wanted)


_COMPARE: dict[Comparison, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _matches(columns: tuple[str, ...], regex: re.Pattern[str], record: RequestRecord) -> bool:
    values = (getattr(record, column) for column in columns)
    return any(value is not None and regex.match(fold(value)) for value in values)


def _contains(columns: tuple[str, ...], text: str, record: RequestRecord) -> bool:
    values = (getattr(record, column) for column in columns)
    return any(value is not None and text in fold(value) for value in values)


def _compares(
    columns: tuple[str, ...], test: Callable[[float, float], bool], wanted: float, record: RequestRecord
) -> bool:
    values = [getattr(record, column) for column in columns]
    return all(value is not None for value in values) and test(sum(values), wanted)
