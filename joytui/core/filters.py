"""The filter language of the Logs screen and of `joytui logs --filter`: parsed here once, run by the ledger and by the console.

    status:4xx key:dev-* model:auto cost>0.5 since:2h -provider:x "text words"

Terms are joined by "and"; `-` before a term turns it round; `a,b` after a colon are alternatives; what has no field is
looked for in every text of the record. `parse` gives the terms as data (core.filter_terms, exported here too): the
ledger turns them into SQL, `tui.logs.select` into masks over columns, for rows that no store has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from joytui.core.clock import parse_when, rfc3339
from joytui.core.errors import UsageError
from joytui.core.filter_terms import (
    TEXT_COLUMNS,
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
from joytui.core.money import MoneyError, parse_credits
from joytui.core.request import FIELDS, SHARED_TERMS, TELEMETRY, Field, Kind

__all__ = [
    "TEXT_COLUMNS", "AllOf", "AnyOf", "Compare", "Comparison", "Contains", "Equals", "Failed", "FilterError", "Match", "Missing",
    "Not", "Term", "When", "asks_for_tests", "fold", "glob_regex", "help_lines", "parse", "worded",
]  # fmt: skip


class FilterError(UsageError):
    """A filter that does not parse. `position` is the offset of the fault in the text, from 0."""

    def __init__(self, what: str, *, position: int, hint: str | None = None) -> None:
        super().__init__(what, where=f"filter, column {position + 1}", hint=hint)
        self.position = position


# --- the operators: what the language knows, and what its help says ---------------------------------------------------

COMPARISONS = (">=", "<=", ">", "<", "=")
_COUNT = re.compile(r"(\d+(?:\.\d+)?)([kKmM]?)\Z")
_SPAN_MS = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|)\Z")
_STATUS_CLASS = re.compile(r"([1-5])[xX*]{2}\Z")


def _count(text: str) -> int:
    if not (found := _COUNT.match(text)):
        raise ValueError("a number of tokens: 1200, 5k, 1.5M")
    return round(float(found[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[found[2].lower()])


def _milliseconds(text: str) -> float:
    if not (found := _SPAN_MS.match(text)):
        raise ValueError("a time: 800ms, 2s, 1.5m (a bare number is milliseconds)")
    return float(found[1]) * {"": 1, "ms": 1, "s": 1_000, "m": 60_000}[found[2]]


def _nano(text: str) -> int:
    try:
        return parse_credits(text)
    except MoneyError:
        raise ValueError("an amount of credits: 0.5, 2") from None


@dataclass(frozen=True, slots=True)
class TextOperator:
    """`code:glob`"""

    code: str
    help: str
    columns: tuple[str, ...]
    ops: ClassVar[tuple[str, ...]] = (":", "=")

    @property
    def form(self) -> str:
        return f"{self.code}:GLOB"

    def term(self, op: str, value: str, at: datetime | None) -> Term:
        return Match(self.columns, fold(value))


@dataclass(frozen=True, slots=True)
class NumberOperator:
    """`code>number`, with the units that `read` knows."""

    code: str
    help: str
    columns: tuple[str, ...]
    read: Callable[[str], int | float]
    ops: ClassVar[tuple[str, ...]] = (":", *COMPARISONS)

    @property
    def form(self) -> str:
        return f"{self.code}>N"

    def term(self, op: str, value: str, at: datetime | None) -> Term:
        return Compare(self.columns, _comparison(op), self.read(value))


@dataclass(frozen=True, slots=True)
class StatusOperator:
    """`status:403`, `status:4xx`, `status>=500`"""

    code: str = "status"
    help: str = "HTTP status: 403, a class (4xx), a comparison (status>=500)"
    ops: ClassVar[tuple[str, ...]] = (":", *COMPARISONS)

    @property
    def form(self) -> str:
        return "status:4xx"

    def term(self, op: str, value: str, at: datetime | None) -> Term:
        if op in (":", "=") and (found := _STATUS_CLASS.match(value)):
            low = int(found[1]) * 100
            return AllOf((Compare(("status",), ">=", low), Compare(("status",), "<", low + 100)))
        if not re.fullmatch(r"[1-5]\d\d", value):
            raise ValueError("a status is a number of three digits or a class: 403, 4xx")
        return Compare(("status",), _comparison(op), int(value))


@dataclass(frozen=True, slots=True)
class TimeOperator:
    """`since:2h`, `until:yesterday`"""

    code: str
    help: str
    op: Literal[">=", "<"]
    ops: ClassVar[tuple[str, ...]] = (":", "=")

    @property
    def form(self) -> str:
        return f"{self.code}:WHEN"

    def term(self, op: str, value: str, at: datetime | None) -> Term:
        return When(self.op, rfc3339(parse_when(value, at=at)))


STATES: dict[str, tuple[Term, str]] = {
    "error": (Failed(), "status 400 and above, or no answer at all"),
    "refused": (Not(Missing("cause")), "refused, with a cause"),
    "running": (
        AllOf((Missing("status"), Missing("error_type"), Not(Match(("source",), TELEMETRY)))),
        "not ended yet",
    ),
    "stream": (Equals("stream", True), "streamed"),
    "estimated": (Equals("cost_source", "estimated"), "its cost is an estimate"),
    "doctor": (Equals("doctor", True), "a test of joytui doctor"),
    "subagent": (Not(Missing("subagent")), "of a sub-agent"),
    "dirty": (Equals("dirty", True), "with files that differ from the commit"),
}


@dataclass(frozen=True, slots=True)
class StateOperator:
    """`is:error`"""

    code: str = "is"
    ops: ClassVar[tuple[str, ...]] = (":", "=")

    @property
    def help(self) -> str:
        return "; ".join(f"{name}: {text}" for name, (_, text) in STATES.items())

    @property
    def form(self) -> str:
        return "is:STATE"

    def term(self, op: str, value: str, at: datetime | None) -> Term:
        if value not in STATES:
            raise ValueError(f"one of {', '.join(STATES)}")
        return STATES[value][0]


Operator = TextOperator | NumberOperator | StatusOperator | TimeOperator | StateOperator


def _of_fields(kind: Kind, read: Callable[[str], int | float] | None = None) -> Iterator[Operator]:
    """An operator for each term of the fields of a kind: over texts, or over numbers that `read` reads."""
    found: dict[str, list[Field]] = {}
    for field in FIELDS:
        for code in field.terms if field.kind == kind else ():
            found.setdefault(code, []).append(field)
    for code, fields in found.items():
        text, columns = SHARED_TERMS.get(code, fields[0].help), tuple(field.name for field in fields)
        yield NumberOperator(code, text, columns, read) if read else TextOperator(code, text, columns)


OPERATORS: tuple[Operator, ...] = (
    StatusOperator(),
    StateOperator(),
    *_of_fields("text"),
    *_of_fields("list"),
    *_of_fields("id"),
    *_of_fields("cost", _nano),
    *_of_fields("count", _count),
    *_of_fields("span", _milliseconds),
    TimeOperator("since", "from then on: 30m, 2h, 7d, today, a date", ">="),
    TimeOperator("until", "before then", "<"),
)
BY_CODE = {operator.code: operator for operator in OPERATORS}


def worded(field: str, value: str) -> str:
    """A term of the language that finds this value of a field: `owner:"Anna B"`. No term finds an empty one."""
    plain = value.replace('"', "?")  # the language knows no quote within quotes
    return f'{field}:"{plain}"' if re.search(r"[\s,]", plain) else f"{field}:{plain}"


def asks_for_tests(term: Term) -> bool:
    """Whether a filter speaks of the doctor's test requests, or of one request by its id: they are not hidden from it then."""
    match term:
        case AllOf(terms) | AnyOf(terms):
            return any(map(asks_for_tests, terms))
        case Not(inner):
            return asks_for_tests(inner)
        case Equals(column, _):
            return column == "doctor"
        case Match(columns, _):
            return "id" in columns
    return False


