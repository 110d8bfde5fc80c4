"""The event stream of `/chat/completions`, as far as Codex 0.94.0 and older need it to show an answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from joytui.causes.error_bodies import body_kind, error_fields
from joytui.codex.stream import DISCONNECTED, HEAD, NO_ROOM, End, StreamOutcome
from joytui.core.json_object import json_object
from joytui.core.sse import DONE, EventTooLarge, SseSplitter


@dataclass(slots=True)
class ChatReader:
    """The same use as StreamReader: feed, done, outcome."""

    head: bytearray = field(default_factory=bytearray)
    events: int = 0
    chunks: int = 0
    text: str = ""
    tool_calls: int = 0
    too_long: bool = False
    done: bool = False
    error: dict[str, object] = field(default_factory=dict)
    _splitter: SseSplitter = field(default_factory=SseSplitter)

    def feed(self, chunk: bytes) -> int:
        """Reads on; how many events this piece completed."""
        if len(self.head) < HEAD:
            self.head += chunk[: HEAD - len(self.head)]
        before = self.events
        try:
            for event in self._splitter.feed(chunk):
                self._take(event.data)
        except EventTooLarge:
            self.done = True
        return self.events - before

    def _take(self, data: str) -> None:
        self.events += 1
        if data.strip() == DONE:
            self.done = True
            return
        value = json_object(data)
        if value is None:
            return
        if value.get("error"):
            self.error = self.error or error_fields(value)
        choices = value.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        if isinstance(first, dict):
            self._take_choice(first)

    def _take_choice(self, choice: dict[str, object]) -> None:
        self.chunks += 1
        delta = choice.get("delta")
        if isinstance(delta, dict):
            if isinstance(delta.get("content"), str):
                self.text = (self.text + delta["content"])[:2000]
            self.tool_calls += bool(delta.get("tool_calls"))
        self.too_long = self.too_long or choice.get("finish_reason") == "length"

    def outcome(self, end: End, transport_error: str | None = None) -> StreamOutcome:
        """As Codex 0.94.0 does: text in any chunk is an answer, however the stream ends; no text is an empty answer."""
        details = {"events": self.events, "bytes": len(self.head)}
        if self.too_long:
            return StreamOutcome("request-too-large", end, NO_ROOM, "once", self.error, details, self.text)
        if end in ("broken", "idle"):
            says = DISCONNECTED + ("idle timeout waiting for SSE" if end == "idle" else "error decoding response body")
            return StreamOutcome(self._why(end)[0], end, says, "turn", self.error, details, self.text)
        if self.text.strip() or self.tool_calls:
            return StreamOutcome(None, end, details=details, text=self.text, tool_calls=self.tool_calls, complete=True)
        if end == "open":
            return StreamOutcome(None, "open", details=details, text=self.text)
        cause, error = self._why(end)
        return StreamOutcome(cause, end, None, "once", error, details, self.text)

    def _why(self, end: End) -> tuple[str, dict[str, object]]:
        if end == "idle":
            return "stream-idle", {}
        if self.error:
            return "error-in-200", self.error
        if end == "broken":
            return "stream-truncated", {}
        if self.chunks or self.done:
            return "stream-output-missing", {}
        if body_kind(bytes(self.head)) == "json":
            found = json_object(bytes(self.head))
            if found and found.get("error"):
                return "error-in-200", error_fields(found)
        return "not-an-event-stream", {}
