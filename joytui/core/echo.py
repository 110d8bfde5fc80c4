"""A key that was sent, wherever an answer repeats it: whole, in part, split, backwards, or in a usual coding.

An upstream that refuses a key likes to quote it, shortened ("sk-ab***yz"), broken into lines, or encoded. What it quotes is
not the client's to see, and not the ledger's to keep. Signs between letters and digits count for nothing here, so that a
separator in the midst of a key hides nothing; a run of PART characters of it is a part of it, unless it may be a plain word.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Hashable, Iterable, Iterator

PART = 8
"""Letters and digits: this many in a row from a key count as a part of it."""
SHORTEST = 6
"""Bytes: what is shorter is not a key, and would be found everywhere."""
MASK_BYTES = "‹redacted›".encode()
WHOLE_LIMIT = 32 * 1024
"""The most bytes that are looked at for more than the whole key: 32 kB take some 3 ms, odd ones 30."""

_SIGNS = bytes(code for code in range(256) if not chr(code).isascii() or not chr(code).isalnum())
_WORD = re.compile(rb"[a-z]+|[A-Z]?[a-z]+|[A-Z]+")
_BREAK = re.compile(rb"\\(?:u00[01][0-9a-fA-F]|u007[fF]|[bfnrt])")
"""A control character within JSON's text."""
_ESCAPED = re.compile(rb"(?<!\\)\\{1,2}u00(2[dD]|3[0-9]|4[1-9a-fA-F]|5[0-9aA]|5[fF]|6[1-9a-fA-F]|7[0-9aA])")
_LEFT_OUT = re.compile(rb"(?:[*.]|\xe2\x80\xa6|\xe2\x80\xa2){2,}|\xe2\x80\xa6|\\u202[26]")
_BEFORE = re.compile(rb"[A-Za-z0-9_\-+/=]{3,}\Z")
_AFTER = re.compile(rb"[A-Za-z0-9_\-+/=]{3,}")
_END_LENGTH = 100
_ERROR = re.compile(rb'"error"\s*:\s*["{]|"type"\s*:\s*"error"|^event:\s*error', re.M)


