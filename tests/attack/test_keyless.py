"""Who has no valid key: what they send costs bounded disk, forges nothing in Usage, and slows nobody who has one."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from joytui.gateway import keyless
from joytui.gateway.keyless import KeylessPace
from tests.gateway.served import SAY_HI, Served, served

FORGED = {
    "thread-id": "t" * 100,
    "session-id": "s" * 100,
    "x-request-id": "\xe9" * 200,
    "user-agent": "\xe9" * 200,
    "x-codex-turn-metadata": json.dumps({"turn_id": "u" * 100, "workspaces": {"/p" * 150: {}}}),
}
"""All that a request's row may carry, as large as it may be."""


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as here:
        yield here


@pytest.fixture
def in_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if each request came from its own address."""
    monkeypatch.setattr(KeylessPace, "admits", lambda self, address: True)


async def send(gateway: Served, many: int, key: str | None = None, **more: str) -> Counter[int]:
    """So many requests, eight at a time, each with its own thread; how many got which status."""
    statuses: Counter[int] = Counter()
    numbers = iter(range(many))

    async def client() -> None:
        for number in numbers:
            headers = {**FORGED, "thread-id": f"forged-{number}", **more}
            answer = await gateway.post(
                "responses", key, {"model": f"forged-{number}", "input": "x"}, **_named(headers)
            )
            statuses[answer.status_code] += 1

    await asyncio.gather(*(client() for _ in range(8)))
    return statuses


def _named(headers: dict[str, str]) -> dict[str, Any]:
    return {name: value.encode("latin-1") for name, value in headers.items()}


def store_size(gateway: Served) -> int:
    """Bytes that the store's pages take once what is written is all in its file."""
    with closing(sqlite3.connect(gateway.gateway.ledger.location)) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (pages,), (free,), (size,) = (
            store.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


@pytest.mark.usefixtures("in_a_crowd")
async def test_a_refusal_without_a_key_costs_600_bytes_and_no_sum(gateway: Served) -> None:
    """Pages of every table and index included. All are counted, and none of their words is in a sum."""
    await send(gateway, 8)
    await gateway.logs(limit=1)
    before = store_size(gateway)
    assert await send(gateway, 192, "jt_local_wrong") == {403: 192}
    assert await send(gateway, 200) == {401: 200}
    assert len(await gateway.logs(limit=5_000)) == 400
    assert (size := (store_size(gateway) - before) / 392) < 600, size
    assert (await gateway.ask("usage"))["totals"]["requests"] == 400
    await nothing_forged(gateway)


@pytest.mark.usefixtures("in_a_crowd")
async def test_a_key_that_has_ended_writes_no_more_than_none_at_all(gateway: Served) -> None:
    made = await gateway.new_key("ended")
    await gateway.admin.post(f"/console/v1/keys/{made['id']}/revoke")
    assert await send(gateway, 30, made["key"]) == {403: 30}
    assert len(await gateway.logs(filter="key:ended")) == 30, "whose it was is known"
    shown = await gateway.ask(f"keys/{made['id']}")
    assert (shown["requests"], shown["clients"]) == (30, [])
    await nothing_forged(gateway)


async def nothing_forged(gateway: Served) -> None:
    """No sum has anything that a client wrote: not even that there was more than one of it."""
    for by in ("thread", "project", "model"):
        rows = (await gateway.ask("usage", by=by))["rows"]
        assert [row[by] for row in rows] == [None]


async def test_an_address_gets_twenty_answers_a_second_and_a_key_all_of_them(
    gateway: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyless, "time", SimpleNamespace(monotonic_ns=lambda: 1))  # all of it within one second
    key = await gateway.key()
    statuses, answers = await asyncio.gather(
        send(gateway, 50, "jt_local_wrong"), asyncio.gather(*(gateway.chat(key) for _ in range(25)))
    )
    assert {answer.status_code for answer in answers} == {200}, "whatever else its address sends"
    assert statuses == {403: 20, 429: 30}
    rows = await gateway.logs(limit=5_000)
    assert Counter(row["status"] for row in rows) == {200: 25, 403: 20}, "a 429 makes no row"
    late = await gateway.chat("jt_local_wrong")
    assert (late.json()["error"]["type"], late.headers["retry-after"]) == ("rate_limited", "1")
    assert (await gateway.chat(key, SAY_HI)).status_code == 200


async def test_a_mistyped_key_is_still_found_in_the_logs(gateway: Served) -> None:
    key = await gateway.key()
    answer = await gateway.chat(key[:-1], x_request_id="mine-1", user_agent="codex_cli_rs/0.169.0")
    assert answer.status_code == 403
    (row,) = await gateway.logs(filter="type:invalid_api_key")
    assert (row["request_id"], row["client"], row["ip"], row["status"]) == (
        "mine-1",
        "codex_cli_rs/0.169.0",
        "127.0.0.1",
        403,
    )
    assert "not copied correctly" in row["error_message"]
    assert (await gateway.ask("requests/mine-1"))["id"] == row["id"]
