"""The way to the gateway: finds or starts it, loads the newest page, follows the stream, watches how far behind it is.

Runs as one worker of the app. It appends to the store and replaces the `LinkState`; it touches no widget. Imported after
the first frame: it brings httpx and pydantic.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from joytui.core import clock
from joytui.core.errors import JoytuiError, UnreachableError
from joytui.core.local_address import local_url
from joytui.core.places import Places
from joytui.tui.state import LinkState

if TYPE_CHECKING:
    from joytui.client.console import BlockPage, ConnectionState, ConsoleClient
    from joytui.tui.alerts import ShownAlert
    from joytui.tui.logs.store import LogStore

NEWEST = 500
WATCH_S = 2.0
ALERTS_S = 20.0
YOUNG_MS = 15_000
"""How long a gateway may take from its state file to its first answer."""


class Link:
    """One gateway. `changed` gets every new state; `client` is there while `state.connected`.

    `alerted` gets the alerts that matter, from time to time. `read_only`: the gateway is to refuse every change. `shut`: a read-only
    console that got no token. It asks nobody: what it finds by itself is the admin's.
    """

    def __init__(
        self,
        places: Places,
        changed: Callable[[LinkState], None],
        *,
        gateway_url: str | None = None,
        read_only: bool = False,
        shut: bool = False,
    ) -> None:
        self.places = places
        self.gateway_url = gateway_url
        self._read_only = read_only
        self._shut = shut
        self.client: ConsoleClient | None = None
        self.state = LinkState(local=gateway_url is None, local_url=local_url(places))
        self._changed = changed
        self._running = False
        self._seq = 0
        self._behind_since: float | None = None
        self._peeked: int | None = None
        self.alerted: Callable[[tuple[ShownAlert, ...]], None] = lambda alerts: None
        self._alerts_at = 0.0

    def wanted(self) -> bool:
        """Whether a run would do anything: not while one is under way."""
        return not self._running

    def appeared(self) -> bool:
        """Whether a local gateway may have come up since the last look, by the file that it writes before it is ready."""
        stamp = _stamp(self.places)
        if self._running or stamp is None:
            return False
        return stamp != self._peeked or 0 <= clock.now_ms() - stamp // 1_000_000 < YOUNG_MS

    async def run(self, store: LogStore, *, start: bool, peek: bool = False) -> None:
        """Connects and follows forever; ends when there is no gateway to connect to (the state says why).

        `peek`: only if one runs already, and no word about it if none does (Doctor).
        """
        if self._shut:
            self._become(
                "failed", note="no gateway was running when this page was opened", hint="reload the page to look again"
            )
            return
        self._running = True
        self._peeked = _stamp(self.places)
        if peek and self.gateway_url is None and not self.places.state_file.exists():
            self._running = False
            self._become("idle", looked=True)
            return
        try:
            self._become("finding", url=self.gateway_url)
            client = await self._connect(start=start and not peek)
            if client is not None:
                await self._follow(client, store)
        except JoytuiError as error:
            self._become("idle" if peek else "failed", note=error.what, hint=error.hint or "", looked=True)
        finally:
            if peek and self.state.phase == "off":
                self._become("idle", looked=True)
            self._running = False

    async def _connect(self, *, start: bool) -> ConsoleClient | None:
        from joytui.client.local import connect, find

        if self.client is not None:
            return self.client
        if self.gateway_url is None:
            running = await find(self.places)
            if running is None and not start:
                self._become("off", note="it is not running, and --no-start forbids starting it")
                return None
            if running is None:
                self._become("starting", url=self.state.local_url)
        self.client = await connect(
            self.places,
            gateway_url=self.gateway_url,
            start=start,
            announce=self._announced,
            read_only=self._read_only,
        )
        return self.client

    def _announced(self, line: str) -> None:
        self._become(self.state.phase, note=line, started=True)

    async def _follow(self, client: ConsoleClient, store: LogStore) -> None:
        page = await client.newest(limit=NEWEST)
        if page.last_seq is not None:  # what else the gateway says of itself comes behind (`_watch`)
            self._take(page, page.last_seq, store)
            self._become("live", url=client.url)
        else:
            status = await client.status_facts()
            self._take(await client.newest(limit=NEWEST), int(status["last_seq"]), store)
            self._become("live", url=client.url, **_facts(status))
        watch = asyncio.create_task(self._watch(client))
        try:
            async for block in client.tail_blocks(self._seq, on_state=self._tail_state):
                store.take_in(block)
                self._seq = max(self._seq, block.seq)
                await asyncio.sleep(0)  # keys and frames come between the batches of a flood
        finally:
            watch.cancel()

    def _take(self, page: BlockPage, last_seq: int, store: LogStore) -> None:
        """The first rows. Who connects again has rows already, and the tail goes on behind them: between them and the
        newest page others would be missing."""
        if 0 < self._seq <= last_seq and len(store):
            return
        self._seq = last_seq
        store.open_with(page.block, page.next)

    def _tail_state(self, state: ConnectionState) -> None:
        if state.name == "waiting":
            error = state.error
            self._become("lost", note=error.what if error else "", hint=(error.hint or "") if error else "")
        elif state.name == "live" and self.state.phase == "lost":
            self._become("live")

    async def _watch(self, client: ConsoleClient) -> None:
        """Compares what the gateway has with what came here, and keeps the facts of the frame fresh."""
        while True:
            try:
                status = await client.status_facts()
            except UnreachableError:
                pass  # the tail notices, says so, and reconnects
            except JoytuiError as error:
                self._become("failed", note=error.what, hint=error.hint or "")
                return
            else:
                self._seen(status)
                await self._look_at_alerts(client)
            await asyncio.sleep(WATCH_S)

    def _seen(self, status: Mapping[str, Any]) -> None:
        behind = self._behind(int(status["last_seq"]))
        if self.state.phase in ("live", "behind"):
            self._become("behind" if behind >= 1 else "live", behind_s=float(int(behind)), **_facts(status))

    async def _look_at_alerts(self, client: ConsoleClient) -> None:
        """A gateway that does not know them has none."""
        from joytui.tui.alerts import HOURS, MOST, of_note

        if time.monotonic() < self._alerts_at:
            return
        self._alerts_at = time.monotonic() + ALERTS_S
        with contextlib.suppress(JoytuiError):
            rows, _ = await client.alerts(since=f"{HOURS}h", limit=MOST)
            self.alerted(of_note(rows, clock.now_ms()))

    def _behind(self, last_seq: int) -> float:
        """Seconds since rows are missing here that the gateway has; 0 when none are."""
        if last_seq <= self._seq:
            self._behind_since = None
            return 0.0
        now = time.monotonic()
        if self._behind_since is None:
            self._behind_since = now
        return now - self._behind_since

    def _become(self, phase: Any, **facts: Any) -> None:
        from dataclasses import replace

        fresh = {"note": "", "hint": "", **facts}
        state = replace(self.state, phase=phase, **fresh)
        if state != self.state:
            self.state = state
            self._changed(state)

    async def leave(self) -> str | None:
        """Says goodbye to the gateway; the line for the user where it keeps running."""
        from joytui.client.local import leave

        client, self.client = self.client, None
        if client is None:
            return None
        try:
            words = await asyncio.wait_for(leave(client, self.places), 3)
        except (JoytuiError, TimeoutError):
            words = None
        finally:
            await client.aclose()
        return words


def _stamp(places: Places) -> int | None:
    """When a gateway wrote its state file; None if there is none."""
    try:
        return places.state_file.stat().st_mtime_ns
    except OSError:
        return None


def _facts(status: Mapping[str, Any]) -> dict[str, Any]:
    """What the frame shows of a gateway's status, and what the token may do there."""
    teams = status.get("teams")
    return {
        "upstream": status.get("upstream"),
        "version": status.get("version"),
        "keys": int(status.get("keys") or 0),
        "role": status.get("role"),
        "teams": tuple(map(str, teams)) if isinstance(teams, list) else None,
    }