class Echo:
    """Finds one key in what came back. Making one takes a while: keep it as long as the key. `keys`: what is looked for, as texts;
    none if the key is too short to be one."""

    __slots__ = ("_key", "_parts", "keys")

    def __init__(self, key: str | bytes) -> None:
        self._key = key.encode("utf-8", "replace") if isinstance(key, str) else key
        self.keys: tuple[str, ...] = (self._key.decode("utf-8", "replace"),) if len(self._key) >= SHORTEST else ()
        self._parts = frozenset(_parts(self._key)) if self.keys else frozenset()

    def __bool__(self) -> bool:
        return bool(self.keys)

    def passing(self, data: bytes) -> bytes:
        """Bytes of an answer on their way: the whole key, and in what tells of an error whatever stands for it."""
        if not self:
            return data
        if b"error" in data and len(data) <= WHOLE_LIMIT and _ERROR.search(data):
            return self.masked(data)
        return data.replace(self._key, MASK_BYTES) if self._key in data else data

    def whole(self, text: str) -> str:
        """A text without the whole key."""
        for key in self.keys:
            text = text.replace(key, MASK_BYTES.decode())
        return text

    def event(self, text: str) -> str:
        """An event's data on its way: as `passing`."""
        if not any(key in text for key in self.keys) and "error" not in text:
            return text
        return self.passing(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def trail(self) -> Trail | None:
        """What finds the whole key in the texts of a stream, where it comes in pieces; None without a key."""
        return Trail(*self.keys) if self.keys else None

    def text(self, text: str) -> str:
        """A text of at most a few kB without the key in any form."""
        data = text.encode("utf-8", "surrogatepass")
        masked = self.masked(data)
        return text if masked is data else masked.decode("utf-8", "replace")

    def masked(self, data: bytes) -> bytes:
        """The same for bytes; `data` itself where nothing of the key is in it."""
        if not self:
            return data
        if self._key in data:
            data = data.replace(self._key, MASK_BYTES)
        if b"\\u00" in data:
            plain = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), data)
            data = plain if self._has_part(plain) and not self._has_part(data) else data
        shadow = _BREAK.sub(lambda found: b" " * len(found[0]), data) if b"\\" in data else data
        if self._has_part(shadow):
            data = _without(data, self._runs(shadow))
        return _without(data, self._shortened(data)) if _LEFT_OUT.search(data) else data

    def _has_part(self, data: bytes) -> bool:
        bare, parts = data.translate(None, _SIGNS), self._parts
        return any(bare[at : at + PART] in parts for at in range(len(bare) - PART + 1))

    def _runs(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Where parts of the key begin and end, in order."""
        places = [at for at, code in enumerate(data) if code not in _SIGN_CODES]
        bare = data.translate(None, _SIGNS)
        begin = end = -1
        for at in range(len(bare) - PART + 1):
            if bare[at : at + PART] not in self._parts:
                continue
            if at > end:
                if end >= 0:
                    yield places[begin], places[end - 1] + 1
                begin = at
            end = at + PART
        if end >= 0:
            yield places[begin], places[end - 1] + 1

    def _shortened(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Where "sk-ab***yz" stands: what is before or after the dots begins or ends the key."""
        last = 0
        for found in _LEFT_OUT.finditer(data):
            before = _BEFORE.search(data, max(last, found.start() - _END_LENGTH), found.start())
            after = _AFTER.match(data, found.end(), found.end() + _END_LENGTH)
            if (before and self._begins(before[0])) or (after and self._ends(after[0])):
                last = after.end() if after else found.end()
                yield before.start() if before else found.start(), last

    def _begins(self, before: bytes) -> bool:
        """Whether the key begins there, right away or after other words: "id_sk-ab***"."""
        key = self._key
        return key.startswith(before) or any(before.endswith(key[:length]) for length in range(5, len(before)))

    def _ends(self, after: bytes) -> bool:
        key = self._key
        return key.endswith(after) or any(after.startswith(key[-length:]) for length in range(5, len(after)))


class Echoes(Echo):
    """The same for a key and the other secrets that are sent with it."""

    __slots__ = ("_all",)

    def __init__(self, key: str, more: Iterable[str]) -> None:
        super().__init__(key)
        self._all = [one for one in map(Echo, (key, *more)) if one]
        self.keys = tuple(text for one in self._all for text in one.keys)

    def passing(self, data: bytes) -> bytes:
        for one in self._all:
            data = one.passing(data)
        return data

    def masked(self, data: bytes) -> bytes:
        for one in self._all:
            data = one.masked(data)
        return data


_SIGN_CODES = frozenset(_SIGNS)


def _without(data: bytes, runs: Iterator[tuple[int, int]]) -> bytes:
    pieces, last = [], 0
    for begin, end in runs:
        pieces += [data[last:begin], MASK_BYTES]
        last = end
    return b"".join([*pieces, data[last:]])


def _parts(key: bytes) -> Iterator[bytes]:
    """Every run of PART letters and digits of the key's forms."""
    bare = key.translate(None, _SIGNS)
    for form in (bare, bare[::-1]):
        yield from (part for part in _cut(form) if not _WORD.fullmatch(part))
    for form in _encoded(key):
        yield from _cut(form.translate(None, _SIGNS))


def _encoded(key: bytes) -> Iterator[bytes]:
    """In hex (so also wholly URL-encoded), and in base64, wherever in a longer text it begins."""
    yield key.hex().encode()
    yield key.hex().upper().encode()
    yield "".join(f"{code:02x}" for code in key[::-1]).encode()
    for lead in range(3):
        digits = base64.b64encode(b"\0" * lead + key)
        inner = digits[4 if lead else 0 : len(digits) - (4 if (lead + len(key)) % 3 else 0)]
        yield from (inner, inner[::-1])


def _cut(form: bytes) -> Iterator[bytes]:
    return (form[at : at + PART] for at in range(len(form) - PART + 1))


# --- in pieces --------------------------------------------------------------------------------------------------------

_WITHHELD_FROM = 4
"""Characters of a key that may pass before what follows is waited for: few texts end in as many."""
_MOST_BETWEEN = 8
"""Events of other texts that may come between two pieces of a key."""
_MOST_PLACES = 64
"""Texts of one answer that are followed at once, the newest ones."""
MOST_HELD = 64 * 1024
"""Bytes that are held back for the rest of a key."""


class _Run:
    """How far a key has come in one text; and its pieces that are held back: each one's event, and what it has of the key.
    `last`: the event of the last one."""

    __slots__ = ("_begun_here", "last", "length", "pieces")

    def __init__(self) -> None:
        self.last = 0
        self.length = 0
        self.pieces: list[tuple[int, str]] = []
        self._begun_here = True

    def add(self, at: int, piece: str) -> None:
        self.last = at
        self.length += len(piece)
        self.pieces.append((at, piece))

    def skip(self, many: int) -> None:
        """The key begins this many characters later than it seemed."""
        self.length -= many
        many -= max(0, min(many, self.length + many - sum(len(piece) for _, piece in self.pieces)))
        while many and self.pieces:
            at, piece = self.pieces[0]
            self.pieces[0] = (at, piece[many:])
            many -= min(many, len(piece))
            if not self.pieces[0][1]:
                del self.pieces[0]
            self._begun_here = True

    def let_go(self) -> None:
        self.pieces = []
        self._begun_here = False

    def replacements(self) -> Iterator[tuple[int, bytes, bytes]]:
        """The events, what is in their JSON, and what replaces it."""
        for place, (at, piece) in enumerate(self.pieces):
            begins, ends = place == 0 and self._begun_here, place == len(self.pieces) - 1
            written = re.escape(json.dumps(piece)[1:-1].encode())
            pattern = (b"" if begins else rb'(?:(?<=:")|(?<=: "))') + written + (b"" if ends else rb'(?=")')
            yield at, pattern, b"" if place else MASK_BYTES


class Trail:
    """Follows the texts of one streamed answer, each piece as it comes. While `holding`, a text ends in the midst of a key:
    what told that is to be held back, until the rest has come, or something else. `at`: how many events are held back before the
    one that is followed."""

    __slots__ = ("_begins", "_found", "_open", "at")

    def __init__(self, *keys: str) -> None:
        self.at = 0
        self._begins = {key: tuple(key[:length] for length in range(len(key) - 1, 0, -1)) for key in keys}
        self._open: dict[tuple[str, Hashable], _Run] = {}
        self._found: list[_Run] = []

    @property
    def holding(self) -> bool:
        return any(run.length >= _WITHHELD_FROM and self.at - run.last <= _MOST_BETWEEN for run in self._open.values())

    @property
    def found(self) -> bool:
        """Something of what is held back is to be taken out."""
        return bool(self._found)

    @property
    def quiet(self) -> bool:
        """Nothing is held back, and nothing to be taken out."""
        return not self._open and not self._found

    def follow(self, place: Hashable, text: str) -> None:
        """The next piece of the text that is at this place of the answer."""
        if text:
            for key, begins in self._begins.items():
                self._follow(key, begins, (key, place), text)

    def _follow(self, key: str, begins: tuple[str, ...], place: tuple[str, Hashable], text: str) -> None:
        run = self._open.pop(place, None)
        joined = key[: run.length] + text if run is not None else text
        if run is not None and 0 <= (begin := joined.find(key)) < run.length:
            run.skip(begin)
            run.add(self.at, key[run.length :])
            self._found.append(run)
            run, joined = None, joined[begin + len(key) :]
        if not joined.endswith(begins):
            return
        found = next(begin for begin in begins if joined.endswith(begin))
        if run is not None and len(found) > len(text):
            run.skip(len(joined) - len(found))
            run.add(self.at, text)
        else:
            run = _Run()
            run.add(self.at, found)
        if len(self._open) >= _MOST_PLACES:
            del self._open[next(iter(self._open))]
        self._open[place] = run

    def passed(self) -> None:
        """What was held back is on its way. What was waited for long enough is not waited for again."""
        self._open = {place: run for place, run in self._open.items() if run.length < _WITHHELD_FROM}
        for run in self._open.values():
            run.let_go()

    def masked(self, held: list[bytes]) -> list[bytes]:
        """The events that were held back, on their way without what was found of the key. Where a piece is not found in its
        event, none passes."""
        found, self._found = self._found, []
        self.passed()
        held = list(held)
        for at, pattern, instead in dict.fromkeys(one for run in found for one in run.replacements()):
            held[at], times = re.subn(pattern, instead, held[at])
            if not times:
                return []
        return held