def help_lines() -> list[tuple[str, str]]:
    """What the language knows, as pairs of a form and what it finds: the text of every help on filters."""
    return [
        *((operator.form, operator.help) for operator in OPERATORS),
        ("WORD", 'anywhere in the record\'s texts; "two words" in quotes'),
        ("-TERM", "the opposite: -provider:x"),
        ("FIELD:A,B", "any of them: status:401,403"),
    ]


def _comparison(op: str) -> Comparison:
    return "=" if op in (":", "=") else op  # type: ignore[return-value]


# --- parsing ----------------------------------------------------------------------------------------------------------

_FIELD = re.compile(r"([A-Za-z_]+)(:|>=|<=|>|<|=)")


@dataclass(frozen=True, slots=True)
class _Word:
    """One word of the filter with its offset; `quoted` holds the flags of its characters that stood in quotes."""

    position: int
    text: str
    quoted: tuple[bool, ...]


MOST_CHARACTERS, MOST_TERMS, MOST_VALUES = 4_000, 30, 200
"""Of a filter. A store takes seconds to plan a question of a hundred words, and refuses one of a thousand."""
_SHORTER = "a shorter filter, or two after each other"


def parse(text: str, *, at: datetime | None = None) -> AllOf:
    """The terms of a filter; an empty text matches everything. `at` is the moment that "2h" counts from.

    Raises FilterError with the position of the fault.
    """
    if len(text) > MOST_CHARACTERS:
        raise FilterError(f"more than {MOST_CHARACTERS:,} characters", position=MOST_CHARACTERS, hint=_SHORTER)
    words = list(_words(text))
    values = 0
    for count, word in enumerate(words, 1):
        values += 1 + word.text.count(",")
        if count > MOST_TERMS or values > MOST_VALUES:
            most = f"{MOST_TERMS} terms" if count > MOST_TERMS else f"{MOST_VALUES} values"
            raise FilterError(f"more than {most}", position=word.position, hint=_SHORTER)
    return AllOf(tuple(_term(word, at) for word in words))


