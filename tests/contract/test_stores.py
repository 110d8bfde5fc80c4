"""What joytui left on disks before is opened by today's: the same answers, keys that work, changes that can be undone.

`stores/COMMIT/disk` is a whole machine as that commit's joytui left it, with a gateway that was killed in the middle of a
request; `made.json` has what that joytui answered then. `stores/make.py` made both. A member more is welcome, another
answer is not.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from joytui.codex.rollouts.cache import cache_path
from joytui.ledger.sqlite.schema import MIGRATIONS
from tests.contract.product import SHELL, ready
from tests.contract.stores import asked
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine
from tests.support.needs import lacking

STORES = Path(__file__).parent / "stores"
COMMITS = sorted(path.parent.name for path in STORES.glob("*/made.json"))


def machine_of(commit: str, folder: Path) -> tuple[Machine, Any]:
    """The machine as it was left, and what was made of it then."""
    made = json.loads((STORES / commit / "made.json").read_text(encoding="utf-8"))
    shutil.copytree(STORES / commit / "disk", folder)
    for path in (folder, *folder.rglob("*")):  # git keeps no modes
        path.chmod(0o700 if path.is_dir() else 0o600)
    for name, at in made["times"].items():
        os.utime(folder / name, (at, at))
    asked.replace_in_files(folder, asked.FOLDER, str(folder))
    cache = folder / "data" / "cache"
    for path in cache.iterdir():  # named after the place of CODEX_HOME
        path.rename(cache_path(folder / "home" / ".codex", cache))
    return Machine(folder, dict(SHELL)), made


@contextlib.contextmanager
def gateway(machine: Machine, token: str) -> Iterator[httpx.Client]:
    """Its gateway, with the admin token that it had."""
    url = machine.ask("gateway", "start")["url"]
    try:
        with httpx.Client(
            base_url=url, trust_env=False, verify=False, timeout=HANG_S, headers=asked.bearer(token)
        ) as http:
            yield http
    finally:
        assert machine.call("gateway", "stop").code == 0


THE_GATEWAY_ALONE = ("--source", "gateway")
"""Then, Codex's own files were no part of the logs."""


def test_there_are_stores() -> None:
    assert COMMITS


@pytest.mark.slow
@pytest.mark.parametrize("commit", COMMITS)
def test_a_store_of_then_gives_the_same_answers(commit: str, tmp_path: Path) -> None:
    machine, made = machine_of(commit, tmp_path / "machine")
    secrets, then = made["secrets"], made["answers"]
    wrong: list[str] = []
    with contextlib.chdir(machine.folder), gateway(machine, secrets["admin"]) as http:
        for path, says in then["paths"].items():
            now = asked.compared(path, http.get(path).json())
            wrong += [f"{path}{line}" for line in asked.other_than(says, now)]
        wrong += [f"tail{line}" for line in asked.other_than(then["tail"], asked.tail(http))]
        for line, says in then["commands"].items():
            more = THE_GATEWAY_ALONE if line.startswith("logs --limit") else ()
            wrong += [f"{line}{text}" for text in asked.other_than(says, asked.command(machine, line, *more))]
        for name, key in secrets["keys"].items():
            wrong += [f"key {name}{line}" for line in asked.other_than(then["keys"][name], asked.own(http, key))]
        assert http.get("/console/v1/tokens", headers=asked.bearer(secrets["reader"])).status_code == 200
        wrong += goes_on(http, secrets["keys"]["quiet"])
    for line in then["undone"]:
        wrong += [f"{line['line']}{text}" for text in asked.other_than(line, asked.undone(machine, line["line"]))]
    assert wrong == []
    with contextlib.closing(sqlite3.connect(machine.data / "ledger.sqlite3")) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert store.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


def goes_on(http: httpx.Client, key: str) -> Iterator[str]:
    """A request that comes now is numbered behind all that were there."""
    page = "/console/v1/requests?limit=1"
    before = http.get(page).json()["requests"][0]
    body = {"model": "joytui-offline", "messages": [{"role": "user", "content": "hi"}]}
    http.post("/openai/v1/chat/completions", json=body, headers=asked.bearer(key))
    after = http.get(page).json()["requests"][0]
    if not (after["seq"] > before["seq"] and after["id"] > before["id"] and after["key"] == "quiet"):
        yield f"after {before['id']} ({before['seq']}) came {after['id']} ({after['seq']})"


@pytest.mark.slow
@pytest.mark.parametrize("commit", COMMITS)
def test_budgets_of_that_day_go_on(commit: str, tmp_path: Path) -> None:
    """With the clock of the day on which the store was left: what was spent in its windows is spent still."""
    machine, made = machine_of(commit, tmp_path / "machine")
    then = made["answers"]["the same day"]
    clock = asked.clock_at(datetime.fromisoformat(then["at"]))
    if not clock:
        lacking("libfaketime", "apt-get install libfaketime")
    process = machine.start("gateway", "run", env=clock)
    try:
        ready(process)
        assert list(asked.other_than(then["keys"], asked.budgets(machine))) == []
    finally:
        process.terminate()
        process.communicate(timeout=HANG_S)


@pytest.mark.parametrize("commit", COMMITS)
def test_a_console_of_then_opens_as_it_was_left(commit: str, tmp_path: Path) -> None:
    from joytui.tui import memory, settings

    machine, _ = machine_of(commit, tmp_path / "machine")
    assert memory.load(machine.data / "console.json").screen == "usage"
    found = settings.load(machine.folder / "config.toml")
    assert (found.theme, found.budget, found.budget_period, found.ascii) == ("light", "20.5", "week", True)


def test_the_note_of_a_killed_server_is_read(tmp_path: Path) -> None:
    from joytui.web.token_notes import abandoned

    machine, made = machine_of("6adaf4f", tmp_path / "machine")
    (note,) = abandoned(machine.data)
    tokens = {one["id"] for one in made["answers"]["paths"]["/console/v1/tokens"]["tokens"]}
    assert (note.gateway, note.token_id in tokens) == ("", True)
    note.release()


def test_a_newer_store_is_refused_in_words(tmp_path: Path) -> None:
    """Of a joytui that is not written yet: the command says so, and leaves it as it is."""
    machine = Machine(tmp_path)
    store = asked.newer_store(machine.data / "ledger.sqlite3")
    before = store.read_bytes()
    said = machine.call("gateway", "start")
    assert (said.code, said.out) == (3, ""), said
    assert "the store was written by a newer joytui (schema 999" in said.err
    assert "--store" in said.err
    assert store.read_bytes() == before
