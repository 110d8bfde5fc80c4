"""Which call a piece belongs to. Vendors stream calls in every way there is: interleaved by index, without an index,
index 0 for all, the id in the first piece only or in each, no ids at all, whole calls at once, a name in pieces, and a
finished call once more at the end.

A call that was sent again must not run twice, and twins that are meant twice must stay two. Equal name and arguments alone
tell nothing; what does: the same id is the same call, another id is another call. Without an id (a vendor that gave the first one
an id gives one to each new call) the same index is the same call, another index another one. Where there is neither, calls
are whole pieces, and each counts, until the finish reason: what comes after it, or as a whole message, is a summary (whatever ids it
has, for the same index). Two entries of one chunk are two
calls, unless they share their id.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from joytui.gateway.bridge.arguments import is_json, mended, value_of
from joytui.gateway.bridge.chunks import CallPiece


@dataclass(slots=True)
class Call:
    """One tool call as it grows. `last`: the newest piece of its arguments."""

    index: int | None
    id: str | None
    name: str | None = None
    arguments: str = ""
    last: str = ""
    opaque: dict[str, Any] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        return is_json(self.arguments)

    @property
    def settled(self) -> bool:
        """Nothing is missing: no arguments at all, or whole ones."""
        return not self.arguments.strip() or is_json(mended(self.arguments, self.last))


class CallTable:
    """The calls of one answer, in the order in which they began. `offered`: the flat names of the request's tools."""

    def __init__(self, offered: Collection[str] = ()) -> None:
        self.calls: list[Call] = []
        self._offered = offered

    def place_all(self, pieces: Sequence[CallPiece], *, finished: bool = False) -> list[Call]:
        """The calls that the pieces of one chunk continue or begin, with the pieces added. `finished`: what comes now
        is a summary."""
        known = len(self.calls)
        found = [self._place(piece, known, finished) for piece in pieces]
        return [call for call in found if call is not None]

    def place(self, piece: CallPiece) -> Call | None:
        """The same for one piece."""
        return next(iter(self.place_all((piece,))), None)

    def _place(self, piece: CallPiece, known: int, finished: bool) -> Call | None:
        if not (piece.id or piece.name or piece.arguments or piece.opaque):
            return None
        if (again := self._sent_before(piece, known, finished)) is not None:
            again.opaque.update(piece.opaque)
            return again
        call = self._find(piece)
        if call is None:
            call = Call(piece.index, piece.id)
            self.calls.append(call)
        call.id = call.id or piece.id
        call.name = self._name(call, piece)
        if piece.arguments:
            restart = call.arguments.strip() == "{}" and piece.arguments.lstrip()[:1] == "{"
            call.arguments = piece.arguments if restart else call.arguments + piece.arguments
            call.last = piece.arguments
        call.opaque.update(piece.opaque)
        return call

    def _sent_before(self, piece: CallPiece, known: int, finished: bool) -> Call | None:
        """The finished call that this piece only repeats. `known`: how many calls there were before this chunk."""
        if not piece.arguments.strip():
            return None
        told = value_of(piece.arguments)
        if not isinstance(told, dict):
            return None
        for position, call in enumerate(self.calls):
            if piece.name not in (None, call.name) or value_of(call.arguments) != told:
                continue
            if piece.id is not None and call.id is not None:
                same = piece.id == call.id or (finished and piece.index is not None and piece.index == call.index)
            elif position >= known:
                same = False
            elif piece.index is not None and call.index is not None:
                same = piece.index == call.index
            else:
                same = finished or call.id is not None or piece.name is None
            if same:
                return call
        return None

    def _name(self, call: Call, piece: CallPiece) -> str | None:
        if call.name is None or piece.name is None or piece.name == call.name:
            return call.name or piece.name
        return (
            piece.name if piece.name.startswith(call.name) and piece.name in self._offered else call.name + piece.name
        )

    def _find(self, piece: CallPiece) -> Call | None:
        if piece.id is not None:
            return self._by_id(piece)
        same = [c for c in self.calls if c.index == piece.index] if piece.index is not None else self.calls
        if not same:  # what names no call goes on with the last one, whatever index it has
            growing = self.calls and piece.name is None and not self.calls[-1].whole
            return self.calls[-1] if growing else None
        last = same[-1]
        return None if self._begins_anew(last, piece) else last

    def _by_id(self, piece: CallPiece) -> Call | None:
        for call in reversed(self.calls):
            if call.id == piece.id and (piece.index is None or call.index is None or call.index == piece.index):
                # an upstream that gives every call the same id still begins each with a name
                return None if self._begins_anew(call, piece) else call
        nameless = [c for c in self.calls if c.id is None and c.index == piece.index]
        if nameless and (nameless[-1].name is None or piece.name is None):
            return nameless[-1]
        if piece.name is None and (known := next((c for c in self.calls if c.id == piece.id), None)) is not None:
            return known  # its index grows with each piece
        if piece.name is None and piece.index is not None:  # a new id in every piece of one call
            return next((c for c in reversed(self.calls) if c.index == piece.index), None)
        return None

    def _begins_anew(self, call: Call, piece: CallPiece) -> bool:
        """A piece with a name begins a new call, unless it repeats or continues the name of a call that is still growing."""
        if piece.name is None or call.name is None:
            return False
        if piece.name != call.name:
            return bool(call.arguments) or not self._continues(call.name, piece.name)
        empty = call.arguments.strip() == "{}" and piece.id is not None and piece.id == call.id
        return call.whole and bool(piece.arguments) and not empty

    def _continues(self, name: str, more: str) -> bool:
        """Whether a name in pieces goes on: no tool has the first piece alone, and one begins with both."""
        if more.startswith(name) and more in self._offered:
            return True
        return any(offered.startswith(name + more) for offered in self._offered)

    def may_grow(self, call: Call) -> bool:
        """Whether the name so far may be the first part of another one, so that it must not be announced yet."""
        name = call.name or ""
        return not call.arguments and any(o != name and o.startswith(name) for o in self._offered)
