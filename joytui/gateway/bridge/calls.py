"""Which call a piece belongs to. Vendors stream calls in every way there is: interleaved by index, without an index,
index 0 for all, the id in the first piece only or in each, no ids at all, whole calls at once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from joytui.gateway.bridge.chunks import CallPiece
from joytui.gateway.bridge.tools import FREEFORM_PARAMETER


@dataclass(slots=True)
class Call:
    """One tool call as it grows. `fresh` is what has come and has not been sent on yet."""

    index: int | None
    id: str | None
    name: str | None = None
    arguments: str = ""
    opaque: dict[str, Any] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        return is_json(self.arguments)


class CallTable:
    """The calls of one answer, in the order in which they began."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def place(self, piece: CallPiece) -> Call:
        """The call that this piece continues or begins, with the piece added."""
        call = self._find(piece)
        if call is None:
            call = Call(piece.index, piece.id)
            self.calls.append(call)
        call.id = call.id or piece.id
        call.name = call.name or piece.name
        call.arguments += piece.arguments
        call.opaque.update(piece.opaque)
        return call

    def _find(self, piece: CallPiece) -> Call | None:
        if piece.id is not None:
            return self._by_id(piece)
        same = [c for c in self.calls if c.index == piece.index] if piece.index is not None else self.calls
        if not same:
            return None
        last = same[-1]
        return None if _begins_anew(last, piece) else last

    def _by_id(self, piece: CallPiece) -> Call | None:
        for call in reversed(self.calls):
            if call.id == piece.id and (piece.index is None or call.index is None or call.index == piece.index):
                # an upstream that gives every call the same id still begins each with a name
                return None if _begins_anew(call, piece) else call
        nameless = [c for c in self.calls if c.id is None and c.index == piece.index]
        if nameless and (nameless[-1].name is None or piece.name is None):
            return nameless[-1]
        if piece.name is None and piece.index is not None:  # a new id in every piece of one call
            return next((c for c in reversed(self.calls) if c.index == piece.index), None)
        return None


def _begins_anew(call: Call, piece: CallPiece) -> bool:
    """A piece with a name begins a new call, unless it only repeats the name of a call that is still growing."""
    if piece.name is None or call.name is None:
        return False
    if piece.name != call.name:
        return True
    return call.whole and bool(piece.arguments)


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def unwrap_freeform(arguments: str) -> str:
    """The text of a freeform call. Models that forget the wrapping, or rename its parameter, are understood."""
    try:
        data = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    if isinstance(data, str):
        return data
    if isinstance(data, dict):
        value = data.get(FREEFORM_PARAMETER)
        if isinstance(value, str):
            return value
        texts = [v for v in data.values() if isinstance(v, str)]
        if len(data) == 1 and texts:
            return texts[0]
    return arguments
