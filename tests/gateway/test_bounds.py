"""The security table's row "memory and disk", and what else has a bound: endless events, clients that do not read, floods
with one key, bombs, the modes of files whatever the umask."""

from __future__ import annotations

import asyncio
import gzip
import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joytui.core.sse import MAX_EVENT_BYTES
from joytui.gateway import json_members, model_api, request_body
from joytui.gateway.bridge.encode import json_bytes, object_bytes
from joytui.gateway.refusals import Refused
from joytui.gateway.request_body import SMALL, BodyRoom, Share, read_body, read_size, too_large, written_again
from joytui.gateway.upstreams.factory import make_upstream
from tests.bridge.chat_upstream import ChatUpstream, Scripted, Seen, answer_json, chunk, not_found, sse, stream, usage
from tests.gateway.served import SAY_HI, served
from tests.gateway.test_attacks import resident
from tests.gateway.test_endings import CODEX, STREAM, relayed
from tests.support.examples import examples
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine
from tests.upstreams.calling import model_call, read

HI = json.dumps(SAY_HI).encode()
BODIES = [("chat/completions", STREAM), ("responses", CODEX)]
MB = 1024 * 1024


@pytest.fixture
def machine(tmp_path: Path):
    here = Machine(tmp_path)
    yield here
    here.call("gateway", "stop")


async def test_memory_and_disk_an_event_without_an_end(tmp_path: Path) -> None:
    """Passed through, its bytes pass and nothing is kept; bridged, the answer fails. The next request works."""
    endless = [b"data: "] + [b"x" * MB] * (MAX_EVENT_BYTES // MB + 24)
    good = stream(chunk({"content": "hi"}), chunk({}, "stop"), usage(1, 1))
    scripts = iter([Scripted(pieces=endless), Scripted(pieces=endless), good])
    async with relayed(tmp_path, lambda seen: next(scripts)) as (here, _):
        key = await here.key()
        headers = {"authorization": f"Bearer {key}"}
        before = resident()
        for endpoint, body in BODIES:
            async with here.http.stream("POST", f"/openai/v1/{endpoint}", json=body, headers=headers) as got:
                size, last = 0, b""
                async for part in got.aiter_raw():
                    size, last = size + len(part), (last + part)[-2000:]
            if endpoint == "responses":
                assert b"response.failed" in last
                assert size < MB
            else:
                assert size == sum(map(len, endless))
        assert resident() - before < 4 * MAX_EVENT_BYTES / 1e6 + 40
        assert (await here.chat(key, STREAM)).status_code == 200
        rows = await here.logs()
        assert "too large" in (rows[2]["notes"] or "")
        assert "sent an event of more than" in (rows[1]["error_message"] or "")


async def test_memory_and_disk_a_client_that_does_not_read_stops_the_upstream(tmp_path: Path) -> None:
    """Nothing is piled up for it: the upstream waits, and goes on when the client reads on."""
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(800):
            sent += 1
            yield sse([chunk({"content": "x" * 65_536})], done=False)
        yield sse([chunk({}, "stop"), usage(1, 1)])

    async with relayed(tmp_path, lambda seen: Scripted(pieces=pieces())) as (here, _):
        headers = {"authorization": f"Bearer {await here.key()}"}
        async with here.http.stream("POST", "/openai/v1/chat/completions", json=STREAM, headers=headers) as got:
            parts = got.aiter_raw()
            await anext(parts)
            seen = -1
            while seen != sent:  # until the upstream is stuck
                seen = sent
                await asyncio.sleep(0.2)
            assert sent < 400, "more than half of it is in somebody's memory"
            size = 0
            async for part in parts:
                size += len(part)
        assert sent == 800
        assert size > 800 * 65_536
        assert (await here.logs())[0]["status"] == 200


@pytest.mark.parametrize(
    ("piece", "said"),
    [({"content": "x" * MB}, "characters"), ({"extra_content": [{"x": "y" * MB}]}, "bytes")],
    ids=["text", "opaque fields"],
)
async def test_memory_and_disk_an_answer_without_an_end_that_is_translated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: dict, said: str
) -> None:
    """The bridge keeps an answer to its end: it has a bound, and the client is told."""
    monkeypatch.setattr("joytui.gateway.upstreams.answers.MAX_BRIDGED", 40 * MB)
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield sse([chunk(piece)], done=False)

    async with relayed(tmp_path, lambda seen: Scripted(pieces=pieces())) as (here, _):
        got = await here.post("responses", await here.key(), CODEX)
        assert "response.failed" in got.text[-2000:]
        assert sent < 80
        [row] = await here.logs()
        assert said in row["error_message"]


