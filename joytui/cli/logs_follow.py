"""`joytui logs --follow`: what a gateway and Codex's files tell, as they tell it, each request once.

The two are heard side by side. Of a turn that ended, the gateway is asked whether it has a request: its rows come by its own
stream, before or soon after. Where no local gateway is running, one that starts later is noticed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from joytui.cli.output import say
from joytui.codex.rollouts import Turn
from joytui.codex.rollouts.tail import POLL_S, TurnTail
from joytui.core.errors import JoytuiError, RefusedError, UnreachableError
from joytui.core.places import places
from joytui.core.request import RequestRecord
from joytui.usage.joined import TurnIndex
from joytui.usage.newest import Wish, newest, told_by, told_by_files
from joytui.usage.turns import turn_record, turn_row_id

if TYPE_CHECKING:
    from joytui.cli.request_view import Feed
    from joytui.client.console import ConsoleClient

LOOK_S = 1.0
"""How often a gateway is looked for where none runs."""
GRACE_S = 0.3
"""How long a finished turn waits for the gateway's own row."""
Rows = list[RequestRecord]


async def follow(
    console: ConsoleClient | None,
    turns: TurnTail | None,
    wish: Wish,
    first: int | None,
    feed: Feed,
    say_empty: Callable[[], None],
) -> None:
    """Shows the newest `first` (None: none of them), then follows forever. Raises RefusedError."""
    seen = (await console.status()).last_seq if console is not None else None
    records = await newest(console, turns, wish, first) if first is not None else []
    feed.show(records)
    if not records:
        say_empty()
    both = _Both(console, wish, feed)
    heard = [both.hear_gateway(seen), *([both.hear_codex(turns)] if turns is not None else [])]
    tasks = [asyncio.create_task(one) for one in heard]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


class _Both:
    """The two streams and what was shown of them. `console` is None while there is no gateway to ask."""

    def __init__(self, console: ConsoleClient | None, wish: Wish, feed: Feed) -> None:
        self.console = console
        self._wish = wish
        self._feed = feed
        self._passes, self._may_pass = wish.passes(), wish.may_pass()
        self._shown = TurnIndex()  # the turns that only Codex reported when they ended

    async def hear_gateway(self, seen: int | None) -> None:
        if self.console is not None:
            await self._tail(self.console, seen)
        while self._wish.source != "gateway":
            await asyncio.sleep(LOOK_S)
            if (found := await _look()) is not None:
                say(f"joytui: the gateway is running now, at {found.url}")
                async with found:
                    self.console = found
                    await self._tail(found, None)

    async def _tail(self, console: ConsoleClient, seen: int | None) -> None:
        tell = _Connection()
        stream = console.tail(seen, self._wish.gateway_filter, tests=self._wish.tests, on_state=tell)
        try:
            async with aclosing(stream):
                async for batch in stream:
                    self._show([record for record in batch.records if self._shown.of_record(record) is None])
        except RefusedError:
            if self._wish.source != "codex":
                raise
            await asyncio.Future()  # an older gateway, which knows nothing of telemetry: Codex's files alone are heard

    def _show(self, records: Rows) -> None:
        since = self._wish.since
        self._feed.show([record for record in records if since is None or record.time >= since])

    async def hear_codex(self, turns: TurnTail) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            ended = [turn for turn in await asyncio.to_thread(turns.poll) if turn.outcome != "running"]
            if ended:
                await self._show_turns(ended)

    async def _show_turns(self, ended: Sequence[Turn]) -> None:
        rows = {turn_row_id(turn): record for turn in ended if self._may_pass(record := turn_record(turn))}
        wanted = [turn for turn in ended if turn_row_id(turn) in rows]
        told = await self._told(wanted)
        rows = {own: record for own, record in rows.items() if own not in told and self._passes(record)}
        for turn in wanted:
            if turn_row_id(turn) in rows:
                self._shown.add(turn)
        self._show([*rows.values(), *told_by_files(told, self._wish)])

    async def _told(self, turns: Sequence[Turn]) -> dict[str, list[RequestRecord]]:
        """The gateway's rows of turns. While it is unreachable, only Codex reports them."""
        if self.console is None or not turns:
            return {}
        await asyncio.sleep(GRACE_S)
        try:
            return await told_by(self.console, turns, self._wish.source)
        except JoytuiError:
            return {}


async def _look() -> ConsoleClient | None:
    """The local gateway, if it runs by now."""
    from joytui.client.local import client_of, find

    try:
        found = await find(places())
    except UnreachableError:
        return None
    return client_of(found) if found is not None else None


class _Connection:
    """Says when the tail is lost, and when it is back."""

    def __init__(self) -> None:
        self.lost = False

    def __call__(self, state: object) -> None:
        from joytui.client.console import ConnectionState

        assert isinstance(state, ConnectionState)
        if state.name == "waiting" and not self.lost:
            self.lost = True
            say(f"joytui: {state.error}; trying again")
        elif state.name == "live" and self.lost:
            self.lost = False
            say("joytui: connected again")
