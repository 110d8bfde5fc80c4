"""Whether a bundle holds a secret: those of this machine, in several spellings, and whatever the scrubber would remove."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from joytui.core.redaction import fingerprint
from joytui.doctor.scrub import Scrubber
from joytui.doctor.triage.clean import decode
from joytui.doctor.triage.no_text import no_text

ENTRY_LIMIT = 50_000_000
PIECE = 200_000


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that should not be there. `what` never shows it; `line` is 1-based, 0 for a file's name."""

    entry: str
    line: int
    what: str


class NotReadable(ValueError):
    """A file that is no bundle and cannot be searched."""


def check(data: bytes, secrets: Iterable[str] = (), home: str = "") -> list[Leak]:
    """The leaks of a zip, or of any text. Raises NotReadable for a damaged zip, and for what cannot be searched."""
    known = [secret for secret in dict.fromkeys(secrets) if len(secret) >= 6]
    leaks: list[Leak] = []
    for name, text in _entries(data):
        leaks += [Leak("(a file's name)", 0, what) for _, what in _found(name, known, "")]
        leaks += [Leak(name, line, what) for line, what in _found(text, known, home)]
    return leaks


def _entries(data: bytes) -> Iterator[tuple[str, str]]:
    if data[:4] not in (b"PK\x03\x04", b"PK\x05\x06"):
        yield "(the file)", _searchable("it", data)
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if archive.comment:
                yield "(the comment)", archive.comment.decode("utf-8", "replace")
            for info in archive.infolist():
                if info.file_size > ENTRY_LIMIT:
                    raise NotReadable(f"an entry of {info.file_size} bytes")
                if info.comment:
                    yield f"{info.filename} (comment)", info.comment.decode("utf-8", "replace")
                yield info.filename, _searchable(info.filename, archive.read(info))
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise NotReadable(f"a damaged zip ({type(error).__name__})") from None


def _searchable(name: str, data: bytes) -> str:
    """The text of an entry. Raises NotReadable for what hides its words: packed files, pictures, a zip within a zip."""
    if found := no_text(data):
        raise NotReadable(f"{name} is {found.what}, which cannot be searched")
    if data[:4] == b"PK\x03\x04":
        raise NotReadable(f"{name} is a zip file itself; check it separately")
    return decode(data)


def _found(text: str, known: list[str], home: str) -> Iterator[tuple[int, str]]:
    for secret in known:
        for spelling, form in _spellings(secret):
            if (at := text.find(form)) >= 0:
                yield text.count("\n", 0, at) + 1, f"a secret of this machine{spelling} ({fingerprint(secret)})"
                break
    scrubber = Scrubber((), home)
    for number, line in enumerate(text.splitlines(), 1):
        before = scrubber.removed.total()
        for start in range(0, len(line), PIECE):
            scrubber.text(line[start : start + PIECE])
        if scrubber.removed.total() > before:
            kinds = ", ".join(sorted(scrubber.removed))
            yield number, f"what looks like a secret ({kinds})"
            scrubber.removed.clear()


def _spellings(secret: str) -> Iterator[tuple[str, str]]:
    """As it is, and as it is in JSON, in an address, in base64 (of itself alone), backwards."""
    yield "", secret
    yield ", as in JSON", json.dumps(secret)[1:-1]
    yield ", as in an address", quote(secret, safe="")
    yield ", in base64", base64.b64encode(secret.encode("utf-8", "replace")).decode().rstrip("=")
    yield ", backwards", secret[::-1]
