"""The thread that hears of changes, whoever made them.

PostgreSQL notifies at once (LISTEN); the requests' functions notify at most every few milliseconds, so after each notice the thread
looks again until nothing changes any more. Without a connection it looks as often as it gets one, so nothing stays unheard for longer than
IDLE_S and a connection takes.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import psycopg

from joytui.ledger.postgres.connections import Link, connect
from joytui.ledger.postgres.url import StoreUrl

log = logging.getLogger("joytui.ledger")

BUSY_S = 0.1
IDLE_S = 1.0
QUIET_LOOKS = 5
"""Looks without a change before the thread waits for a word again."""
_LOOK = "SELECT (SELECT seq FROM turn), (SELECT version FROM access)"


class Listener:
    """`wake` may be called from any thread: all who listen look into the store."""

    def __init__(self, url: StoreUrl, name: str) -> None:
        self._url = url
        self._name = f"{name} listens"
        self._thread = threading.Thread(target=self._run, name="ledger-listener", daemon=True)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._listening: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2 * IDLE_S)

    async def changes(self) -> AsyncGenerator[None]:
        """Yields at once, and then whenever something may have changed."""
        news = asyncio.Event()
        news.set()
        with self._lock:
            self._listening[news] = asyncio.get_running_loop()
        try:
            while True:
                await news.wait()
                news.clear()
                yield
        finally:
            with self._lock:
                del self._listening[news]

    def wake(self) -> None:
        with self._lock:
            listening = list(self._listening.items())
        for news, loop in listening:
            with suppress(RuntimeError):  # the loop is closed: there are no listeners left
                loop.call_soon_threadsafe(news.set)

    # --- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        told = False
        while not self._stop.is_set():
            try:
                link = connect(self._url, self._name)
            except psycopg.Error as error:
                if not told:
                    log.warning("the store cannot be listened to: %s", self._url.without_secrets(str(error)).strip())
                told = True
            else:
                told = False
                self._listen(link)
                link.close()
            self.wake()  # whoever looks finds out whether the store is there
            self._stop.wait(IDLE_S / 2)

    def _listen(self, link: Link) -> None:
        """Until the connection breaks, or the end."""
        with suppress(psycopg.Error):
            link.execute(f'LISTEN "joytui:{self._url.schema}"')
            seen: tuple[Any, ...] | None = None
            quiet = 0
            while not self._stop.is_set():
                looked = time.monotonic()
                now = link.execute(_LOOK).fetchone()
                quiet = 0 if now != seen else quiet + 1
                if now != seen:
                    seen = now
                    self.wake()
                if quiet < QUIET_LOOKS:
                    self._stop.wait(max(0.0, looked + BUSY_S - time.monotonic()))
                    continue
                for _ in link.raw.notifies(timeout=IDLE_S, stop_after=1):
                    pass
