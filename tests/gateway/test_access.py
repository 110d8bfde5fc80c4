"""Keys, tokens and wallets are the store's: a running gateway judges by what somebody else changed there."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from joytui.ledger.records import Access
from tests.gateway.served import Served, served
from tests.support.hang import HANG_S, MEANWHILE_S, poll


def change(gateway: Served, sql: str, *values: object) -> None:
    """As another gateway on the same store would."""
    with sqlite3.connect(gateway.gateway.ledger.location, timeout=30) as connection:
        connection.execute(sql, values)
    connection.close()


async def until_answered_with(gateway: Served, key: str, status: int) -> None:
    async with asyncio.timeout(HANG_S):
        while (await gateway.chat(key)).status_code != status:
            await asyncio.sleep(0.02)


async def test_a_key_that_another_gateway_revoked_is_refused_and_works_again_when_it_is_allowed(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        key = await gateway.key()
        await until_answered_with(gateway, key, 200)
        change(gateway, "UPDATE api_key SET state = 'revoked', revoked_at = 1")
        await until_answered_with(gateway, key, 403)
        change(gateway, "UPDATE api_key SET state = 'active', revoked_at = NULL")
        await until_answered_with(gateway, key, 200)
        change(gateway, "DELETE FROM api_key")
        await until_answered_with(gateway, key, 403)


async def test_a_wallet_that_another_gateway_set_limits_at_once(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        key = await gateway.key()
        await until_answered_with(gateway, key, 200)
        change(gateway, "UPDATE wallet SET balance = 0")
        await until_answered_with(gateway, key, 402)
        change(gateway, "UPDATE wallet SET balance = NULL")
        await until_answered_with(gateway, key, 200)


async def test_a_copy_of_the_store_that_is_older_than_a_new_key_does_not_take_it_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy is read in a thread: what this gateway makes in the meantime is not in it."""
    async with served(tmp_path) as gateway:
        read, made, copies = gateway.gateway.ledger.access, threading.Event(), []

        def access() -> Access:
            copies.append(read())
            assert made.wait(HANG_S)
            return copies[-1]

        monkeypatch.setattr(gateway.gateway.ledger, "access", access)
        change(gateway, "UPDATE wallet SET balance = 1000000000000")
        await asyncio.to_thread(poll, lambda: len(copies) == 1, lambda: "the first copy")
        key = await gateway.key()
        made.set()
        async with asyncio.timeout(HANG_S):
            while len(copies) < 2:
                assert (await gateway.chat(key)).status_code == 200
        assert (await gateway.chat(key)).status_code == 200


async def test_what_was_read_first_is_not_taken_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a revoked token would open everything again, until the next change."""
    async with served(tmp_path) as gateway:
        read, answered, copies = gateway.gateway.ledger.access, threading.Event(), []
        token = (await gateway.admin.post("/console/v1/tokens", json={"name": "wall"})).json()

        def first() -> Access:
            copy = read()
            copies.append(copy)
            if len(copies) == 1:
                assert answered.wait(HANG_S)
            return copy

        monkeypatch.setattr(gateway.gateway.ledger, "access", first)
        slow = asyncio.create_task(gateway.gateway.read_access())
        await asyncio.to_thread(poll, lambda: bool(copies), lambda: "the first copy")
        assert await gateway.gateway.ledger.delete_token(token["id"])
        fast = asyncio.create_task(gateway.gateway.read_access())
        await asyncio.wait([fast], timeout=MEANWHILE_S)  # as long as it may take where both are read at the same time
        answered.set()
        await asyncio.gather(slow, fast)
        assert not gateway.gateway.tokens
