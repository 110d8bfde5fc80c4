"""Usage of Chat streams that are passed through: asked for always, and taken out again for a client that did not ask.

Without `stream_options.include_usage` an upstream does not report what a stream cost (OpenAI's API reference, "Create chat
completion"), and most clients leave it away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import pairwise, zip_longest

from joytui.core.sse import MAX_EVENT_BYTES, SseSplitter
from joytui.gateway.bridge.encode import json_bytes
from joytui.gateway.upstreams.exchange import ModelCall

OPTION = "stream_options"
PART = 4096
"""The most bytes of a part, unless one event is larger: about what a step of 1,024 tokens has, so that no burst of an
upstream passes many steps at once."""
_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r){2}")
_USAGE = re.compile(rb'"usage"\s*:\s*\{')


def with_usage(call: ModelCall) -> bytes | None:
    """The request's bytes with the option set; None if they have it, and where no stream is asked for."""
    if not call.stream or call.endpoint != "chat/completions":
        return None
    options = call.body.get(OPTION)
    if isinstance(options, Mapping) and options.get("include_usage") is True:
        return None
    if OPTION not in call.body and call.raw[:1] == b"{" and call.raw[-1:] == b"}":
        return call.raw[:-1] + b',"stream_options":{"include_usage":true}}'
    return json_bytes({**call.body, OPTION: {**(options or {}), "include_usage": True}})


class Parts:
    """An event stream's bytes in parts that end where an event does: what `feed` gives can be read and passed on by itself.

    `single`: each event is a part, else as many as PART has room for. What no event ends comes out with `end`, or once it is
    larger than an event can be.
    """

    def __init__(self, *, hide_usage: bool = False, single: bool = False) -> None:
        self._hide = hide_usage
        self._most = 0 if single else PART
        self._rest = bytearray()
        self._searched = 0

    def feed(self, piece: bytes) -> list[bytes]:
        if not self._rest and len(piece) <= self._most and piece.endswith((b"\n\n", b"\r\n\r\n")):
            return [piece]
        self._rest += piece
        ends = _ends(self._rest, max(0, self._searched - 3))
        if len(self._rest) - (ends[-1] if ends else 0) > MAX_EVENT_BYTES:
            ends.append(len(self._rest))
        cuts = [0]
        for end, after in zip_longest(ends, ends[1:]):
            if after is None or after - cuts[-1] > self._most:
                cuts.append(end)
        parts = [bytes(self._rest[begin:end]) for begin, end in pairwise(cuts)]
        del self._rest[: cuts[-1]]
        self._searched = len(self._rest)
        return parts

    def end(self) -> bytes:
        """What is left."""
        rest, self._rest = bytes(self._rest), bytearray()
        return rest

    def shown(self, part: bytes) -> bytes:
        """A part as the client gets it: where usage is hidden, without the chunks that only tell it."""
        if not self._hide or b'"usage"' not in part or not _USAGE.search(part):
            return part
        ends = [0, *_ends(part, 0), len(part)]
        events = [part[begin:end] for begin, end in pairwise(ends)]
        return b"".join(event for event in events if not _only_usage(event))


def _ends(data: bytes | bytearray, start: int) -> list[int]:
    """Where blank lines end. Most streams have one kind of line end, and that is found ten times as fast."""
    if b"\r" in data:
        return [match.end() for match in _BLANK_LINE.finditer(data, start)]
    ends = []
    while (start := data.find(b"\n\n", start) + 2) > 1:
        ends.append(start)
    return ends


def _only_usage(event: bytes) -> bool:
    """A chunk that is there for the usage alone: without choices, an error, JoyToken's record."""
    splitter = SseSplitter()
    found = [*splitter.feed(event), *splitter.end()]
    try:
        value = json.loads(found[0].data) if len(found) == 1 else None
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, Mapping) or not isinstance(value.get("usage"), Mapping):
        return False
    return not any(value.get(name) for name in ("choices", "error", "metadata"))
