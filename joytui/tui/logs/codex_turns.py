"""This machine's Codex turns on their way into the log: the newest at once, then what happens, and older ones on demand.

Files are read in threads; what was read goes into the store here, on the console's own. Imported after the first frame.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from joytui.codex.rollouts.tail import POLL_S, TurnTail
from joytui.tui.logs.beside import Beside

if TYPE_CHECKING:
    from joytui.codex.rollouts import Turn
    from joytui.tui.logs.store import LogStore

FIRST = 100
"""What a screen shows, and a little more: it is there before an eye has found the place."""
PAGE = 500
DRAWN_S = 0.4
"""The rest waits for so long: read at once, it would take the CPU from drawing the first."""
MOST = 5_000
"""The most turns that are read to fill the time of one page of the gateway's."""


class TurnPage(NamedTuple):
    """Older turns, newest first; `begin` is from when on no more are missing (epoch milliseconds; 0: none is older)."""

    turns: tuple[Turn, ...]
    begin: int


class CodexTurns:
    """The turns below one CODEX_HOME. `looked`: whether the newest are in the store; `changed` is called when they are."""

    def __init__(self, home: Path, store: LogStore, changed: Callable[[], object]) -> None:
        self.beside = Beside(store)
        self.looked = False
        self._home = home
        self._store = store
        self._changed = changed
        self._tail: TurnTail | None = None

    async def run(self) -> None:
        """Reads what is there, and follows forever."""
        tail = await asyncio.to_thread(TurnTail, self._home)
        self._tail = tail
        await self._look(tail)
        while True:
            await asyncio.sleep(POLL_S)
            self.beside.tell(await asyncio.to_thread(tail.poll))

    async def _look(self, tail: TurnTail) -> None:
        first = await self.before(None, FIRST)
        self._take(first)
        self.looked = True
        self._changed()
        await asyncio.sleep(DRAWN_S)
        if first.begin:
            self._take(await self.before(first.begin, PAGE - FIRST))
        low = self._store.time[0] if len(self._store) else 0
        if self._store.turns_from and low < self._store.turns_from:
            self._take(
                await self.before(self._store.turns_from, MOST, since=low)
            )  # the gateway's page goes further back

    def _take(self, page: TurnPage) -> None:
        """Turns of a time in which the gateway has requests that are not here wait for those."""
        low = self._store.time[0] if self._store.older else 0
        begins = [round(turn.time.timestamp() * 1000) for turn in page.turns]
        self.beside.tell([turn for turn, begin in zip(page.turns, begins, strict=True) if begin >= low])
        self._store.turns_from = max(page.begin, low)

    async def before(self, moment_ms: int | None, limit: int = PAGE, *, since: int = 0) -> TurnPage:
        """Older turns than a moment; none while the first look lasts."""
        if self._tail is None:
            return TurnPage((), moment_ms or 0)
        moment = None if moment_ms is None else _moment(moment_ms)
        low = _moment(since) if since else None
        turns = await asyncio.to_thread(self._tail.before, moment, limit, since=low)
        whole = len(turns) < limit
        return TurnPage(turns, since if whole else round(turns[-1].time.timestamp() * 1000))


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
