"""The guided first run: what it would do here, and its four steps, reported one by one. Touches no widget."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from joytui.core.joytoken import AUTO_MODEL, BASE_PATH
from joytui.core.local_address import local_url

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.codex.world import Invocation
    from joytui.core.places import Places
    from joytui.core.records import Report

StepName = Literal["gateway", "files", "doctor", "turn"]
Status = Literal["waiting", "running", "pass", "warn", "fail", "skip"]
TITLES: dict[StepName, str] = {
    "gateway": "The gateway on this machine",
    "files": "config.toml and a key",
    "doctor": "The doctor's test",
    "turn": "Codex's first turn",
}
NO_KEY_HERE = "n makes a new one (the old one stops working)"


@dataclass(frozen=True, slots=True)
class Told:
    """How a step stands, with a line about it."""

    step: StepName
    status: Status
    words: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be written: `patch` redacted, "" where config.toml has it already. `codex`: whether there is one on PATH."""

    config_file: str
    patch: str
    codex: bool
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended. `report` is the doctor's, once it ran; `turned`: Codex answered; `elsewhere`: a key was made before, and its value is not here."""

    report: Report | None = None
    turned: bool = False
    elsewhere: bool = False


def planned(args: tuple[str, ...], where: Places) -> Plan:
    """What a first run would write here; nothing is started or written. Raises JoytuiError."""
    from joytui.client.local import find
    from joytui.codex.look import look
    from joytui.core.codex_path import codex_path
    from joytui.doctor.scrub import shown_patch
    from joytui.doctor.setup import provider_plan, usable

    world = look(_invocation(args))
    usable(world)
    found = asyncio.run(find(where))
    base_url = (found.url if found else local_url(where)) + BASE_PATH
    fix, remark = provider_plan(world, base_url, AUTO_MODEL, lists_models=True)
    return Plan(
        world.config_file, shown_patch(fix.patch, world.secrets) or "", codex_path(os.environ) is not None, remark
    )


async def run(
    args: tuple[str, ...],
    where: Places,
    examine: Callable[[], Report],
    tell: Callable[[Told], None],
    heard: Callable[[str], None],
    *,
    start: bool = True,
    new_key: bool = False,
) -> Ended:
    """Does the steps; `tell` hears how each stands, `heard` Codex's own lines. Raises JoytuiError, after which the step that was
    under way has failed and those before it hold. `examine` is run in a thread."""
    from joytui.client.local import connect

    tell(Told("gateway", "running"))

    def announce(line: str) -> None:
        tell(Told("gateway", "running", line))

    async with await connect(where, start=start, announce=announce) as client:
        tell(Told("gateway", "pass", f"runs at {client.url}"))
        tell(Told("files", "running"))
        told = await _files(args, where, client, new_key=new_key)
        tell(told)
    if told.status != "pass":
        return Ended(elsewhere=True)
    tell(Told("doctor", "running", "a few tiny requests"))
    report = await asyncio.to_thread(examine)
    tell(Told("doctor", "pass" if report.verdict.works else "fail", report.verdict.title))
    if not report.verdict.works:
        return Ended(report)
    turn = await _turn(_invocation(args), tell, heard)
    tell(turn)
    return Ended(report, turn.status == "pass")


async def _files(args: tuple[str, ...], where: Places, client: ConsoleClient, *, new_key: bool) -> Told:
    """config.toml and `.env` in one entry of the journal: u puts both back."""
    from joytui.codex.look import look
    from joytui.doctor.fix import journal
    from joytui.doctor.fix.draft import as_if
    from joytui.doctor.fix.provider import SETUP
    from joytui.doctor.setup import key_here, key_in_dotenv, provider_plan

    world = await asyncio.to_thread(look, _invocation(args))
    fix, _ = provider_plan(world, client.url + BASE_PATH, AUTO_MODEL, lists_models=True)
    credential = as_if(world, fix.changes).credential
    key = await key_here(client, credential.value if credential else None, new=new_key)
    if key.state == "elsewhere":
        return Told("files", "warn", f"the key {key.name} already exists, but not here: {NO_KEY_HERE}")
    changes = fix.changes
    if key.state == "made":
        changes += key_in_dotenv(world, fix.changes, key.value)
    if changes:
        await asyncio.to_thread(journal.record, changes, SETUP, world.codex_home, where)
    kept = f"key {key.name}, in .env" if key.state == "made" else "the key that is already set works"
    return Told("files", "pass", f"{'written' if changes else 'as they should be'}; {kept}")


async def _turn(invocation: Invocation, tell: Callable[[Told], None], heard: Callable[[str], None]) -> Told:
    from joytui.core.codex_path import INSTALL_CODEX, codex_path
    from joytui.doctor.setup import PROMPT, first_turn

    codex = codex_path(invocation.env)
    if codex is None:
        return Told("turn", "skip", f"no codex on PATH yet: {INSTALL_CODEX}")
    tell(Told("turn", "running", f'codex exec "{PROMPT}"'))
    works = await first_turn(codex, invocation, heard)
    return Told("turn", "pass", "it works") if works else Told("turn", "fail", "Codex failed")


def _invocation(args: tuple[str, ...]) -> Invocation:
    from joytui.codex.world import Invocation

    return Invocation(args, dict(os.environ), Path.cwd())
