"""Makes screenshots/: the running console over a staged machine, as SVG, and one of a browser, as PNG.

Everything in them is real: the doctor examines a Codex home of the stage, the gateway is its own process with the
offline model, its requests were sent to it (the weeks before were written into its store first, by the ledger itself).
Only names are put in place: the stage's folder is shown as /home/anna.

python -m tests.make_screenshots [FOLDER] [NAME…]
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from joytui.codex.world import Invocation
from joytui.core.joytoken import KEY_VARIABLE, LOCAL_PORT, config_block
from joytui.core.records import Report
from joytui.doctor import examine
from joytui.tui.app import ConsoleApp
from joytui.tui.doctor.fixing import Offer, offer
from joytui.tui.link import Link
from joytui.tui.options import Options
from joytui.tui.settings import ConsoleSettings
from tests.support.browser import Browser
from tests.support.fault_gateway import GOOD_KEY, FaultGateway
from tests.tui.staging import Stage, now

FOLDER = Path(__file__).parent.parent / "screenshots"
SIZE = (120, 36)
LIMIT_S = 40.0
SHOWN_HOME = "/home/anna"


@dataclasses.dataclass(frozen=True, slots=True)
class Shot:
    """One picture: how the machine is staged, and what is pressed."""

    name: str
    screen: str
    prepare: Callable[[ConsoleApp, Any, Stage], Awaitable[None]]
    theme: str = "dark"
    stage: Callable[[Stage], dict[str, str]] | None = None


# The machine of a Doctor picture: writes config.toml, gives the environment beyond the stage's own.


def right(stage: Stage) -> dict[str, str]:
    _configure(stage, f"{stage.url}/openai/v1")
    return {KEY_VARIABLE: stage.plain["codex-anna"]}


def wrong_key(stage: Stage) -> dict[str, str]:
    _configure(stage, f"{stage.url}/openai/v1")
    return {KEY_VARIABLE: stage.plain["codex-anna"][:-1]}


def nobody_listens(stage: Stage) -> dict[str, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _configure(stage, f"http://127.0.0.1:{port}/openai/v1")
    return {KEY_VARIABLE: stage.plain["codex-anna"]}


def chat_only(stage: Stage) -> dict[str, str]:
    fault = FaultGateway("chat_only")
    _faults.append(fault)
    _configure(stage, fault.base_url)
    return {KEY_VARIABLE: GOOD_KEY}


_faults: list[FaultGateway] = []


def no_path(stage: Stage) -> dict[str, str]:
    _configure(stage, f"{stage.url}/v1")
    return {KEY_VARIABLE: stage.plain["codex-anna"]}


def _configure(stage: Stage, base_url: str) -> None:
    (stage.setup.codex_home / "config.toml").write_text(config_block(base_url), encoding="utf-8")


# What is done before the picture


async def until(pilot: Any, holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not holds():
            await pilot.pause(0.05)
    for _ in range(3):
        await pilot.pause(0.1)


async def examined(app: Any, pilot: Any, stage: Stage) -> None:
    await until(pilot, lambda: app.screen.snapshot.phase == "done")
    await pilot.press("r")
    await until(pilot, lambda: app.screen.snapshot.phase == "done" and app.screen.snapshot.sent)


TICKET = """$ codex exec "say hi"
ERROR: unexpected status 402 Payment Required: insufficient balance: daily limit reached,
url: https://api-dev.joytokens.ai/openai/v1/responses
"""


async def triaged(app: Any, pilot: Any, stage: Stage) -> None:
    await until(pilot, lambda: app.screen.snapshot.phase == "done")
    await pilot.press("p")
    await until(pilot, lambda: bool(app.screen.query("#ticket")))
    app.screen.query_one("#ticket").text = TICKET
    await until(pilot, lambda: app.screen.answer is not None)


async def fixed(app: Any, pilot: Any, stage: Stage) -> None:
    await examined(app, pilot, stage)
    await pilot.press("f")
    await until(pilot, lambda: len(app.screen_stack) > 1)


async def logged(app: Any, pilot: Any, stage: Stage) -> None:
    await until(pilot, lambda: len(app.store) > 20)


async def refused(app: Any, pilot: Any, stage: Stage) -> None:
    await logged(app, pilot, stage)
    app.screen.set_filter("status:403")
    await pilot.pause(0.3)
    await pilot.press("E", "enter")
    await until(pilot, lambda: app.screen.has_class("-detail"))


def _of_gateway(snapshot: Any) -> bool:
    return snapshot.source == "gateway" and snapshot.insight is not None and snapshot.insight.unit == "credits"


async def used(app: Any, pilot: Any, stage: Stage) -> None:
    await until(pilot, lambda: _of_gateway(app.screen.snapshot))


async def used_a_month(app: Any, pilot: Any, stage: Stage) -> None:
    await used(app, pilot, stage)
    await pilot.press("m", "g")
    await until(pilot, lambda: app.screen.snapshot.asked.group == "key" and not app.screen.snapshot.loading)


async def burned(app: Any, pilot: Any, stage: Stage) -> None:
    await used(app, pilot, stage)
    await pilot.press("b")


async def by_codex(app: Any, pilot: Any, stage: Stage) -> None:
    await used(app, pilot, stage)
    await pilot.press("s")
    await until(pilot, lambda: app.screen.snapshot.source == "codex")
    await pilot.press("g", "g")
    await until(pilot, lambda: app.screen.snapshot.asked.group == "project" and app.screen.snapshot.insight is not None)


async def keyed(app: Any, pilot: Any, stage: Stage) -> None:
    await until(pilot, lambda: len(app.screen.snapshot.keys) == 4)


async def filled_in(app: Any, pilot: Any, stage: Stage) -> None:
    await keyed(app, pilot, stage)
    await pilot.press("n")
    await until(pilot, lambda: bool(app.screen.query("#name")))
    for name, value in (("name", "codex-dora"), ("owner", "Dora"), ("daily_limit", "2"), ("expires", "90d")):
        app.screen.query_one(f"#{name}").value = value


async def dry_run(app: Any, pilot: Any, stage: Stage) -> None:
    await keyed(app, pilot, stage)
    app.show_key(next(key.id for key in app.screen.snapshot.keys if key.name == "docs-bot"))
    await until(pilot, lambda: app.screen.selected().name == "docs-bot")
    await pilot.press("k")
    await until(pilot, lambda: bool(app.screen.query("#model")))
    app.screen.query_one("#model").value = "joytui-offline-max"
    await pilot.press("enter")


SHOTS = (
    Shot("doctor-healthy", "doctor", examined, stage=right),
    Shot("doctor-401", "doctor", examined, stage=wrong_key),
    Shot("doctor-responses-unsupported", "doctor", examined, stage=chat_only),
    Shot("doctor-network", "doctor", examined, theme="light", stage=nobody_listens),
    Shot("doctor-fix", "doctor", fixed, stage=no_path),
    Shot("triage", "doctor", triaged, stage=right),
    Shot("logs", "logs", logged),
    Shot("logs-refusal", "logs", refused),
    Shot("usage", "usage", used),
    Shot("usage-light", "usage", used_a_month, theme="light"),
    Shot("usage-budget", "usage", burned),
    Shot("usage-codex", "usage", by_codex),
    Shot("keys", "keys", keyed),
    Shot("keys-form", "keys", filled_in),
    Shot("keys-check", "keys", dry_run),
)


PRINTED = {"report-preview": ("report", "--preview")}


async def shoot(shot: Shot, stage: Stage) -> str:
    extra = shot.stage(stage) if shot.stage else {}
    invocation = Invocation(args=(), env={**stage.setup.env, **extra}, cwd=stage.folder / "work")

    def look(order: Any, on_step: Any, cancelled: Any) -> Report:
        report = examine(
            invocation,
            send=order.send,
            timeout=order.timeout_s,
            on_step=lambda step: on_step(named(step, stage)),
            cancelled=cancelled,
        )
        return named(report, stage)

    def plan(finding: Any, args: tuple[str, ...]) -> Offer | None:
        found = offer(finding, args, invocation)
        return found and dataclasses.replace(
            found,
            summary=named(found.summary, stage),
            patch=named(found.patch, stage).replace("/" + SHOWN_HOME, SHOWN_HOME),
        )

    options = Options(
        offer=plan,
        places=stage.where,
        screen=shot.screen,
        theme=shot.theme,
        codex_home=stage.setup.codex_home,
        settings=ConsoleSettings(budget="2800", budget_period="month"),
        start_gateway=False,
        examine=look,
        link=lambda changed: Link(stage.where, changed),
    )
    app = ConsoleApp(options)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app.link_state.connected or shot.screen == "doctor")
        await shot.prepare(app, pilot, stage)
        for _ in range(6):
            await pilot.pause(0.15)
        return str(app.export_screenshot(title="joytui"))


def printed(stage: Stage, *words: str) -> str:
    """What a command really prints on this stage, as a picture."""
    from rich.console import Console
    from rich.text import Text

    wrong_key(stage)
    env = {**stage.setup.env, KEY_VARIABLE: GOOD_KEY, "COLUMNS": "110"}
    command = [sys.executable, "-m", "joytui", *words]
    done = subprocess.run(command, env=env, cwd=stage.folder / "work", capture_output=True, text=True, timeout=LIMIT_S)
    text = named(done.stdout + done.stderr, stage).replace(SHOWN_HOME + "/work", "~/app")
    console = Console(record=True, width=112, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ joytui {' '.join(words)}\n{text}".rstrip()))
    return console.export_svg(title="joytui")


def in_browser(stage: Stage) -> bytes:
    """What `joytui serve` shows in a real Chromium, as a PNG."""
    command = [sys.executable, "-m", "joytui", "serve", "--port", "0", "--screen", "usage"]
    server = subprocess.Popen(
        command, env=stage.setup.env, cwd=stage.folder / "work", stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        return asyncio.run(photographed(server.stdout.readline().split()[1], stage.folder / "browser"))
    finally:
        server.terminate()
        server.communicate(timeout=20)


async def photographed(url: str, profile: Path) -> bytes:
    async with Browser.started(profile) as browser:
        page = await browser.open(url)
        await page.resize(1280, 760)
        await page.wait_for("read-only", "SPEND", "joytui-offline-max", limit=LIMIT_S)
        for _ in range(3):  # the canvas follows the text by a frame
            picture = await page.picture()
        return picture


def named(value: Any, stage: Stage) -> Any:
    """The same record with the stage's folders under the names that a reader knows."""
    if isinstance(value, str):
        text = value.replace(str(stage.setup.codex_home), f"{SHOWN_HOME}/.codex")
        return text.replace(str(stage.folder / "home"), SHOWN_HOME).replace(str(stage.folder), SHOWN_HOME)
    if isinstance(value, tuple | list):
        return type(value)(named(part, stage) for part in value)
    if isinstance(value, dict):
        return {name: named(part, stage) for name, part in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: named(getattr(value, field.name), stage) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    return value


def offline(svg: str) -> str:
    """The picture without fonts from the network, in the fonts that a reader has."""
    svg = re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.S)
    return svg.replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")


def free_port() -> str:
    """The port that readers know from the text, where it is free."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", LOCAL_PORT))
        except OSError:
            return "0"
    return str(LOCAL_PORT)


def main(words: list[str]) -> int:
    folder = Path(words[0]) if words else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="joytui-") as name:
        stage = Stage(Path(name))
        stage.setup.with_codex()
        stage.fill(now(), as_at=now())
        stage.sessions(now())
        stage.start("--port", free_port())
        try:
            stage.work()
            for shot in SHOTS:
                if not words[1:] or shot.name in words[1:]:
                    file = folder / f"{shot.name}.svg"
                    file.write_text(offline(asyncio.run(shoot(shot, stage))), encoding="utf-8")
                    print(file.name)
            for name, words_of_it in PRINTED.items():
                if not words[1:] or name in words[1:]:
                    (folder / f"{name}.svg").write_text(offline(printed(stage, *words_of_it)), encoding="utf-8")
                    print(f"{name}.svg")
            if not words[1:] or "browser" in words[1:]:
                (folder / "browser.png").write_bytes(in_browser(stage))
                print("browser.png")
        finally:
            stage.close()
            for fault in _faults:
                fault.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