async def test_memory_and_disk_parallel_requests_of_one_key_have_a_bound(tmp_path: Path) -> None:
    """Five streams of one key at once, where four may be: 429 for it, not for another key, and it recovers."""
    release = asyncio.Event()

    async def hold() -> None:
        await release.wait()

    def answer(seen: Seen) -> Scripted:
        return Scripted(
            pieces=[sse([chunk({"content": "a"})], done=False), hold(), sse([chunk({}, "stop"), usage(1, 1)])]
        )

    async with relayed(tmp_path, answer, max_parallel_per_key=4, max_parallel=6) as (here, upstream):
        one, other = await here.key(), await here.key()
        headers = [{"authorization": f"Bearer {key}"} for key in (one, other)]

        async def begin(number: int) -> httpx.Response:
            request = here.http.build_request(
                "POST", "/openai/v1/chat/completions", json=STREAM, headers=headers[number]
            )
            return await here.http.send(request, stream=True)

        running = [await begin(0) for _ in range(4)]
        refused = await here.chat(one, STREAM)
        assert (refused.status_code, refused.json()["error"]["type"]) == (429, "rate_limited")
        assert refused.headers["retry-after"] == "1"
        running += [await begin(1) for _ in range(2)]
        assert [got.status_code for got in running] == [200] * 6
        assert "6 requests at the same time" in (await here.chat(other, STREAM)).json()["error"]["message"]
        release.set()
        for got in running:
            await got.aread()
            await got.aclose()
        assert (await here.chat(one, STREAM)).status_code == 200
        assert len(upstream.turns) == 7


@pytest.mark.slow
async def test_memory_and_disk_a_bomb_from_the_upstream(tmp_path: Path) -> None:
    """Compressed though nobody asked for it, 80 MB in 80 kB: an error, as answer and as list of models."""
    bomb = gzip.compress(b" " * (80 * MB))

    def answer(seen: Seen) -> Scripted:
        return Scripted(200, {"content-type": "application/json", "content-encoding": "gzip"}, [bomb])

    async with ChatUpstream(answer) as upstream:
        relay = make_upstream(upstream.url, "k")
        exchange, _, _ = await read(relay, model_call("chat/completions", stream=False))
        assert exchange.status == 502
        assert list(await relay.models()) == []
        await relay.aclose()


async def test_memory_and_disk_an_endless_list_of_models() -> None:
    def answer(seen: Seen) -> Scripted:
        return Scripted(200, {"content-type": "application/json"}, (b"[" * MB for _ in range(200)))

    async with ChatUpstream(answer) as upstream:
        relay = make_upstream(upstream.url, "k")
        before = resident()
        assert list(await relay.models()) == []
        assert resident() - before < 60
        await relay.aclose()


async def test_wrong_upstream_a_key_follows_no_redirect(tmp_path: Path) -> None:
    """Neither a request, nor the question for models, nor the one for the API: the other host is never spoken to."""
    async with ChatUpstream(lambda seen: answer_json({"data": [{"id": "m"}]})) as elsewhere:
        there = elsewhere.url

        def answer(seen: Seen) -> Scripted:
            return Scripted(307, {"location": f"{there}{seen.path.removeprefix('/v1')}"})

        async with ChatUpstream(answer) as upstream:
            relay = make_upstream(upstream.url, "upstream-secret")
            for endpoint in ("responses", "chat/completions"):
                exchange, data, _ = await read(relay, model_call(endpoint))  # type: ignore[arg-type]
                assert (exchange.status, b"upstream-secret" in data) == (502, False)
            assert list(await relay.models()) == []
            await relay.aclose()
        assert elsewhere.requests == []


async def test_an_upstream_with_responses_only_says_what_to_do(tmp_path: Path) -> None:
    """`/chat/completions` is not translated: the error names the way out; an unknown model stays the upstream's 404."""

    def responses_only(seen: Seen) -> Scripted:
        if not seen.path.endswith("/responses"):
            return not_found(seen)
        return answer_json({"error": {"message": "empty", "type": "x"}}, 400)

    def unknown_model(seen: Seen) -> Scripted:
        empty = seen.raw.strip() == b"{}"
        return answer_json({"error": {"message": "no such model", "type": "model_not_found"}}, 400 if empty else 404)

    for number, (script, status, words) in enumerate(
        [(responses_only, 400, "send this to /openai/v1/responses"), (unknown_model, 404, "no such model")]
    ):
        async with ChatUpstream(script) as upstream:
            relay = make_upstream(upstream.url, "k")
            for _ in range(2):
                exchange, data, _ = await read(relay, model_call("chat/completions", stream=False))
                assert (exchange.status, words in json.loads(data)["error"]["message"]) == (status, True), number
            await relay.aclose()
            assert len([seen for seen in upstream.requests if seen.raw.strip() == b"{}"]) == 2


