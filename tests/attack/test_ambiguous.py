"""What goes to the upstream is what was judged: a body that two readers could read in two ways goes nowhere."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.bridge.chat_upstream import ChatUpstream, Scripted, Seen
from tests.gateway.served import served
from tests.upstreams.calling import ANSWER

MESSAGES = '"messages":[{"role":"user","content":"hi"}]'
AMBIGUOUS = [
    f'{{"model":"m1","model":"m2",{MESSAGES}}}',
    f'{{"model":"m1","mod\\u0065l":"m2",{MESSAGES}}}',
    f'{{"model":"m2","Model":"m1",{MESSAGES}}}',
    f'{{"model":"m2","MAX_TOKENS":90000,{MESSAGES}}}',
    f'{{"model":"m2","max_tokens":1,"max_tokens":90000,{MESSAGES}}}',
    f'{{"model":"m2","max_completion_tokens":1,"Max_Completion_Tokens":90000,{MESSAGES}}}',
    f'{{"model":"m2","max_to\u212aens":90000,{MESSAGES}}}',
    f'{{"model":"m2","maxTokens":90000,{MESSAGES}}}',
    f'{{"model":"m2","N":100,{MESSAGES}}}',
    f'{{"model":"m2","n":1,"n":100,{MESSAGES}}}',
    f'{{"model":"m2","stream":false,"\u017ftream":true,{MESSAGES}}}',
    f'{{"model":"m2",{MESSAGES},{MESSAGES}}}',
]


def answer(seen: Seen) -> Scripted:
    said: Any = {"data": [{"id": "m1"}, {"id": "m2"}]} if seen.method == "GET" else ANSWER
    return Scripted(200, {"content-type": "application/json"}, [json.dumps(said).encode()])


async def test_no_second_reading_passes(tmp_path: Path) -> None:
    async with ChatUpstream(answer) as upstream, served(tmp_path, upstream=upstream.url) as here:
        key = await here.key(fixed_model="m2")
        for body in AMBIGUOUS:
            refused = await here.post("chat/completions", key, body.encode())
            assert (refused.status_code, refused.json()["error"]["type"]) == (400, "invalid_request_error"), body
        assert upstream.turns == []
        assert {row["status"] for row in await here.logs()} == {400}


async def test_what_is_not_judged_may_be_named_as_one_likes(tmp_path: Path) -> None:
    """Members within, and names that nothing hangs on, are the upstream's business: they arrive byte for byte."""
    body = f'{{"model":"m2", "Seed":1,"metadata":{{"model":"a","Model":"b"}},{MESSAGES}}}'.encode()
    async with ChatUpstream(answer) as upstream, served(tmp_path, upstream=upstream.url) as here:
        assert (await here.post("chat/completions", await here.key(), body)).status_code == 200
        assert upstream.turns[0].raw == body


@pytest.mark.parametrize("rest", [b"junk", b"\0", b"\x1f\x8b", b"\x1f\x8b\x08\0\0\0\0\0\2"])
async def test_nothing_hides_behind_a_packed_body(tmp_path: Path, rest: bytes) -> None:
    body = f'{{"model":"m2",{MESSAGES}}}'.encode()
    async with ChatUpstream(answer) as upstream, served(tmp_path, upstream=upstream.url) as here:
        key = await here.key()
        for name, packed in (("gzip", gzip.compress(body)), ("deflate", zlib.compress(body))):
            refused = await here.post("chat/completions", key, packed + rest, content_encoding=name)
            assert refused.status_code == 400, name
        assert upstream.turns == []


async def test_a_gzip_body_may_have_members(tmp_path: Path) -> None:
    body = f'{{"model":"m2",{MESSAGES}}}'.encode()
    packed = gzip.compress(body[:20]) + gzip.compress(b"") + gzip.compress(body[20:])
    async with ChatUpstream(answer) as upstream, served(tmp_path, upstream=upstream.url) as here:
        key = await here.key()
        assert (await here.post("chat/completions", key, packed, content_encoding="gzip")).status_code == 200
        assert upstream.turns[0].raw == body
        endless = gzip.compress(b" ") * 100_000
        assert (await here.post("chat/completions", key, endless, content_encoding="gzip")).status_code == 400
