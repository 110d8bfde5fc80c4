"""Failures by what they say: texts that differ only in numbers, ids and names are one pattern. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from joytui.tui.logs.format import clean
from joytui.tui.logs.shown import Shown
from joytui.tui.logs.store import LogStore

MOST = 20_000
"""How many of the newest failures are counted."""
BLANK = "…"
LEAST_PHRASE = 6
_VARIES = re.compile(
    r"\b(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z| UTC)?"  # a time
    r"|\b[0-9a-f]{8}-[0-9a-f-]{20,}\b"  # a UUID
    r"|\b(?:req|resp|chatcmpl|call|msg|key)[-_][\w-]{6,}"  # an id
    r"|'[^']{1,80}'|\"[^\"]{1,80}\"|`[^`]{1,80}`|‹[^›]{1,80}›"  # what is quoted
    r"|https?://[^\s,;]*[^\s,;:.]"
    r"|\b(?:\d{1,3}\.){3}\d{1,3}(?:/\d+)?\b|\b[0-9a-f]*:[0-9a-f:]{4,}\b"  # an address
    r"|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b"
    r"|(?<![\w-])\d[\d,]*(?:\.\d+)?%?(?![\w-])"  # a number, not the one in a name
    r"|\b(?=[\w.-]*\d)[A-Za-z][\w.]*-[\w.-]+",  # a name such as a model's
    re.IGNORECASE,
)


def pattern(message: str) -> str:
    """A message without what varies: "daily limit of … Cr reached: … Cr left"."""
    return re.sub(rf"{BLANK}(?:\s*{BLANK})+", BLANK, _VARIES.sub(BLANK, message))


@dataclass(frozen=True, slots=True)
class Failures:
    """Those of one status, cause and pattern: how many, from when to when (epoch ms), and by key how many."""

    status: int
    cause: str
    words: str
    many: int
    first_ms: int
    last_ms: int
    keys: Counter[str]

    @property
    def filter(self) -> str:
        """What finds them in Logs: exact but for the words that vary."""
        phrase = max((part.strip() for part in re.split(f'[{BLANK}"]', self.words)), key=len, default="")
        terms = [f"status:{self.status}"]
        if self.cause:
            terms.append(f"cause:{self.cause}" if "-" in self.cause else f"type:{self.cause}")
        if len(phrase) >= LEAST_PHRASE:
            terms.append(f'"{phrase}"')
        return " ".join(terms)


def failures(shown: Shown) -> list[Failures]:
    """The newest failures of what is shown, by pattern, the most frequent first."""
    groups: dict[tuple[int, str, str], list[tuple[int, str]]] = {}
    known: dict[tuple[int, str, str], tuple[int, str, str]] = {}
    for store, row in _failed(shown):
        said = (store.status[row], *_words(store, row))
        if said not in known:
            known[said] = (said[0], said[1], pattern(clean(said[2])))
        groups.setdefault(known[said], []).append((store.time[row], store.text["key"].get(row) or "–"))
    made = [
        Failures(*kind, len(rows), min(rows)[0], max(rows)[0], Counter(key for _, key in rows))
        for kind, rows in groups.items()
    ]
    return sorted(made, key=lambda one: (-one.many, -one.last_ms))


def _failed(shown: Shown) -> Iterator[tuple[LogStore, int]]:
    for place in shown.failed[-MOST:]:
        yield shown.at(place)


def _words(store: LogStore, row: int) -> tuple[str, str]:
    """The cause (the error's type where none is known) and the message."""
    cause, kind, message = (store.text[name].get(row) or "" for name in ("cause", "error_type", "error_message"))
    if store.status[row] == 499 and not message:
        message = "the client disconnected"
    return cause or kind, message