def test_other_users_files_are_the_owners_under_any_umask(machine: Machine) -> None:
    """Log, state, token, store and what SQLite puts beside it, with a umask that gives everything away."""
    process = machine.start("gateway", "start", "--json", umask=0)
    out, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 0, err
    key = machine.ask("keys", "create", "dev")["key"]
    assert machine.send(json.loads(out)["url"], key).status_code == 200
    assert machine.ask("gateway", "status")["requests"] == 1
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in machine.data.iterdir()}
    assert {"ledger.sqlite3", "ledger.sqlite3-wal", "ledger.sqlite3-shm", "gateway.json", "admin-token", "gateway.log"} <= set(modes)  # fmt: skip
    assert {name: mode for name, mode in modes.items() if mode != 0o600} == {}
    assert stat.S_IMODE(machine.data.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP"]
)
async def test_spoofed_addresses_are_not_believed(gateway, name: str) -> None:
    """The socket's peer decides, whatever a client writes."""
    text = "for=10.9.9.9" if name == "Forwarded" else "10.9.9.9"
    inside, outside = await gateway.key(ip_allow=["10.9.9.9"]), await gateway.key(ip_block=["127.0.0.0/8"])
    for key in (inside, outside):
        assert (await gateway.chat(key, **{name: text})).status_code == 403
    assert {row["ip"] for row in await gateway.logs()} == {"127.0.0.1"}


async def test_terminal_injection_no_control_character_is_shown(machine: Machine) -> None:
    """An upstream, a client and a lead that write terminal sequences; what the commands print has none."""
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\r"

    def answer(seen: Seen) -> Scripted:
        return answer_json({"error": {"message": f"no {evil} way", "type": evil}}, 418)

    async with ChatUpstream(answer) as upstream:
        started = await asyncio.to_thread(machine.run, "gateway", "start", "--upstream", upstream.url, "--json")
        url = started.json["url"]
        admin = {"authorization": f"Bearer {(machine.data / 'admin-token').read_text().strip()}"}
        async with httpx.AsyncClient(base_url=url, trust_env=False, verify=False) as http:
            made = await http.post(
                "/console/v1/keys", headers=admin, json={"name": "k", "owner": evil, "labels": [evil]}
            )
            headers = {"authorization": f"Bearer {made.json()['key']}", "user-agent": b"tool"}
            body = {**SAY_HI, "model": f"m{evil}"}
            assert (await http.post("/openai/v1/chat/completions", headers=headers, json=body)).status_code == 418
    request = json.loads((await asyncio.to_thread(machine.call, "logs", "--json")).out.splitlines()[0])["id"]
    commands = (
        ["logs"],
        ["logs", "--request", request],
        ["keys", "list"],
        ["usage", "--by", "model"],
        ["gateway", "status"],
    )
    for words in commands:
        said = await asyncio.to_thread(machine.call, *words)
        assert said.code == 0, said.err
        shown = (said.out + said.err).replace("\n", "")
        assert shown.isprintable(), (words, [c for c in shown if not c.isprintable()])


