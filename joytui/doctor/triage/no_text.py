"""What a ticket holds that is not text: a picture, a packed file, a database. Words that its bytes happen to spell mean nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

from joytui.causes.questions import DOCTOR

LOOKED_AT = 20_000
NOISY = 0.1
"""A share of characters that no terminal shows; a cut or badly decoded paste has a few in a hundred."""
_WORDS = f"the words themselves, copied from the terminal, or {DOCTOR}"
_UNPACKED = f"it unpacked, or {DOCTOR}"
_ALLOWED = frozenset("\0\x07\x08\x1b")
_PHRASE = re.compile(r"(?:[A-Za-z]{2,}[ :,.]{1,2}){2}[A-Za-z\d]{2,}")


@dataclass(frozen=True, slots=True)
class NoText:
    """`what` it is, with its article, and what to `ask` for instead."""

    what: str
    ask: str


NOISE = NoText("bytes of another kind", _WORDS)
_BEGINNINGS = (
    (b"\x89PNG\r\n", NoText("a picture (PNG)", _WORDS)),
    (b"\xff\xd8\xff", NoText("a picture (JPEG)", _WORDS)),
    (b"GIF87a", NoText("a picture (GIF)", _WORDS)),
    (b"GIF89a", NoText("a picture (GIF)", _WORDS)),
    (b"%PDF-", NoText("a PDF", _WORDS)),
    (b"\x1f\x8b", NoText("a packed file (gzip)", _UNPACKED)),
    (b"\x28\xb5\x2f\xfd", NoText("a packed file (zstd)", _UNPACKED)),
    (b"\xfd7zXZ\x00", NoText("a packed file (xz)", _UNPACKED)),
    (b"BZh91AY&SY", NoText("a packed file (bzip2)", _UNPACKED)),
    (b"7z\xbc\xaf", NoText("a packed file (7z)", _UNPACKED)),
    (b"SQLite format 3\x00", NoText("a database (SQLite)", "the rollout file of that session, or " + DOCTOR)),
    (b"\x7fELF", NoText("a program", _WORDS)),
)


def no_text(data: str | bytes) -> NoText | None:
    """What these bytes are by the way they begin; None for a text, and for what cannot be told so."""
    if isinstance(data, str):
        return None
    return next((what for start, what in _BEGINNINGS if data.startswith(start)), None)


def is_noise(text: str) -> bool:
    """Whether much of a decoded text is what nobody typed and no terminal showed, and nothing in it reads like a phrase."""
    looked = text[:LOOKED_AT]
    return sum(map(_is_odd, looked)) > len(looked) * NOISY and not _PHRASE.search(text)


def _is_odd(char: str) -> bool:
    """A control character or a replaced byte. Zeros are between the letters of UTF-16, of which Codex shows excerpts."""
    return char == "\ufffd" or not (char.isprintable() or char.isspace() or char in _ALLOWED)
