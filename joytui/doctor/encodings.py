"""Compressed answers, as Codex 0.171 and later read them: it asks for zstd and gzip, and unpacks what says that it is one of them.

Observed with 0.171.0: `Content-Encoding` counts letter by letter ("GZIP", "x-gzip" and lists are not unpacked), zstd may have several
frames, gzip has one member and what follows it is dropped.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from joytui.codex.world import RequestPlan
from joytui.core.records import Evidence, Finding
from joytui.doctor.exchange import Answer, BodyBroken

HEADER = "accept-encoding"
PLAIN = b"identity"
_PIECE = 64 * 1024
_TEXT = 1024
_ABOUT_IT = re.compile(rb"encod|compress|gzip|zstd|brotli", re.I)
_MAGIC = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")


def unpacking(answer: Answer) -> Answer:
    """The answer with its body unpacked, where its label is one that Codex unpacks."""
    unpack = _UNPACKERS.get(answer.header("content-encoding") or "")
    return replace(answer, _pieces=unpack(answer.pieces())) if unpack else answer


def _gunzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=31)
    began = False
    try:
        for piece in pieces:
            began = began or bool(piece)
            while piece and not unpacker.eof:
                yield unpacker.decompress(piece, _PIECE)
                piece = unpacker.unconsumed_tail
            if unpacker.eof:
                return
    except zlib.error:
        raise BodyBroken("error decoding response body") from None
    if began:  # nothing at all counts as packed
        raise BodyBroken("error decoding response body")


def _unzstd(pieces: Iterator[bytes]) -> Iterator[bytes]:
    import zstandard  # late: few answers are packed

    unpacker = zstandard.ZstdDecompressor().decompressobj()
    ended = True
    try:
        for piece in pieces:
            for rest in _few(piece):
                while rest:
                    yield unpacker.decompress(rest)
                    ended, rest = unpacker.eof, unpacker.unused_data if unpacker.eof else b""
                    if ended:
                        unpacker = zstandard.ZstdDecompressor().decompressobj()
    except zstandard.ZstdError:
        raise BodyBroken("error decoding response body") from None
    if not ended:
        raise BodyBroken("error decoding response body")


def _few(data: bytes, size: int = 256) -> Iterator[bytes]:
    """A few bytes at a time: four of them may become 128 kB, and this unpacker takes no limit."""
    return (data[at : at + size] for at in range(0, len(data), size))


_UNPACKERS: dict[str, Callable[[Iterator[bytes]], Iterator[bytes]]] = {"gzip": _gunzipped, "zstd": _unzstd}


def asks_for_compression(plan: RequestPlan) -> bool:
    """Whether this Codex unpacks answers, and asks for packed ones."""
    return plan.unpacks and any(name.lower() == HEADER and value != PLAIN for name, value in plan.headers)


def may_be_compression(status: int, label: str | None, body: bytes, *, worded: bool) -> bool:
    """Whether a failure can come of compressing: the answer was packed, or the request's wish for it was refused, in such words or
    without any (`worded`: an error of an API, that says what it is about)."""
    packed = (label or "identity") != "identity" or body.startswith(_MAGIC)
    return packed or status == 406 or (status >= 400 and (not worded or _ABOUT_IT.search(body) is not None))


def is_readable(label: str | None, body: bytes, *, broken: bool) -> bool:
    """Whether what Codex made of a packed answer is a text, so that packing spoilt nothing. `broken`: the unpacking failed."""
    if (label or "identity") == "identity" or broken:
        return not broken
    try:
        body[:_TEXT].decode()
    except UnicodeDecodeError as error:
        return error.end == len(body[:_TEXT])  # cut within a letter
    return True


def asked_plainly(plan: RequestPlan) -> RequestPlan:
    """The same request, that wants no packed answer: what `http_headers = {"accept-encoding" = "identity"}` makes of it."""
    kept = [(name, value) for name, value in plan.headers if name.lower() != HEADER]
    return replace(plan, headers=(*kept, (HEADER, PLAIN)))


def broken_encoding(judged: Finding, label: str | None, url: str, *, plain_works: bool) -> Finding:
    """The finding: `plain_works` where the same request without a wish for packed answers was answered well."""
    how = f"packed as {label}" if label else "the request that asks for zstd and gzip"
    told = f"{how}: {judged.summary}"
    evidence = [Evidence(told, url)]
    if plain_works:
        evidence.append(Evidence("the same request without compression gets a complete answer", url))
    details = {**judged.details, "plain_works": plain_works, **({"encoding": label} if label else {})}
    return replace(
        judged, works=False, cause="encoding-broken", evidence=tuple(evidence), details=details, summary=told
    )
