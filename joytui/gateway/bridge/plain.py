"""Plain chunks: those that add a piece of text to an answer and nothing else, as nearly all of a stream does.

`plain_text` recognises one without checking everything that a chunk can be. `ChunkReader` recognises most of them without parsing:
upstreams write the same around each piece of text, so one that differs from the chunk before it in its text alone is plain.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_DECODER = json.JSONDecoder(strict=False)
"""Not strict: servers that build JSON by hand leave line breaks and tabs in strings as they are."""
_CHUNK = frozenset(
    ("choices", "id", "object", "created", "model", "provider", "system_fingerprint", "service_tier", "obfuscation")
)
"""Members of a chunk that add nothing to the answer, whatever they hold."""
_CHOICE = frozenset(("delta", "index", "finish_reason"))
_EMPTY: tuple[Any, ...] = (None, "", [], {})
MOST_MOULDS = 16
"""Moulds of one stream that served for nothing, after which no other is made."""


@dataclass(frozen=True, slots=True)
class PlainChunk:
    """A chunk that differs from the one before it in its text alone."""

    text: str

    def to_json(self) -> dict[str, Any]:
        """A chunk that says as much."""
        return {"choices": [{"index": 0, "delta": {"content": self.text}}]}


def plain_text(chunk: Any) -> str | None:
    """The text of a plain chunk; None for any other, which is to be read in full. No vendor's quirk changes the reading."""
    if type(chunk) is PlainChunk:
        return chunk.text
    if type(chunk) is not dict:
        return None
    choices = chunk.get("choices")
    if type(choices) is not list or len(choices) != 1 or type(choice := choices[0]) is not dict:
        return None
    delta = choice.get("delta")
    if type(delta) is not dict or type(text := delta.get("content")) is not str:
        return None
    if choice.get("index") not in (None, 0) or choice.get("finish_reason") not in (None, ""):
        return None
    if any(choice[name] is not None for name in choice.keys() - _CHOICE):
        return None
    if any(chunk[name] is not None for name in chunk.keys() - _CHUNK):
        return None
    if any(name not in ("content", "role") and value not in _EMPTY for name, value in delta.items()):
        return None
    return text


class ChunkReader:
    """Parses the chunks of one stream, in their order."""

    __slots__ = ("_head", "_left", "_tail", "_used")

    def __init__(self) -> None:
        self._head = ""  # what is before the text's quotation mark; empty without a mould
        self._tail = ""
        self._used = True
        self._left = MOST_MOULDS

    def read(self, data: str) -> Any:
        """A `PlainChunk`, else the parsed JSON. Raises ValueError, RecursionError."""
        if self._head and data.startswith(self._head):
            try:
                text, end = _DECODER.raw_decode(data, len(self._head))
            except ValueError:
                text, end = None, 0
            if type(text) is str and data[end:] == self._tail:
                self._used = True
                return PlainChunk(text)
        chunk = _DECODER.decode(data)
        self._head = ""
        if self._left and (text := plain_text(chunk)):
            self._make_mould(data, chunk, text)
        return chunk

    def _make_mould(self, data: str, chunk: Any, text: str) -> None:
        """Keeps what is around the text, if another text there gives the same chunk with that text."""
        self._left -= not self._used
        self._used = False
        for written in {json.dumps(text), json.dumps(text, ensure_ascii=False)}:
            head, found, tail = data.partition(written)
            if not found:
                continue
            try:
                other = json.loads(f'{head}"other"{tail}')
            except ValueError:  # it was no string that stood there
                continue
            if plain_text(other) == "other":
                other["choices"][0]["delta"]["content"] = text
                if other == chunk:
                    self._head, self._tail = head, tail
