"""Opens the console over fixed data: no network, no clock, no doctor that runs."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from contextlib import suppress
from datetime import UTC
from pathlib import Path
from typing import Any

from textual.worker import WorkerFailed

from joytui.core.places import places
from joytui.core.records import Report
from joytui.tui.app import ConsoleApp
from joytui.tui.doctor.snapshot import DoctorSnapshot
from joytui.tui.keys.snapshot import KeysSnapshot
from joytui.tui.options import Options
from joytui.tui.state import LinkState
from joytui.tui.usage.snapshot import Question, UsageSnapshot
from tests.tui import data

SIZE = (120, 40)
LIVE = LinkState("live", url="http://127.0.0.1:8791", version="0.1.0", keys=4)


def console(screen: str = "doctor", **wishes: Any) -> ConsoleApp:
    """A console that shows what it is given and asks nobody."""
    folder = tempfile.mkdtemp(prefix="joytui-console-")
    where = places({"JOYTUI_DATA_DIR": folder, "JOYTUI_CONFIG_FILE": str(Path(folder) / "config.toml")})
    defaults: dict[str, Any] = {"now_ms": data.NOW_MS, "zone": UTC, "theme": "dark"}
    app = ConsoleApp(Options(places=where, screen=screen, **{**defaults, **wishes}))
    weakref.finalize(app, shutil.rmtree, folder, ignore_errors=True)  # with the console, or when Python ends
    return app


def done(report: Report, *, sent: bool = True) -> DoctorSnapshot:
    return DoctorSnapshot().started(send=sent).finished(report, sent=sent)


def usage(asked: Question | None = None) -> UsageSnapshot:
    asked = asked or Question()
    rows = data.usage_rows(asked.bucket, asked.group, len(asked.window(data.NOW, UTC).starts))
    return UsageSnapshot(asked, data.typed(rows), data.usage_totals(rows))


async def fill(app: ConsoleApp, pilot: Any) -> None:
    """Gives the screen in front its data."""
    screen: Any = app.screen
    app.link_state = LIVE
    match app.current_mode:
        case "doctor":
            await screen.show(done(data.KEY_UNSET))
        case "logs":
            app.store.append(data.requests())
            await pilot.pause()
            screen.view.catch_up()
            screen.each_second()
        case "usage":
            screen.show(usage(screen.snapshot.asked))
        case "keys":
            screen.show(KeysSnapshot(data.keys(), loaded=True))
    await settle(app, pilot)


def text_of(app: Any) -> str:
    """All text on the screen, as it is drawn."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in lines)


async def settle(app: ConsoleApp, pilot: Any) -> None:
    """Until workers are done and everything is painted: no message has waited for three rounds, as an event that bubbles would at each
    parent. A round waits for every widget, and for no time: on a busy machine a pause would be over too early."""
    quiet = 0
    for _ in range(200):
        with suppress(WorkerFailed):  # the screen says so, or else the app ends of it
            await app.workers.wait_for_complete()
        await pilot.pause(0)
        waiting = any(node.message_queue_size for node in (app, *app.screen.walk_children(with_self=True)))
        quiet = 0 if waiting else quiet + 1
        if quiet == 3:
            break
