"""What a filter means, record by record: for records of Codex's own files, and the plain reading that SQL and the masks are held to."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import partial

from joytui.core import filter_terms as terms
from joytui.core.request import RequestRecord


def predicate(term: terms.Term) -> Callable[[RequestRecord], bool]:
    """The term as a function over records."""
    match term:
        case terms.AllOf(parts):
            tests = [predicate(t) for t in parts]
            return lambda record: all(test(record) for test in tests)
        case terms.AnyOf(parts):
            tests = [predicate(t) for t in parts]
            return lambda record: any(test(record) for test in tests)
        case terms.Not(inner):
            test = predicate(inner)
            return lambda record: not test(record)
        case terms.Match(columns, pattern):
            return partial(_matches, columns, terms.glob_regex(pattern))
        case terms.Contains(text, columns):
            return partial(_contains, columns, text)
        case terms.Compare(columns, op, value):
            return partial(_compares, columns, _COMPARE[op], value)
        case terms.When(op, moment):
            return lambda record: (record.time >= moment) if op == ">=" else (record.time < moment)
        case terms.Missing(column):
            return lambda record: getattr(record, column) is None
        case terms.Failed():
            return _failed
        case terms.Equals(column, wanted):
            return lambda record: bool(getattr(record, column) == wanted)


EVERYTHING = terms.AllOf()


def relaxed(term: terms.Term, known: Collection[str]) -> terms.Term:
    """What the term asks of these columns alone: whatever the others hold, a record that it does not match is not one of the term's.
    EVERYTHING where it asks nothing of them."""
    match term:
        case terms.AllOf(parts):
            asked = tuple(one for part in parts if (one := relaxed(part, known)) != EVERYTHING)
            return terms.AllOf(asked)
        case terms.AnyOf(parts):
            any_ = tuple(relaxed(part, known) for part in parts)
            return EVERYTHING if EVERYTHING in any_ else terms.AnyOf(any_)
        case terms.Not(inner):
            return term if relaxed(inner, known) == inner else EVERYTHING
        case terms.Match(columns) | terms.Contains(_, columns) | terms.Compare(columns):
            return term if set(columns) <= set(known) else EVERYTHING
        case terms.Missing(column) | terms.Equals(column):
            return term if column in known else EVERYTHING
        case _:
            return EVERYTHING


_COMPARE: dict[terms.Comparison, Callable[[float, float], bool]] = {
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
    return any(word is not None and regex.match(terms.fold(word)) for word in words)


def _contains(columns: tuple[str, ...], text: str, record: RequestRecord) -> bool:
    values = (getattr(record, column) for column in columns)
    return any(value is not None and text in terms.fold(value) for value in values)


def _compares(
    columns: tuple[str, ...], test: Callable[[float, float], bool], wanted: float, record: RequestRecord
) -> bool:
    values = [getattr(record, column) for column in columns]
    return all(value is not None for value in values) and test(sum(values), wanted)
