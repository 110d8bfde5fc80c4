"""What one upstream taught: by model, for seven days, kept beyond the process where there is a store.

A refusal (400 or 422) of a bridged request teaches what the vendor does not take (`bridge/mending.py`); the request is sent
again without it, and the next one is right at once. Nothing was billed, for nothing was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from joytui.core.clock import now_ms
from joytui.gateway.bridge.errors import StreamError
from joytui.gateway.bridge.mending import (
    is_left_out,
    is_of_this_request,
    is_the_models_fault,
    lessons_in,
    listed_faults,
    taught,
)
from joytui.gateway.bridge.quirks import Quirks
from joytui.gateway.bridge.request import ChatRequest, is_limited, to_chat
from joytui.ledger.records import LessonRow

LIFETIME_MS = 7 * 24 * 3_600_000
MOST_TRIES = 3
"""How often one request is sent again, each time for another lesson."""
REFUSED_FORM = (400, 422)
SPEAKS_CHAT = "speaks chat"
"""The lesson that `/responses` is not there for this model, though it may be for others."""
MAX_WORDS = 160
MOST_MODELS = 1000
"""Of one upstream, in memory: any key may name models, and an upstream may take all of them."""


class Lessons:
    """The lessons of one upstream. `keep` is called with each new one."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.name = name
        self.keep: Callable[[LessonRow], object] | None = None
        self._by_model: dict[str, dict[str, int]] = {}

    def load(self, rows: Iterable[LessonRow]) -> None:
        """Takes over what was kept of this upstream."""
        for row in rows:
            if row.upstream == self.url:
                self._by_model.setdefault(row.model, {}).setdefault(row.lesson, row.learned_at)

    def of(self, model: str) -> tuple[str, ...]:
        """What holds for a model now, in the order in which it was learned."""
        known = self._by_model.get(model)
        if not known:
            return ()
        oldest = now_ms() - LIFETIME_MS
        return tuple(text for text, at in known.items() if at > oldest)

    def learn(self, model: str, texts: Iterable[str]) -> None:
        for text in texts:
            row = LessonRow(self.url, model, text, now_ms())
            self._by_model.setdefault(model, {})[text] = row.learned_at
            if len(self._by_model) > MOST_MODELS:
                del self._by_model[next(iter(self._by_model))]
            if self.keep is not None:
                self.keep(row)

    def forget(self, model: str | None = None) -> int:
        """Forgets what one model, or all of them, taught; returns how much that was."""
        gone = self._by_model if model is None else {model: self._by_model.get(model, {})}
        count = sum(len(texts) for texts in gone.values())
        self._by_model = {} if model is None else {m: t for m, t in self._by_model.items() if m != model}
        return count

    def shown(self) -> list[LessonRow]:
        """All that holds now, by model."""
        return [
            LessonRow(self.url, model, text, self._by_model[model][text])
            for model in sorted(self._by_model)
            for text in self.of(model)
        ]


@dataclass(slots=True)
class Attempt:
    """One request on its way to an upstream: how it was sent, and what it tried to learn. `paid`: money is held for it, so that an
    answer without the client's limit is asked for as a stream, which can be ended."""

    asked: Mapping[str, object]
    plain: Quirks
    known: tuple[str, ...]
    paid: bool = False
    learned: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _once: list[str] = field(default_factory=list)
    _tried: list[str] = field(default_factory=list)
    _last: list[str] = field(default_factory=list)
    _refusal: str = ""

    @property
    def quirks(self) -> Quirks:
        return taught(self.plain, (*self.known, *self.learned))

    def chat(self) -> ChatRequest:
        """The request as it is to be sent. Raises BridgeError."""
        chat = to_chat(self.asked, self.quirks)
        limited = is_limited(self.asked) and is_limited(chat.body)
        if self.paid and self.quirks.stream is None and not (limited or chat.body.get("stream")):
            return to_chat(self.asked, replace(self.quirks, stream=True))
        return chat

    def mended(self, error: StreamError | None, sent: ChatRequest) -> ChatRequest | None:
        """The request to send after a refusal; None if it teaches nothing, or enough was tried."""
        if error is None:
            return None
        groups = self._groups(error, sent)
        if error.message == self._refusal:  # what was tried last was no lesson, at least not alone
            if len(self.notes) == MOST_TRIES - 1:
                groups = chain(self._all_together(error, sent), groups)
            self.learned = self.learned[: len(self.learned) - len(self._last)]
        self._refusal, self._last = error.message, []
        if len(self.notes) >= MOST_TRIES:
            return None
        if not self.notes and is_the_models_fault(error):
            self.notes.append(f"refused ({error.message[:MAX_WORDS]}); sent again as it was")
            return sent
        for group in groups:
            self.learned += group
            chat = self.chat()
            if chat.body == sent.body:
                self.learned = self.learned[: len(self.learned) - len(group)]
                continue
            self._tried += group
            self._once += [lesson for lesson in group if is_of_this_request(lesson, error)]
            self._last = group
            self.notes.append(f"refused ({error.message[:MAX_WORDS]}); sent again: {', '.join(group)}")
            return chat
        return None

    def _all_together(self, error: StreamError, sent: ChatRequest) -> Iterator[list[str]]:
        """All that a refusal names, for one that says the same whichever of it is left."""
        named = [lesson for lesson in (*self._tried, *lessons_in(error, sent.body, self._tried)) if is_left_out(lesson)]
        if len(named) > 1:
            yield named

    def _groups(self, error: StreamError, sent: ChatRequest) -> Iterator[list[str]]:
        """What to try, the likeliest first: where a refusal lists several faults, a lesson from each; else one after the other."""
        known = (*self.known, *self._tried)
        faults = listed_faults(error.message)
        if len(faults) > 1:
            firsts = [next(lessons_in(replace(error, message=fault), sent.body, known), None) for fault in faults]
            together = list(dict.fromkeys(lesson for lesson in firsts if lesson is not None))
            if len(together) > 1:
                yield together
        for lesson in lessons_in(error, sent.body, known):
            yield [lesson]

    @property
    def lasting(self) -> list[str]:
        """What holds for other requests, too: a number that this one had wrong takes the field from nobody else."""
        return [lesson for lesson in self.learned if lesson not in self._once]

    @property
    def sure(self) -> list[str]:
        """What is worth keeping of a request that was refused in the end: fields that were left out, after which the upstream had
        something else to say."""
        return [lesson for lesson in self.lasting if is_left_out(lesson)]
