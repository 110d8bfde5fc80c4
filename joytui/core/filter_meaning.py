"""What a filter means, record by record: for records of Codex's own files, and the plain reading that SQL and the masks are held to."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from joytui.core.filters import (
    AllOf,
    AnyOf,
    Compare,
    Comparison,
    Contains,
    Equals,
    Failed,
    Match,
    Missing,
    Not,
    Term,
    When,
    fold,
    glob_regex,
)
from joytui.core.request import RequestRecord


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
        case Failed():
            return _failed
        case Equals(column, wanted):
            return lambda record: bool(getattr(record, column) == wanted)


_COMPARE: dict[Comparison, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _failed(record: RequestRecord) -> bool:
    return record.error_type is not None if record.status is None else record.status >= 400


def _matches(columns: tuple[str, ...], regex: re.Pattern[str], record: RequestRecord) -> bool:
    values = (getattr(record, column) for column in columns)
    words = (word for value in values for word in (value if isinstance(value, tuple) else (value,)))
    return any(word is not None and regex.match(fold(word)) for word in words)


def _contains(columns: tuple[str, ...], text: str, record: RequestRecord) -> bool:
    values = (getattr(record, column) for column in columns)
    return any(value is not None and text in fold(value) for value in values)


def _compares(
    columns: tuple[str, ...], test: Callable[[float, float], bool], wanted: float, record: RequestRecord
) -> bool:
    values = [getattr(record, column) for column in columns]
    return all(value is not None for value in values) and test(sum(values), wanted)
