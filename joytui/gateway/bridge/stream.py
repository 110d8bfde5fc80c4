"""The state machine: Chat chunks in, Responses events out.

    stream = ResponsesStream(Answer(response_id, created_at, model, …))
    events = stream.start()                 created, in_progress
    events += stream.feed(chunk)            for each chunk, and for [DONE]; never raises for anything an upstream can send
    events += stream.keep_alive()           while the upstream is silent: an event that Codex counts
    events += stream.end()                  at [DONE] or the end of the bytes: the terminal event

Items are written one after the other: thoughts, text, calls; calls stay open side by side until the end, so that
interleaved pieces find theirs. Items end in the order of their index, which is their order in the terminal event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from joytui.core.sse import DONE
from joytui.core.token_counts import TokenCounts
from joytui.gateway.bridge import finish
from joytui.gateway.bridge.calls import Call, CallTable
from joytui.gateway.bridge.channels import BareChannels
from joytui.gateway.bridge.chunks import CallPiece, Delta
from joytui.gateway.bridge.echoed import metadata_with
from joytui.gateway.bridge.errors import CUT, NO_CALL, NO_SUMMARY, StreamError
from joytui.gateway.bridge.leaked import LeakedCalls, calls_at_the_end
from joytui.gateway.bridge.outputs import CallOutput, CompactionOutput, Event, Item, Output, ReasoningOutput, TextOutput
from joytui.gateway.bridge.plain import PlainChunk, plain_text
from joytui.gateway.bridge.quirks import DEFAULT, Quirks
from joytui.gateway.bridge.reading import ReadChunk, read_chunk
from joytui.gateway.bridge.reasoning import IN_TEXT, USUAL_NAME, Carried
from joytui.gateway.bridge.reported_usage import Usage, billed_usage, merge_records, merge_usage
from joytui.gateway.bridge.tags import EndMarks, Piece, ThoughtTags
from joytui.gateway.bridge.tools import ToolNames

CHARACTERS_PER_TOKEN = 4


@dataclass(slots=True)
class Answer:
    """What a Response says of itself. `id` ("resp_…") also makes the ids of its items. `summary`: thoughts as a summary.

    `compaction`: the text is the summary that Codex asked for, and becomes one compaction item. `input_estimate`: the tokens of the
    request, for an upstream that reports none (0: nothing is estimated); Codex compacts by them. `renamed`: the model has this name by
    the settings alone, whatever the upstream calls it. `metadata`: the client's own, which the answer keeps.
    """

    id: str
    created_at: int
    model: str
    names: ToolNames = field(default_factory=ToolNames)
    echo: Mapping[str, Any] = field(default_factory=dict)
    summary: bool = False
    quirks: Quirks = DEFAULT
    compaction: bool = False
    input_estimate: int = 0
    renamed: bool = False
    metadata: Any = None


class ResponsesStream:
    """One answer. `response` is its newest form; after `ended` it is the terminal one. `completed_at` (Unix seconds) is the
    caller's to set, who has the clock."""

    def __init__(self, answer: Answer) -> None:
        self.usage: Usage | None = None
        self.records: list[Mapping[str, Any]] = []
        self.finish: str | None = None
        self.error: StreamError | None = None
        self.ended = False
        self.completed_at: int | None = None
        self.notes: list[str] = []
        self.status = "in_progress"
        self._answer = answer
        self._model = answer.model
        self._sequence = 0
        self._count = 0
        self._open: list[Output] = []
        self._items: list[Item] = []
        self._text: TextOutput | None = None
        self._thoughts: ReasoningOutput | None = None
        self._calls = CallTable(answer.names.tools)
        self._by_call: dict[int, CallOutput] = {}
        self._call_ids: set[str] = set()
        self._opaque: dict[str, Any] = {}
        self._blank = ""
        self._channels = BareChannels() if answer.quirks.bare_channels else None
        self._tags = ThoughtTags()
        self._end_marks = EndMarks()
        self._leaked = LeakedCalls(answer.names if answer.quirks.leaked_calls else ToolNames())
        self._thought_name = USUAL_NAME
        self._said: list[str] = []
        self._length = 0
        self._metadata: Any = None

    @property
    def response(self) -> dict[str, Any]:
        """The Response object as it stands."""
        answer = self._answer
        reason = {"reason": self._meaning(self.finish)} if self.status == "incomplete" and self.finish else None
        usage = (self.effective_usage or self._estimate()) if self.ended else None
        return {
            "id": answer.id,
            "object": "response",
            "created_at": answer.created_at,
            "completed_at": self.completed_at if self.status == "completed" else None,
            "status": self.status,
            "error": self.error.to_json() if self.error else None,
            "incomplete_details": reason,
            "model": self._model,
            "output": list(self._items),
            **answer.echo,
            "usage": usage.to_responses() if usage else None,
            "metadata": metadata_with(answer.metadata, self._final_metadata() if self.ended else {}),
        }

    @property
    def effective_usage(self) -> Usage | None:
        """The protocol's usage, else the billing records'."""
        told = self.usage if self.usage and (self.usage.tokens.input or self.usage.tokens.output) else None
        return told or billed_usage(self.records) or self.usage

    def _estimate(self) -> Usage | None:
        """What stands in for counts that the upstream did not tell."""
        if not self._answer.input_estimate or self.status == "failed":
            return None
        return Usage(TokenCounts(self._answer.input_estimate, 0, -(-self._length // CHARACTERS_PER_TOKEN)))

    def start(self) -> list[Event]:
        response = self.response
        return self._stamp(
            [{"type": "response.created", "response": response}, {"type": "response.in_progress", "response": response}]
        )

    def keep_alive(self) -> list[Event]:
        """An event for a silent stretch. Codex's idle timer counts events, not comments (0.169.0, observed)."""
        if self.ended:
            return []
        return self._stamp([{"type": "response.in_progress", "response": self.response}])

    def feed(self, chunk: Any, read: ReadChunk | None = None) -> list[Event]:
        """The events for one chunk; none after the terminal event. `read`: what `read_chunk` says of it, where somebody asked."""
        if (text := plain_text(chunk)) is not None:
            return [] if self.ended else self._take_plain(chunk, text)
        if chunk == DONE and not self.ended:
            self._take_done()
        if self.ended or not isinstance(chunk, Mapping):
            return []
        read = read or read_chunk(chunk, self._answer.quirks)
        if read.error:
            return self.fail(read.error)
        if read.usage:
            self.usage = merge_usage(self.usage, read.usage)
        if read.records:
            self.records = merge_records(self.records, read.records)
        self._take_model(chunk)
        if read.intermediate:
            self._note("output of orchestrated sub-tasks was left out; only the final answer is passed on")
            return []
        return self._stamp(self._take(read.delta)) if read.delta else []

    def end(self, metadata: Any = None) -> list[Event]:
        """The terminal event. Without a finish reason the answer is cut, whatever came before: `response.failed`."""
        if self.ended:
            return []
        if self.finish is None:
            return self.fail(CUT)
        said = self._meaning(self.finish)
        if said == "failed":
            return self.fail(finish.failure(self.finish))
        self._metadata = metadata
        if self._answer.compaction and not "".join(self._said).strip():
            return self.fail(NO_SUMMARY)
        events = self._end_of_text()
        events += self._flush_blank() if not self._calls.calls else []
        for call in self._calls.calls:
            if id(call) not in self._by_call:
                events += self._take_call(call, at_end=True)
        if (finish.calls_tools(self.finish) or self._calls.calls) and not self._says_anything():
            return self.fail(NO_CALL)
        events += self._carry_opaque()
        self.status = "completed" if said == "completed" else "incomplete"
        if self.effective_usage is None and self._answer.input_estimate:
            self._note("usage estimated: the upstream reported none")
        events += self._close_all(self.status)
        return self._stamp([*events, self._terminal()])

    def fail(self, error: StreamError) -> list[Event]:
        """`response.failed`. Items that are still open stay so: what is not done, a client does not keep."""
        if self.ended:
            return []
        self.error, self.status = error, "failed"
        return self._stamp([self._terminal()])

    def _take_done(self) -> None:
        """`[DONE]` ends a whole answer also where no finish reason came; half a call is none."""
        calls = self._calls.calls
        begun = self._items or self._open or calls or any(map(str.strip, self._said))
        if self.finish is None and begun and all(call.settled for call in calls):
            self.finish = "tool_calls" if calls else "stop"
            self._note("[DONE] came without a finish reason and was taken as the end")

    def _terminal(self) -> Event:
        self.ended = True
        return {"type": f"response.{self.status}", "response": self.response}

    def _meaning(self, reason: str) -> finish.Meaning:
        return finish.meaning(reason, self._answer.quirks.finish_words)

    def _final_metadata(self) -> Any:
        """The upstream's records: one as the object it is, several as an array; else what the caller gave."""
        if not self.records:
            return self._metadata or {}
        return dict(self.records[0]) if len(self.records) == 1 else [dict(record) for record in self.records]

    def _take_model(self, chunk: Mapping[str, Any]) -> None:
        if isinstance(chunk.get("model"), str) and chunk["model"] and not self._answer.renamed:
            self._model = chunk["model"]

    def _take_plain(self, chunk: Any, text: str) -> list[Event]:
        if type(chunk) is not PlainChunk:
            self._take_model(chunk)
        self._length += len(text)
        return self._stamp(self._take_said(text)) if text else []

    def _take_said(self, text: str) -> list[Event]:
        self._said.append(text)
        text = self._channels.feed(text) if self._channels else text
        return self._take_pieces(self._tags.feed(text) if self._answer.quirks.thought_tags else [("text", text)])

    def _take(self, delta: Delta) -> list[Event]:
        events: list[Event] = []
        self._length += len(delta.text) + len(delta.reasoning) + sum(len(piece.arguments) for piece in delta.calls)
        self._opaque.update(_joined(self._opaque, delta.opaque))
        if delta.whole and self._said:
            delta = self._fresh(delta)
        if self._answer.compaction:  # one item is the whole answer
            delta = replace(delta, reasoning="", calls=(), opaque={})
        if delta.reasoning:
            self._tags.lone, self._thought_name = False, delta.reasoning_name
            events += self._take_reasoning(delta.reasoning)
        if delta.text:
            events += self._take_said(delta.text)
        summary = self.finish is not None or (delta.whole and bool(self._calls.calls))
        for call in self._calls.place_all(delta.calls, finished=summary):
            events += self._take_call(call)
        if delta.finish:
            self.finish = delta.finish
            if not finish.is_known(delta.finish, self._answer.quirks.finish_words):
                self._note(f"unknown finish reason {delta.finish[:40]!r} was taken as stop")
        return events

    def _fresh(self, delta: Delta) -> Delta:
        """What a whole message adds to what was said: nothing where it is said once more at the end, the rest where each message has
        all so far."""
        said = "".join(self._said)
        if delta.text.strip() == said.strip():
            return replace(delta, text="", reasoning="")
        return replace(delta, text=delta.text.removeprefix(said))

    def _take_pieces(self, pieces: list[Piece]) -> list[Event]:
        """Text, separated from thoughts in tags and from leaked calls."""
        events: list[Event] = []
        for kind, words in pieces:
            if self._answer.compaction and kind == "thought":
                continue
            if kind == "text":
                if said := self._leaked.feed(self._end_marks.feed(words)):
                    events += self._take_text(said)
                continue
            self._thought_name = IN_TEXT
            events += self._take_reasoning(words) if kind == "thought" else self._take_back(words)
        return events

    def _take_back(self, more: str) -> list[Event]:
        """What was said so far was a thought: it moves into a reasoning item before its message."""
        self._note("the text before a closing tag of thoughts was taken as reasoning")
        if self._answer.compaction:
            self._blank = ""
            if self._text:
                self._text.take_back()
            return []
        words, self._blank = self._blank + (self._text.take_back() if self._text else "") + more, ""
        if self._text is None:
            return self._take_reasoning(words) if words else []
        thought = ReasoningOutput(*self._next("rs"), summary=self._answer.summary)
        thought.carried = Carried(name=IN_TEXT)
        events = [*thought.open(), *thought.add(words), *thought.close("completed")]
        self._items.append(thought.item)
        return events

    def _end_of_text(self) -> list[Event]:
        """What was held back of the text, as the text or the calls that it turned out to be."""
        held = self._tags.feed(self._channels.end()) if self._channels else []
        events = self._take_pieces([*held, *self._tags.end()])
        if said := self._leaked.feed(self._end_marks.end()):
            events += self._take_text(said)
        rest, calls = self._leaked.end(proper=bool(self._by_call))
        if rest:
            events += self._take_text(rest)
        if self._thoughts is not None and not (calls or self._calls.calls or self._text or self._answer.compaction):
            calls = calls_at_the_end(self._thoughts.text, self._answer.names) if self._leaked.reads else []
        pieces = [CallPiece(None, None, name, arguments) for name, arguments in calls]
        for call in self._calls.place_all(pieces):
            self._note("a tool call in the text was taken as a call")
            events += self._take_call(call, at_end=True)
        return events

    def _take_reasoning(self, text: str) -> list[Event]:
        events: list[Event] = []
        if self._thoughts is None:
            if not self._by_call:
                events += self._close_all("completed")
            self._thoughts = ReasoningOutput(*self._next("rs"), summary=self._answer.summary)
            self._thoughts.carried = Carried(name=self._thought_name)
            events += self._begin(self._thoughts)
        return events + self._thoughts.add(text)

    def _take_text(self, text: str) -> list[Event]:
        if self._text is None:
            text, self._blank = self._blank + text, ""
            if not text.strip():  # a line break before a tool call is no message
                self._blank = text
                return []
            return self._begin_text(text)
        return self._text.add(text)

    def _begin_text(self, text: str) -> list[Event]:
        events = [] if self._by_call else self._close_all("completed")
        compaction = self._answer.compaction
        self._text = CompactionOutput(*self._next("cmp")) if compaction else TextOutput(*self._next("msg"))
        return [*events, *self._begin(self._text), *self._text.add(text)]

    def _says_anything(self) -> bool:
        """Whether there is more than thoughts."""
        return any(item["type"] != "reasoning" for item in (*self._items, *(output.item for output in self._open)))

    def _flush_blank(self) -> list[Event]:
        """Blank text of an answer that has nothing else to say is its text."""
        blank, self._blank = self._blank, ""
        return self._begin_text(blank) if blank and not self._items and not self._open else []

    def _take_call(self, call: Call, *, at_end: bool = False) -> list[Event]:
        output = self._by_call.get(id(call))
        if output is not None:
            return output.grow()
        if call.name is None or (not at_end and self._calls.may_grow(call)):
            return []
        events = [] if self._by_call else self._close_all("completed")
        tool = self._answer.names.resolve(call.name)
        prefix = {"function": "fc", "custom": "ctc", "tool_search": "tsc"}[tool.kind]
        index, item_id = self._next(prefix)
        output = CallOutput(index, item_id, self._call_id(call, index), tool, call, self._answer.names.schema(tool))
        self._by_call[id(call)] = output
        return events + self._begin(output)

    def _call_id(self, call: Call, index: int) -> str:
        """The upstream's id; one of our own where it gave none, or gave one twice."""
        wanted = call.id or f"call_{self._answer.id.removeprefix('resp_')}_{index}"
        if wanted in self._call_ids:
            wanted = f"{wanted}_{index}"
        self._call_ids.add(wanted)
        return wanted

    def _carry_opaque(self) -> list[Event]:
        """Opaque fields ride in a reasoning item: the open one, else one of their own at the end."""
        calls = {o.item["call_id"]: o.call.opaque for o in self._by_call.values() if o.call.opaque}
        if not calls and not self._opaque:
            return []
        carried = Carried("", calls, dict(self._opaque), self._thought_name)
        if self._thoughts is not None:
            self._thoughts.carried = carried
            return []
        bearer = ReasoningOutput(*self._next("rs"), summary=self._answer.summary)
        bearer.carried = carried
        return self._begin(bearer)

    def _next(self, prefix: str) -> tuple[int, str]:
        index, self._count = self._count, self._count + 1
        return index, f"{prefix}_{self._answer.id.removeprefix('resp_')}_{index}"

    def _begin(self, output: Output) -> list[Event]:
        self._open.append(output)
        return output.open()

    def _close_all(self, status: str) -> list[Event]:
        events: list[Event] = []
        for position, output in enumerate(self._open):
            last = position == len(self._open) - 1
            closing = output.close(status if last or isinstance(output, CallOutput) else "completed")
            if closing:
                self._items.append(output.item)
            elif isinstance(output, CallOutput):
                self._note("a tool call that was cut off was left out")
            events += closing
        self._open, self._text, self._thoughts = [], None, None
        return events

    def _stamp(self, events: list[Event]) -> list[Event]:
        for event in events:
            event["sequence_number"] = self._sequence
            self._sequence += 1
        return events

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _joined(known: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Lists of opaque blocks come in pieces and are joined; anything else is replaced by its newest form."""
    return {
        name: [*known[name], *value] if isinstance(value, list) and isinstance(known.get(name), list) else value
        for name, value in more.items()
    }
