"""A source and its silent stretches (`with_pauses`): who takes the items may stop waiting, and loses none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from joytui.gateway.upstreams.bridged import StreamBroken, with_pauses
from tests.support.hang import HANG_S

LONG, SHORT = 3600.0, 0.01


async def count(until: int, read: list[int] | None = None) -> AsyncIterator[int]:
    for number in range(until):
        if read is not None:
            read.append(number)
        yield number


async def test_all_items_come_in_order() -> None:
    async with asyncio.timeout(HANG_S):
        assert [item async for item in with_pauses(count(9), lambda: LONG)] == [*range(9)]


async def test_a_wait_that_becomes_shorter_ends_in_time_and_loses_nothing() -> None:
    go_on = asyncio.Event()
    patience = LONG

    async def source() -> AsyncIterator[str]:
        await asyncio.sleep(0)
        yield "first"
        await go_on.wait()
        yield "second"

    found: list[Any] = []
    async with asyncio.timeout(HANG_S), aclosing(with_pauses(source(), lambda: patience)) as paused:
        async for item in paused:
            found.append(item)
            patience = SHORT
            if found.count(None) == 2:
                patience = LONG
                go_on.set()
    assert found == ["first", None, None, "second"]


async def test_an_error_of_the_source_comes_after_its_items() -> None:
    async def source() -> AsyncIterator[str]:
        yield "first"
        raise StreamBroken("so")

    async with asyncio.timeout(HANG_S), aclosing(with_pauses(source(), lambda: LONG)) as paused:
        assert await anext(paused) == "first"
        with pytest.raises(StreamBroken, match="so"):
            await anext(paused)


async def test_no_more_than_two_items_are_read_ahead() -> None:
    read: list[int] = []
    async with aclosing(with_pauses(count(99, read), lambda: LONG)) as paused:
        assert await anext(paused) == 0
        for _ in range(20):
            await asyncio.sleep(0)
    assert len(read) <= 3


async def test_a_source_that_waits_is_ended_with_who_takes_its_items() -> None:
    ended = False

    async def source() -> AsyncIterator[str]:
        nonlocal ended
        try:
            yield "first"
            await asyncio.Event().wait()
        finally:
            ended = True

    async with asyncio.timeout(HANG_S), aclosing(with_pauses(source(), lambda: LONG)) as paused:
        assert await anext(paused) == "first"
        await asyncio.sleep(0)
    assert ended
