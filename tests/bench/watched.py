"""What the console's bench runs in its terminal: the console, or a plain app with RichLog or DataTable on the same feed,
each with a probe of the event loop inside.

    python -m tests.bench.watched OUT WHAT URL EXPECTED SECONDS     WHAT: joytui, RichLog, DataTable, hour, opening, turns

It writes its figures to OUT as JSON and ends when all EXPECTED requests were seen (or time is up).
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

PROBE_S = 0.01
GRACE_S = 15.0
SAMPLE = 4  # of so many requests that a frame shows, the first one's delay is taken: it has waited longest


class Probe:
    """CPU seconds and the loop's lateness from `start` to `stop`, and how late the screen showed each batch."""

    def __init__(self) -> None:
        self.lags: list[float] = []
        self.delays: list[float] = []
        self.cpu = self.wall = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self._task is not None

    def start(self) -> None:
        if self._task is None:
            self.cpu, self.wall = time.process_time(), time.monotonic()
            self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            due = time.monotonic() + PROBE_S
            await asyncio.sleep(PROBE_S)
            self.lags.append(time.monotonic() - due)

    def figures(self) -> dict[str, Any]:
        wall = time.monotonic() - self.wall
        return {
            "cpu": (time.process_time() - self.cpu) / wall,
            "wall": wall,
            "lag_p99_ms": percentile(self.lags, 0.99) * 1000,
            "lag_max_ms": max(self.lags, default=0.0) * 1000,
            "delay_p50_ms": percentile(self.delays, 0.50),
            "delay_p99_ms": percentile(self.delays, 0.99),
        }


def percentile(numbers: list[float], share: float) -> float:
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def resident_mb() -> float:
    """What this process has in memory now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def console(url: str | None, *, turns: bool = False) -> Any:
    """The console as it is, with a hook where a frame goes out. `turns`: with those of the Codex of this environment."""
    from joytui.codex.home import codex_home
    from joytui.core.places import places
    from joytui.tui.app import ConsoleApp
    from joytui.tui.link import Link
    from joytui.tui.options import Options

    class Watched(ConsoleApp):
        def __init__(self, options: Any) -> None:
            super().__init__(options)
            self.probe = Probe()
            self.displayed = 0  # requests that the list has taken over, also those that have left it since
            self.missed = 0  # requests that left it before it was drawn with them
            self.frames: list[float] = []
            self.rows_at = 0.0
            self.cpu = [0.0, 0.0]  # what was taken until the first frame, and until the first rows

        def _display(self, screen: Any, renderable: Any) -> None:
            super()._display(screen, renderable)
            self.frames.append(time.monotonic())
            self.cpu[0] = self.cpu[0] or time.process_time()
            view = next(iter(screen.query("LogView")), None)
            away = self.store.away.requests
            if view is None or view._rows + away <= self.displayed:
                return
            self.rows_at = self.rows_at or time.monotonic()
            self.cpu[1] = self.cpu[1] or time.process_time()
            now = time.time() * 1000
            self.missed += max(0, away - self.displayed)
            if self.probe.running:
                fresh = range(max(0, self.displayed - away), view._rows, SAMPLE)
                self.probe.delays += [now - self.store.time[row] for row in fresh]
            self.displayed = view._rows + away

    where = places()
    options = Options(
        places=where,
        screen="logs",
        theme="dark",
        turns_home=codex_home(os.environ) if turns else None,
        link=lambda changed: Link(where, changed, gateway_url=url),
    )
    return Watched(options)


async def until(holds: Any, limit: float) -> bool:
    """Looks ten times a second: what is waited for is counted, not signalled."""
    end = time.monotonic() + limit
    while not holds():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.1)
    return True


async def watch_console(app: Any, expected: int, limit: float) -> dict[str, Any]:
    await until(lambda: app.link_state.connected, 30)
    await until(lambda: len(app.store), 30)
    app.probe.start()
    complete = await until(lambda: app.displayed >= expected, limit)
    return {
        **app.probe.figures(), "complete": complete and not app.missed, "shown": app.displayed - app.missed,
        "kept": len(app.store),
    }  # fmt: skip


async def watch_hour(app: Any, expected: int, limit: float) -> dict[str, Any]:
    """How many requests were seen, how many are kept, the memory, and what of it are not the columns of the rows that are
    kept (their number swings by a chunk), at each twentieth of the requests."""
    await until(lambda: app.link_state.connected, 30)
    samples = []
    complete = False
    for step in range(1, 21):
        complete = await until(lambda wanted=expected * step // 20: app.displayed >= wanted, limit)
        gc.collect()
        now = resident_mb()
        samples.append((app.displayed, len(app.store), now, now - app.store.size / 1e6))
    return {"complete": complete and not app.missed, "samples": samples}


async def watch_opening(app: Any) -> dict[str, Any]:
    if not await until(lambda: app.rows_at > 0, 30):
        return {}
    return {
        "ms": (app.rows_at - app.frames[0]) * 1000,
        "cpu_ms": (app.cpu[1] - app.cpu[0]) * 1000,
        "rows": len(app.store),
    }


def plain(what: str, url: str) -> Any:
    """A Textual app that writes each request as it comes, with the widget that Textual has for it."""
    from textual.app import App
    from textual.widgets import DataTable, RichLog

    class Plain(App[None]):
        def __init__(self) -> None:
            super().__init__()
            self.probe = Probe()
            self.displayed = 0

        def compose(self) -> Any:
            yield RichLog() if what == "RichLog" else DataTable()

        def on_mount(self) -> None:
            if what == "DataTable":
                self.query_one(DataTable).add_columns("time", "status", "key", "model", "tokens", "cost", "reason")
            self.run_worker(self._follow(), exit_on_error=False)

        async def _follow(self) -> None:
            from joytui.client.console import ConsoleClient

            client = ConsoleClient(url, "bench")
            async for batch in client.tail():
                for row in batch.rows:
                    self._write(row)

        def _write(self, row: dict[str, Any]) -> None:
            cells = [
                str(row[n] or "") for n in ("time", "status", "key", "model", "input_tokens", "cost_credits", "cause")
            ]
            if what == "RichLog":
                self.query_one(RichLog).write("  ".join(cells))
            else:
                table = self.query_one(DataTable)
                table.add_row(*cells)
                table.move_cursor(row=table.row_count - 1)
            self.displayed += 1

    return Plain()


async def watch_plain(app: Any, expected: int, limit: float) -> dict[str, Any]:
    await until(lambda: app.displayed, 30)
    app.probe.start()
    complete = await until(lambda: app.displayed >= expected, limit)
    return {**app.probe.figures(), "complete": complete, "shown": app.displayed}


def watch(words: list[str]) -> None:
    out, what, url, expected, seconds = words
    app = plain(what, url) if what in ("RichLog", "DataTable") else console(url or None, turns=what == "turns")

    async def measure() -> None:
        try:
            if what == "hour":
                figures = await watch_hour(app, int(expected), float(seconds) + GRACE_S)
            elif what in ("opening", "turns"):
                figures = await watch_opening(app)
            else:
                follow = watch_console if what == "joytui" else watch_plain
                figures = await follow(app, int(expected), float(seconds) + GRACE_S)
            Path(out).write_text(json.dumps(figures), encoding="utf-8")
        finally:
            app.exit()

    app.call_later(lambda: app.run_worker(measure(), exit_on_error=False))
    gc.disable()
    app.run()


if __name__ == "__main__":
    watch(sys.argv[1:])
