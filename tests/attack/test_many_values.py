"""Bodies that are small on the way and huge in memory, or slow to read: one key cannot stop the gateway for the others."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest

from tests.gateway.served import SAY_HI, served

HEAD = b'{"model":"auto","messages":[{"role":"user","content":"hi"}],"metadata":'


@pytest.mark.parametrize("value", [b"[]", b"{}", b'{"a":1}'])
@pytest.mark.parametrize("packed", [True, False])
async def test_a_body_of_many_values_is_refused_before_it_is_read(tmp_path: Path, value: bytes, packed: bool) -> None:
    """20 MB of `[]` are 400 MB in memory, and 20 kB on the way: six of 50 MB took 6.6 GB."""
    body = HEAD + b"[" + (value + b",") * (20_000_000 // (len(value) + 1)) + value + b"]}"
    sent, how = (gzip.compress(body, 1), {"content_encoding": "gzip"}) if packed else (body, {})
    async with served(tmp_path) as here:
        key = await here.key()
        refused = await here.post("chat/completions", key, sent, **how)
        assert refused.status_code == 400
        assert "too many lists" in refused.json()["error"]["message"]
        assert here.gateway.bodies.taken == 0
        assert (await here.chat(key)).status_code == 200


async def test_many_values_at_once_share_the_room(tmp_path: Path) -> None:
    """Each fits alone. What has no room is told to come again, and all of the room is free afterwards."""
    body = HEAD + b"[" + b"[]," * 300_000 + b"[]]}"
    async with served(tmp_path) as here:
        key = await here.key()
        answers = await asyncio.gather(*(here.post("chat/completions", key, body) for _ in range(8)))
        assert {answer.status_code for answer in answers} <= {200, 503}
        assert 200 in {answer.status_code for answer in answers}
        assert here.gateway.bodies.taken == 0


async def test_text_is_no_value(tmp_path: Path) -> None:
    """What a session of hours sends: code, with its commas and brackets, in quotes."""
    code = "if a[0] == {'b': [1, 2]}: print('\\\"', end='\\\\')\\n" * 100_000
    body = b'{"model":"auto","messages":[{"role":"user","content":"' + code.encode() + b'"}]}'
    async with served(tmp_path, max_bodies_bytes=8 * 2**20) as here:
        assert (await here.post("chat/completions", await here.key(), body)).status_code == 200


async def test_a_member_that_is_there_twice_is_found_at_once(tmp_path: Path) -> None:
    """It took a second for 16,000 members, and four times as long for twice as many, with the gateway standing still."""
    members = b",".join(b'"a%d":1' % number for number in range(400_000))
    body = HEAD + b"{}," + members + b',"a399999":2}'
    async with served(tmp_path) as here:
        refused = await here.post("chat/completions", await here.key(), body)
        assert (refused.status_code, "a399999" in refused.text) == (400, True)
        assert (await here.chat(await here.key(), SAY_HI)).status_code == 200