def _words(text: str) -> Iterator[_Word]:
    position, length = 0, len(text)
    while position < length:
        if text[position].isspace():
            position += 1
            continue
        start, characters, flags, quote = position, "", [], None
        while position < length and (quote is not None or not text[position].isspace()):
            if text[position] == '"':
                quote = position if quote is None else None
            else:
                characters += text[position]
                flags.append(quote is not None)
            position += 1
        if quote is not None:
            raise FilterError("a quote is not closed", position=quote, hint='close it: "two words"')
        yield _Word(start, characters, tuple(flags))


def _term(word: _Word, at: datetime | None) -> Term:
    text, flags, position = word.text, word.quoted, word.position
    negated = text.startswith("-") and not flags[0]
    if negated:
        text, flags, position = text[1:], flags[1:], position + 1
    if not text:
        raise FilterError("something is missing here", position=position, hint="a word, or FIELD:VALUE")
    found = _FIELD.match(text)
    if found is None or any(flags[: found.end()]):
        term: Term = Contains(fold(text))
    else:
        values = _alternatives(text[found.end() :], flags[found.end() :])
        term = _field_term(found[1], found[2], values, position, at)
    return Not(term) if negated else term


def _alternatives(text: str, flags: tuple[bool, ...]) -> list[str]:
    """The values between the commas that stand outside quotes."""
    cuts = [i for i, c in enumerate(text) if c == "," and not flags[i]]
    return [text[a:b] for a, b in zip([0, *(c + 1 for c in cuts)], [*cuts, len(text)], strict=True)]


def _field_term(code: str, op: str, values: list[str], position: int, at: datetime | None) -> Term:
    operator = BY_CODE.get(code.lower())
    if operator is None:
        raise FilterError(f"there is no field {code!r}", position=position, hint=_near(code, op))
    if op not in operator.ops:
        raise FilterError(f"{code} takes no {op}", position=position + len(code), hint=f"write {operator.form}")
    terms = []
    offset = position + len(code) + len(op)
    for value in values:
        if not value:
            raise FilterError(f"{code}{op} needs a value", position=offset, hint=f"{operator.form} ({operator.help})")
        try:
            terms.append(operator.term(op, value, at))
        except ValueError as error:
            raise FilterError(f"{code}{op}{value} is not valid", position=offset, hint=str(error)) from None
        offset += len(value) + 1
    return terms[0] if len(terms) == 1 else AnyOf(tuple(terms))


def _near(code: str, op: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(code.lower(), BY_CODE, n=1)
    if near:
        return f"did you mean {near[0]}{op}…? To look for the text itself, put it in quotes"
    return f"fields: {', '.join(BY_CODE)}. To look for the text itself, put it in quotes"
