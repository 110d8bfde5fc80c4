"""Reads what an answer says about itself while its bytes pass: usage, cost, model, finish, errors.

One reader an endpoint: `ChatReader` for Chat chunks and completions, `ResponsesReader` for events and Response objects.
Both take bytes (`feed`, `end`) or data that is parsed already (`take`), and never change or hold back anything. Bytes that
nobody can read count as output: they were passed on.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from joytui.core.sse import DONE, MAX_EVENT_BYTES, EventTooLarge, SseSplitter
from joytui.gateway.bridge.chunks import Delta, other_deltas
from joytui.gateway.bridge.errors import StreamError, find_error
from joytui.gateway.bridge.finish import CALLING, failure, meaning
from joytui.gateway.bridge.plain import ChunkReader, PlainChunk, plain_text
from joytui.gateway.bridge.quirks import DEFAULT, Quirks
from joytui.gateway.bridge.reading import ReadChunk, read_chunk
from joytui.gateway.bridge.reported_usage import (
    Usage,
    billed_cost,
    billed_usage,
    has_bill,
    merge_records,
    merge_usage,
    metadata_records,
    read_usage,
)
from joytui.gateway.upstreams.exchange import Observation

_CALLS = ("function_call", "custom_tool_call", "tool_search_call", "local_shell_call")
"""The items of a Response that its client answers with another request."""
LONGEST_NAME = 1000
"""Characters of an id, a model's or a provider's name that are looked at."""


class Reader(ABC):
    """Fills an `Observation`. `broken`: the bytes are no event stream; they pass, and nothing more is read. `trail`: follows
    the upstream's key through what was read."""

    def __init__(self, seen: Observation, quirks: Quirks = DEFAULT) -> None:
        self.seen = seen
        self.quirks = quirks
        self.broken = False
        self.trail = seen.echo.trail() if seen.echo is not None else None
        self._splitter = SseSplitter(lenient=True)
        self._chunks = ChunkReader()
        self._records: list[Mapping[str, Any]] = []
        self._usage: Usage | None = None

    @property
    def between_events(self) -> bool:
        return self._splitter.between_events

    def feed(self, piece: bytes) -> None:
        """Bytes of an event stream, in any pieces."""
        if self.broken:
            self._content(len(piece))
            return
        try:
            events = self._splitter.feed(piece)
        except EventTooLarge:
            self.broken = True
            self._content(MAX_EVENT_BYTES)
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
            self._content(len(body))
            self.seen.note("the upstream's body is not JSON")
            return
        self.take(data)
        self.seen.complete = True
        self._settle()

    def _data(self, data: str) -> None:
        if data == DONE:
            self._settle()
            return
        try:
            value = self._chunks.read(data)
        except (ValueError, RecursionError):
            return
        self.take(value)

    @abstractmethod
    def take(self, value: Any) -> object:
        """One chunk, event or body as parsed JSON."""

    def _content(self, length: int) -> None:
        if length:
            self.seen.output_bytes += length
            self.seen.first_token_at = self.seen.first_token_at or time.monotonic()

    def _metadata(self, records: Sequence[Mapping[str, Any]]) -> None:
        if records:
            self._records = merge_records(self._records, records)
            self._settle()

    def _failed(self, error: StreamError) -> None:
        self.seen.error_type, self.seen.error_message = error.type or error.code, error.message

    def _settle(self) -> None:
        """Usage and cost from what came so far: the protocol's usage wins over the billing records'."""
        seen = self.seen
        usage = self._usage or billed_usage(self._records)
        if usage is not None and not usage.odd:
            seen.usage_seen = True
            seen.input_tokens, seen.cached_input_tokens, seen.output_tokens, seen.reasoning_tokens = usage.tokens
        seen.cost_nano = billed_cost(self._records)
        if seen.cost_nano is None and has_bill(self._records):
            seen.note("the upstream's cost was ignored: no answer costs that much")
        for record in self._records:
            seen.billing_id = seen.billing_id or _text(record, "billing_id")
            seen.tier = _text(record, "tier") or seen.tier
            seen.model_used = _text(record, "model") or seen.model_used
            seen.provider = _text(record, "provider") or seen.provider

    def _take_usage(self, found: Usage | None, *, told: bool) -> None:
        if found is not None and not found.odd:
            self._usage = merge_usage(self._usage, found)
            self._settle()
        elif told:
            self.seen.note("the upstream's usage could not be read")


def _text(source: Mapping[str, Any], key: str) -> str | None:
    value = source.get(key)
    return value[:LONGEST_NAME] if isinstance(value, str) and value else None