@pytest.mark.parametrize(("size", "read"), [(80, 80), (200, 81)])
async def test_memory_and_disk_a_body_over_the_cap_is_read_on_for_a_while(
    size: int, read: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that could send all of it gets to read why it is refused; one that never ends is not listened to forever."""
    taken = 0
    monkeypatch.setattr(request_body, "DRAINED", 70)

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"x", "more_body": taken < size}

    assert await read_body(receive, 10, Share(BodyRoom(100))) is None
    assert taken == read


async def test_memory_and_disk_large_bodies_have_a_room_together_which_small_ones_do_not_need() -> None:
    room = BodyRoom(4 * SMALL)
    shares = [Share(room) for _ in range(4)]
    assert [len(await body_of(3 * SMALL, share) or b"") for share in shares[:2]] == [3 * SMALL] * 2
    with pytest.raises(Refused, match="max_bodies_bytes") as told:
        await body_of(2 * SMALL, shares[2])
    assert (told.value.status, told.value.headers) == (503, {"Retry-After": "1"})
    assert await body_of(SMALL, shares[3]) is not None
    shares[0].give_back()
    assert await body_of(2 * SMALL, shares[2]) is not None
    for share in shares:
        share.give_back()
    assert room.taken == 0


async def test_memory_and_disk_room_is_taken_at_once_for_a_size_that_is_announced() -> None:
    room = BodyRoom(4 * SMALL)
    first = Share(room)
    await body_of(2 * SMALL, first, announced=5 * SMALL)
    assert room.taken == 4 * SMALL
    with pytest.raises(Refused):
        await body_of(2 * SMALL, Share(room))
    first.give_back()


async def test_memory_and_disk_a_compressed_body_takes_room_by_what_it_is(tmp_path: Path) -> None:
    body = gzip.compress(HI[:-1] + b',"metadata":"' + b" " * (3 * SMALL) + b'"}')
    async with served(tmp_path, max_body_bytes=8 * SMALL, max_bodies_bytes=8 * SMALL) as here:
        key = await here.key()
        here.gateway.bodies.taken = 7 * SMALL
        refused = await here.post("chat/completions", key, body, content_encoding="gzip")
        assert (refused.status_code, "max_bodies_bytes" in refused.text) == (503, True)
        here.gateway.bodies.taken = 0
        assert (await here.post("chat/completions", key, body, content_encoding="gzip")).status_code == 200
        assert here.gateway.bodies.taken == 0


async def test_a_large_body_is_read_while_others_are_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body of 49 MiB stood the gateway still for 1.4 s."""
    reached, go_on = threading.Event(), threading.Event()

    def held(raw: bytes, most: int) -> int:
        if len(raw) > SMALL:
            reached.set()
            go_on.wait(HANG_S)
        return read_size(raw, most)

    monkeypatch.setattr(model_api, "read_size", held)
    async with served(tmp_path) as here:
        key = await here.key()
        large = asyncio.create_task(here.post("chat/completions", key, HI[:-1] + b',"user":"' + b"u" * SMALL + b'"}'))
        try:
            assert await asyncio.to_thread(reached.wait, HANG_S)
            assert (await here.chat(key)).status_code == 200
            assert not large.done()
        finally:
            go_on.set()
        assert (await large).status_code == 200


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=3), values, max_size=3),
    max_leaves=8,
)


@given(JSON_VALUES, st.sampled_from((None, 1)), st.data())
@settings(max_examples=examples(60), deadline=None)
def test_a_large_body_is_read_step_by_step_as_at_once(value: Any, indent: int | None, data: st.DataObject) -> None:
    """Also what is not JSON is none, and ends where it does."""
    text = json.dumps(value, indent=indent) + data.draw(st.sampled_from(("", " ", ",", "]", "}")))
    if data.draw(st.booleans()) and text:
        at = data.draw(st.integers(0, len(text) - 1))
        text = text[:at] + data.draw(st.sampled_from(',[]{}" ')) + text[at + 1 :]
    try:
        wanted: Any = json.JSONDecoder().raw_decode(text)
    except ValueError:
        wanted = None
    try:
        found: Any = json_members._step_by_step(text, 0)
    except ValueError:
        found = None
    assert found == wanted


@given(st.dictionaries(st.text(max_size=4), JSON_VALUES, max_size=4))
@settings(max_examples=examples(60), deadline=None)
def test_a_large_body_is_written_step_by_step_as_at_once(body: dict[str, Any]) -> None:
    assert written_again(body) == json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    assert object_bytes(body) == json_bytes(body)


def test_texts_are_told_from_values_in_a_large_body() -> None:
    code = json.dumps("if a[0] == {'b': [1, 2]}: print('\"', end='\\\\')\n" * 40).encode()
    texts = b'{"input":[' + b",".join([code] * 2500) + b"]}"
    values = b'{"input":[' + b",".join([b"[1,2]"] * 25_000) + b"]}"
    assert read_size(texts, 2**30) == len(texts) + 100 * 2501
    assert read_size(values, 2**30) == len(values) + 100 * (1 + 1 + 24_999 + 25_000 * 2)
    assert read_size(texts, len(texts)) > len(texts)


async def body_of(size: int, share: Share, announced: int = 0) -> bytes | None:
    """A body in pieces of half a MiB."""
    pieces = iter([b"x" * (SMALL // 2)] * (2 * size // SMALL))
    last = [2 * size // SMALL]

    async def receive() -> dict[str, Any]:
        last[0] -= 1
        return {"type": "http.request", "body": next(pieces), "more_body": last[0] > 0}

    return await read_body(receive, 8 * SMALL, share, announced)


@pytest.mark.parametrize(("limit", "named"), [(50 * SMALL, "50 MiB"), (2000, "2,000 bytes")])
def test_a_body_over_the_cap_is_refused_by_the_caps_name(limit: int, named: str) -> None:
    assert str(too_large(limit)).startswith(f"request body too large: at most {named}, ")
    assert "max_body_bytes" in str(too_large(limit))
