"""A picture or a packed file in a ticket: said to be none, and no cause read out of what its bytes happen to spell."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import struct
import zlib

import pytest

from joytui.core.redaction import visible
from joytui.doctor.triage import Answer, answer_json, render, triage

SAID = "ERROR: unexpected status 402 Payment Required: Wallet balance is too low, url: http://h/openai/v1/responses"
CHANCE = random.Random(8791)


def picture() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    told = b"Comment\x00stream disconnected, ssl certificate, 401 unauthorized"
    rows = zlib.compress(CHANCE.randbytes(64 * 193))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"tEXt", told) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def plain(text: str, *_: str) -> str:
    return text


FILES = [
    (picture(), "PNG"),
    (gzip.compress(SAID.encode()), "gzip"),
    (bz2.compress(SAID.encode()), "bzip2"),
    (lzma.compress(SAID.encode()), "xz"),
    (b"\x28\xb5\x2f\xfd" + CHANCE.randbytes(90), "zstd"),
    (b"\xff\xd8\xff\xe0" + CHANCE.randbytes(900), "JPEG"),
    (b"SQLite format 3\x00" + bytes(900), "SQLite"),
    (b"%PDF-1.7\n1 0 obj\nstream 401\n", "PDF"),
]


def unread(answer: Answer) -> bool:
    return (answer.kind, answer.candidates, answer.words, answer.sure) == ("no-text", (), (), "not decidable")


@pytest.mark.parametrize(("data", "name"), FILES, ids=[name for _, name in FILES])
def test_it_is_named_and_nothing_is_read_from_it(data: bytes, name: str) -> None:
    answer = triage(data)
    assert unread(answer)
    assert name in answer.notes[0]
    assert answer_json(answer)["cause"] is None
    assert name in answer.reply
    assert "not text" in render(answer, plain).splitlines()[0]


def test_noise_is_no_text_however_it_comes() -> None:
    for _ in range(25):
        noise = CHANCE.randbytes(CHANCE.randint(200, 4000)) + b"\x02 401 \x02ssl\x7f proxy\x01stream \x80"
        noise = b"\x01" + noise  # no mark of a kind by chance
        assert unread(triage(noise))
        pasted = noise.decode("utf-8", "replace")
        assert unread(triage(pasted)), pasted
        assert unread(triage(visible(pasted))) or triage(visible(pasted)).sure != "decided"


def test_words_of_codex_among_noise_count() -> None:
    noise = CHANCE.randbytes(2000).decode("latin-1").replace("\n", " ")
    for text in (f"{SAID}\n\n{noise}", f"{noise}\n\n{SAID}\n"):
        assert [cause.id for cause in triage(text).candidates][:1] == ["insufficient-quota"]


def test_a_text_with_a_few_odd_bytes_is_one() -> None:
    odd = "my codex says 401 unauthorized since today \ufffd\x00\x07 help"
    assert triage(odd).kind == "prose"
    assert triage("\x1b[31m401\x1b[0m unauthorized \x1b[2K").kind == "prose"
    assert triage("401 非授权，无法连接网关 🚫").kind == "prose"