def _size(text: str) -> int:
    """Bytes of a text as UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _length(delta: Delta) -> int:
    size = _size(delta.text) + (_size(delta.reasoning) if delta.reasoning else 0)
    for piece in delta.calls:
        size += _size(piece.arguments) + _size(piece.name or "")
    return size


class ChatReader(Reader):
    """Chat chunks, and whole completions. `answer_id` is the id that the upstream gave."""

    answer_id: str | None = None

    def take(self, value: Any) -> ReadChunk | None:
        """Gives what it read, unless that was a plain chunk, or none."""
        if (text := plain_text(value)) is None:
            return self._take(value) if isinstance(value, Mapping) else None
        if type(value) is not PlainChunk:  # else it says what the one before it did
            self._says_of_itself(value)
        self._content(_size(text))
        if self.trail is not None:
            self.trail.follow((0, "text"), text)
        return None

    def _says_of_itself(self, value: Mapping[str, Any]) -> None:
        seen = self.seen
        self.answer_id = self.answer_id or _text(value, "id")
        seen.upstream_id = seen.upstream_id or self.answer_id
        seen.model_used = _text(value, "model") or seen.model_used
        seen.provider = _text(value, "provider") or seen.provider

    def _take(self, value: Mapping[str, Any]) -> ReadChunk:
        seen, read = self.seen, read_chunk(value, self.quirks)
        if read.error:
            self._failed(read.error)
            return read
        self._says_of_itself(value)
        self._take_usage(read.usage, told=read.usage_told)
        self._metadata(read.records)
        for place, other in enumerate(other_deltas(value, self.quirks), 1):
            self._content(_length(other))
            self._follow(place, other)
        if (delta := read.delta) is None:
            return read
        self._content(_length(delta))
        self._follow(0, delta)
        if delta.finish and not read.intermediate:
            seen.finish, seen.complete = delta.finish, True
            if meaning(delta.finish, self.quirks.finish_words) == "failed":
                self._failed(failure(delta.finish))
        return read

    def _follow(self, place: int, delta: Delta) -> None:
        if (trail := self.trail) is None:
            return
        trail.follow((place, "text"), delta.text)
        trail.follow((place, "reasoning"), delta.reasoning)
        for piece in delta.calls:
            trail.follow((place, piece.index), piece.arguments)


class ResponsesReader(Reader):
    """Responses events, and whole Response objects. Output comes in deltas, in whole items, and all of it again at the
    end: the largest figure of these three counts."""

    _deltas = 0
    _items = 0
    _calls = False

    def take(self, value: Any) -> None:
        if isinstance(value, Mapping):
            self._take(value)

    def _take(self, value: Mapping[str, Any]) -> None:
        kind = value.get("type")
        if isinstance(delta := value.get("delta"), str):
            self._deltas += _size(delta)
            self._came(self._deltas)
            if self.trail is not None:
                place = (kind, value.get("output_index"), value.get("content_index"))
                self.trail.follow(tuple(one if isinstance(one, (str, int)) else None for one in place), delta)
            return
        if isinstance(value.get("response"), Mapping):
            self._response(value["response"], str(kind))
        elif value.get("object") == "response":
            self._response(value, f"response.{value.get('status')}")
        elif kind == "response.output_item.done":
            self._item(value.get("item"))
        elif error := find_error(value):
            self._failed(error)
        elif kind == "error":
            self._failed(find_error({"error": value}) or StreamError("error", "error"))
        self._metadata(metadata_records(value.get("metadata")))

    def _item(self, item: Any) -> None:
        self._items += _item_size(item)
        self._came(self._items)
        self._calls = self._calls or (isinstance(item, Mapping) and item.get("type") in _CALLS)

    def _came(self, size: int) -> None:
        self._content(size - self.seen.output_bytes if size > self.seen.output_bytes else 0)

    def _response(self, response: Mapping[str, Any], kind: str) -> None:
        seen = self.seen
        output = response.get("output")
        self._came(sum(_item_size(item) for item in output) if isinstance(output, list) else 0)
        seen.upstream_id = _text(response, "id") or seen.upstream_id
        seen.model_used = _text(response, "model") or seen.model_used
        usage = response.get("usage")
        self._take_usage(read_usage(usage, self.quirks.usage), told=bool(usage))
        self._metadata(metadata_records(response.get("metadata")))
        status = kind.removeprefix("response.")
        if status in ("completed", "incomplete", "failed"):
            seen.finish, seen.complete = CALLING if self._calls and status == "completed" else status, True
        if status == "failed":
            self._failed(find_error(response) or StreamError("failed", "the upstream's response failed"))


def _item_size(item: Any, depth: int = 4) -> int:
    """Bytes of what a model wrote in an item of a Response: text, thoughts, arguments; no deeper than items are."""
    if isinstance(item, str):
        return _size(item)
    if isinstance(item, Mapping):
        item = [item.get(name) for name in ("text", "refusal", "content", "summary", "arguments", "input")]
    return sum(_item_size(part, depth - 1) for part in item) if isinstance(item, list) and depth else 0


def reader_for(endpoint: str, seen: Observation) -> Reader:
    return ChatReader(seen) if endpoint == "chat/completions" else ResponsesReader(seen)
