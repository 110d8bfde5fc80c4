"""The filter language as SQL: the terms of `core.filters` over the fields of a request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from joytui.core.clock import parse_time
from joytui.core.filters import AllOf, AnyOf, Compare, Contains, Equals, Failed, Match, Missing, Not, Term, When
from joytui.core.request import request_number

_ID = "CASE r.source WHEN 'telemetry' THEN printf('codex-%s-%016x', r.thread_id, r.n) ELSE printf('req-%016x', r.n) END"
EXPRESSIONS = {
    "id": _ID,
    "request_id": f"coalesce(r.request_id, {_ID})",
    "key": "k.name",
    "owner": "coalesce(k.owner, s.owner)",
    "team": "coalesce(o.team, s.team)",
    "status": "nullif(r.status, 0)",
    "labels": "k.labels",
    "branch": "CAST(NULL AS TEXT)",
}
FROM = (
    "FROM request r LEFT JOIN api_key k ON k.id = r.key_id LEFT JOIN sender s ON s.id = r.sender_id"
    " LEFT JOIN team_owner o ON o.owner = coalesce(k.owner, s.owner)"
)
"""What a condition is over."""
Sql = tuple[str, list[Any]]


def to_sql(term: Term) -> Sql:
    """A condition over FROM, and its parameters."""
    match term:
        case AllOf(terms):
            return _joined(terms, " AND ", "TRUE")
        case AnyOf(terms):
            return _joined(terms, " OR ", "FALSE")
        case Not(inner):
            text, values = to_sql(inner)
            return f"(({text}) IS NOT TRUE)", values
        case Match(columns, pattern):
            return _match(columns, pattern)
        case Contains(text, columns):
            return _likes(columns, f"%{_escaped(text)}%")
        case Compare(columns, op, value):
            return f"({' + '.join(_column(c) for c in columns)}) {op} ?", [value]
        case When(op, moment):
            return f"r.started_at {op} ?", [int(parse_time(moment).timestamp() * 1000)]
        case Failed():  # the first half is what the index of failed requests holds, word for word
            return "((r.status >= 400 OR r.status = 0) AND (r.status >= 400 OR r.error_type IS NOT NULL))", []
        case Missing(column):
            return f"{_column(column)} IS NULL", []
        case Equals(column, value):
            return f"{_column(column)} = ?", [int(value) if isinstance(value, bool) else value]


def _column(name: str) -> str:
    return EXPRESSIONS.get(name, f"r.{name}")


def _joined(terms: Sequence[Term], word: str, empty: str) -> Sql:
    parts = [to_sql(term) for term in terms]
    if not parts:
        return empty, []
    return f"({word.join(text for text, _ in parts)})", [value for _, values in parts for value in values]


def _match(columns: Sequence[str], pattern: str) -> Sql:
    if "id" in columns and (number := request_number(pattern)) is not None:
        return f"(r.n = ? OR {_likes([c for c in columns if c != 'id'], _escaped(pattern))[0]})", [
            number,
            *([_escaped(pattern)] * (len(columns) - 1)),
        ]
    if not set(pattern) & {"*", "?"} and len(columns) == 1:
        return _likes(columns, _escaped(pattern))
    return _likes(columns, _escaped(pattern).replace("*", "%").replace("?", "_"))


def _likes(columns: Sequence[str], pattern: str) -> Sql:
    if not columns:
        return "FALSE", []
    return f"({' OR '.join(map(_like, columns))})", [pattern] * len(columns)


def _like(name: str) -> str:
    if name == "labels":
        return "EXISTS (SELECT 1 FROM json_each(k.labels) label WHERE label.value LIKE ? ESCAPE '\\')"
    return f"{_column(name)} LIKE ? ESCAPE '\\'"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
