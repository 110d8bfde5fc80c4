"""The signs of joytui.causes as guesses: found by their patterns in what Codex, curl and people say, or by their name.

Codex 0.169.0, unchanged since 0.95.0 unless noted; all observed with the real one. Patterns of programs are matched without
blanks, so that a terminal's or a mail program's line breaks do not matter. The least broad sign that fits a message decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Literal

from joytui.causes import CAUSES, Cause, Sign, causes_of
from joytui.doctor.triage.answer import Guess
from joytui.doctor.triage.clean import bare_lines, joined, squeezed

Speaker = Literal["codex", "curl", "people"]
WHOLE = 60_000


def heard(speaker: Speaker, *texts: str) -> tuple[re.Match[str], Guess] | None:
    """What decides in the words of this speaker (without blanks, if it is a program), and its guess; None: no sign in them.

    Several texts are forms of the same words: a sign that is in any of them counts.
    """
    for pattern, guess in _patterns(speaker):
        for text in texts:
            if found := pattern.search(text):
                return found, guess
    return None


@lru_cache(maxsize=2)
def of_whole(text: str) -> Guess | None:
    """What the ticket as a whole shows, before any single message is read; None if no such sign is in it."""
    ends = text if len(text) <= WHOLE else f"{text[: WHOLE // 2]}\n{text[-WHOLE // 2 :]}"
    flats = joined(bare_lines(ends))

    def seen(pattern: re.Pattern[str]) -> re.Match[str] | None:
        return next(filter(None, map(pattern.search, flats)), None)

    for patterns, guess in _wholes():
        first = seen(patterns[0])
        if first and all(map(seen, patterns[1:])):
            return guess.heard(first.string[max(0, first.start() - 60) : first.end() + 120])
    return None


def sign(name: str, *, of: str | None = None) -> Guess:
    """The guess at a sign that a reader saw by itself. `of`: the cause that holds it, for a name that several have."""
    holders = _named()[name]
    if of is None:
        (of,) = holders
    return holders[of]


def has_sign(name: str, *, of: str) -> bool:
    """Whether this cause has a sign of that name."""
    return of in _named()[name]


def of_error(kind: object) -> Guess | None:
    """What a value of error.type or error.code leaves open; None if it says nothing by itself."""
    return next((_guess(cause, one) for cause, one in _signs() if kind in one.error), None)


def cut_short(tight: str) -> Guess | None:
    """A message of Codex whose end is missing: what all the messages leave open that begin so."""
    for cause, one in _signs():
        start = squeezed(one.begins)
        rest = tight.removeprefix(start)
        if len(tight) >= 3 and one.begins and (start.startswith(tight) or (rest != tight and _begins_a_tail(rest))):
            return _guess(cause, one)
    return None


def _begins_a_tail(rest: str) -> bool:
    return any(squeezed(one.tail).startswith(rest) for _, one in _signs() if one.tail)


def _signs() -> Iterator[tuple[Cause, Sign]]:
    return ((cause, one) for cause in CAUSES.values() for one in cause.signs)


def _guess(cause: Cause, one: Sign) -> Guess:
    return Guess(causes_of(cause, one), one.ask, "", one.note, one.passing, one.details, one.explanation, one.remedy)


@cache
def _wholes() -> tuple[tuple[tuple[re.Pattern[str], ...], Guess], ...]:
    found = sorted(((one.broad, one, cause) for cause, one in _signs() if one.whole), key=lambda entry: entry[0])
    return tuple(
        (tuple(re.compile(pattern, re.I) for pattern in one.whole), _guess(cause, one)) for _, one, cause in found
    )


@cache
def _named() -> dict[str, dict[str, Guess]]:
    """The guesses by name and by the cause that holds the sign."""
    named: dict[str, dict[str, Guess]] = {}
    for cause, one in _signs():
        if one.name:
            named.setdefault(one.name, {})[cause.id] = _guess(cause, one)
    return named


@cache
def _patterns(speaker: Speaker) -> tuple[tuple[re.Pattern[str], Guess], ...]:
    found = sorted(
        ((one.broad, _pattern(one, speaker), _guess(cause, one)) for cause, one in _signs() if _pattern(one, speaker)),
        key=lambda entry: entry[0],
    )
    flags = re.I if speaker == "people" else re.I | re.S
    return tuple((re.compile(pattern, flags), guess) for _, pattern, guess in found)


def _pattern(one: Sign, speaker: Speaker) -> str:
    if speaker == "people":
        return one.people
    if speaker == "curl":
        return _tight(one.curl)
    return _tight(one.codex) or re.escape(squeezed(one.tail))


def _tight(pattern: str) -> str:
    """A pattern for words without blanks: a blank that it leaves open goes with its sign, which would count for what is before it."""
    return re.sub(r" [?*]?", "", pattern)
