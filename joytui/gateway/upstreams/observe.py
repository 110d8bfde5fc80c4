"""Reads what an answer tells about itself while its bytes pass by: usage, cost, model, finish, errors.

One reader an endpoint: `ChatReader` for Chat chunks and completions, `ResponsesReader` for events and Response objects.
Both take bytes (`feed`, `end`) or data that is parsed already (`take`), and never change or hold back anything.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from joytui.core.sse import DONE, EventTooLarge, SseSplitter
from joytui.gateway.bridge.chunks import is_intermediate, read_delta
from joytui.gateway.bridge.errors import StreamError, find_error
from joytui.gateway.bridge.finish import failure, meaning
from joytui.gateway.bridge.quirks import DEFAULT, Quirks
from joytui.gateway.bridge.reported_usage import (
    Usage,
    billed_cost,
    billed_usage,
    find_usage,
    has_bill,
    merge_records,
    merge_usage,
    metadata_records,
    read_usage,
)
from joytui.gateway.upstreams.exchange import Observation


class Reader(ABC):
    """Fills an `Observation`. `broken`: the bytes are no event stream; they pass, and nothing more is read."""

    def __init__(self, seen: Observation, quirks: Quirks = DEFAULT) -> None:
        self.seen = seen
        self.quirks = quirks
        self.broken = False
        self._splitter = SseSplitter(lenient=True)
        self._records: list[Mapping[str, Any]] = []
        self._usage: Usage | None = None

    @property
    def between_events(self) -> bool:
        return self._splitter.between_events

    def feed(self, piece: bytes) -> None:
        """Bytes of an event stream, in any pieces."""
        if self.broken:
            return
        try:
            events = self._splitter.feed(piece)
        except EventTooLarge:
            self.broken = True
            self.seen.note("an event was too large to read; usage may be missing")
            return
        for event in events:
            self._data(event.data)

    def end(self) -> None:
        """The end of the bytes."""
        if not self.broken:
            for event in self._splitter.end():
                self._data(event.data)
        self._settle()

    def whole(self, body: bytes) -> None:
        """A body that came whole."""
        try:
            data = json.loads(body)
        except (ValueError, RecursionError):
            self.seen.note("the upstream's body is no JSON")
            return
        self.take(data)
        self.seen.complete = True
        self._settle()

    def _data(self, data: str) -> None:
        if data == DONE:
            self._settle()
            return
        if self._skim(data):
            return
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            return
        self.take(value)

    def take(self, value: Any) -> None:
        """One chunk, event or body as parsed JSON."""
        if isinstance(value, Mapping):
            self._take(value)

    @abstractmethod
    def _take(self, value: Mapping[str, Any]) -> None: ...

    def _skim(self, data: str) -> bool:
        """True when the text alone told enough, without parsing it."""
        return False

    def _content(self, length: int) -> None:
        if length:
            self.seen.output_chars += length
            self.seen.first_token_at = self.seen.first_token_at or time.monotonic()

    def _metadata(self, metadata: Any) -> None:
        records = metadata_records(metadata)
        if records:
            self._records = merge_records(self._records, records)
            self._settle()

    def _failed(self, error: StreamError) -> None:
        self.seen.error_type, self.seen.error_message = error.type or error.code, error.message

    def _settle(self) -> None:
        """Usage and cost from what came so far: the protocol's usage wins over the billing records'."""
        seen = self.seen
        if usage := self._usage or billed_usage(self._records):
            seen.usage_seen = True
            seen.input_tokens, seen.cached_input_tokens, seen.output_tokens, seen.reasoning_tokens = usage.tokens
        seen.cost_nano = billed_cost(self._records)
        if seen.cost_nano is None and has_bill(self._records):
            seen.note("the upstream's bill was not believed: no answer costs that")
        for record in self._records:
            seen.billing_id = seen.billing_id or _text(record, "billing_id")
            seen.tier = _text(record, "tier") or seen.tier
            seen.model_used = _text(record, "model") or seen.model_used
            seen.provider = _text(record, "provider") or seen.provider

    def _take_usage(self, usage: Any) -> None:
        if found := read_usage(usage, self.quirks.usage):
            self._usage = merge_usage(self._usage, found)
            self._settle()


def _text(source: Mapping[str, Any], key: str) -> str | None:
    value = source.get(key)
    return value if isinstance(value, str) and value else None


class ChatReader(Reader):
    """Chat chunks, and whole completions. `answer_id` is the id that the upstream gave."""

    answer_id: str | None = None

    def _take(self, value: Mapping[str, Any]) -> None:
        seen = self.seen
        if error := find_error(value):
            self._failed(error)
            return
        self.answer_id = self.answer_id or _text(value, "id")
        seen.upstream_id = seen.upstream_id or self.answer_id
        seen.model_used = _text(value, "model") or seen.model_used
        seen.provider = _text(value, "provider") or seen.provider
        self._take_usage(find_usage(value))
        self._metadata(value.get("metadata"))
        if is_intermediate(value) or (delta := read_delta(value, self.quirks)) is None:
            return
        self._content(
            len(delta.text) + len(delta.reasoning) + sum(len(p.arguments) + len(p.name or "") for p in delta.calls)
        )
        if delta.finish:
            seen.finish, seen.complete = delta.finish, True
            if meaning(delta.finish, self.quirks.finish_words) == "failed":
                self._failed(failure(delta.finish))


class ResponsesReader(Reader):
    """Responses events, and whole Response objects. Deltas are counted by their length without parsing them."""

    def _skim(self, data: str) -> bool:
        head = data[:200]
        if '.delta"' not in head or "response." not in head:
            return False
        self._content(max(1, len(data) - 150))
        return True

    def _take(self, value: Mapping[str, Any]) -> None:
        kind = value.get("type")
        if isinstance(value.get("response"), Mapping):
            self._response(value["response"], str(kind))
        elif value.get("object") == "response":
            self._response(value, f"response.{value.get('status')}")
        elif kind == "response.output_item.done":
            self._content(1)
        elif error := find_error(value):
            self._failed(error)
        elif kind == "error":
            self._failed(StreamError(_text(value, "code") or "error", _text(value, "message") or "error", None))
        self._metadata(value.get("metadata"))

    def _response(self, response: Mapping[str, Any], kind: str) -> None:
        seen = self.seen
        seen.upstream_id = _text(response, "id") or seen.upstream_id
        seen.model_used = _text(response, "model") or seen.model_used
        self._take_usage(response.get("usage"))
        self._metadata(response.get("metadata"))
        status = kind.removeprefix("response.")
        if status in ("completed", "incomplete", "failed"):
            seen.finish, seen.complete = status, True
        if status == "failed":
            self._failed(find_error(response) or StreamError("failed", "the upstream's response failed"))


def reader_for(endpoint: str, seen: Observation) -> Reader:
    return ChatReader(seen) if endpoint == "chat/completions" else ResponsesReader(seen)
