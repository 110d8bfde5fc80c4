"""A lead on Monday: who burnt the weekend's money, in which project; exported, and a limit set, in at most 12 keys."""

from __future__ import annotations

import csv
import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from joytui.core.clock import rfc3339
from joytui.ledger.sqlite.engine import SqliteLedger
from tests.ledger.filling import add, new_key
from tests.support.joytui_process import Machine
from tests.support.terminal import Terminal
from tests.tui.test_start import command

CREDIT = 10**9
HOUR_MS = 3_600_000
MOST_KEYS = 12
PROJECT = "/home/ben/shop"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Three people, two weeks of office hours; in four hours two days ago Ben's key spent a thousand times as much."""
    here = Machine(tmp_path)
    this_hour = time.time_ns() // 1_000_000 // HOUR_MS
    ledger = SqliteLedger.open_store(here.data / "ledger.sqlite3")
    for number, name in enumerate(("anna", "ben", "carl")):
        key = new_key(ledger, f"codex-{name}", owner=name.capitalize())
        for back in range(1, 16 * 24):
            wild = name == "ben" and 48 <= back < 52
            if back % 24 < 9 or wild:
                cost = 250 * CREDIT if wild else CREDIT // 4
                at = (this_hour - back) * HOUR_MS + 5
                project = PROJECT if name == "ben" else None
                add(ledger, at, key, number, cost_nano=cost, thread_id=f"{name}-1", project=project, input_tokens=10)
    ledger.write_now(lambda batch: None)
    ledger.close()
    left_at = rfc3339(datetime.now(UTC) - timedelta(days=3))
    (here.data / "console.json").write_text(json.dumps({"screen": "usage", "left_at": left_at}))
    return here


@pytest.mark.slow
def test_a_lead_on_monday(machine: Machine, tmp_path: Path) -> None:
    pressed = 0
    with Terminal(command(), columns=140, lines=40, env=machine.terminal_env, cwd=tmp_path) as terminal:

        def press(*keys: str) -> None:
            nonlocal pressed
            pressed += len(keys)
            terminal.send(*keys)

        terminal.wait_for("while you were away: ", "owner Ben", "key codex-ben", f"project {PROJECT}")
        press("a")
        terminal.wait_for("Unusual spending", "● new", "owner Ben")
        press("enter")
        terminal.wait_for("key:codex-ben since:", "codex-ben")
        press("x")
        terminal.wait_for("Export what is on the screen", "4 requests")
        press("enter")
        terminal.wait_for("Written:")
        press("P")
        terminal.wait_for("LAST TURN", "no limit")
        press("k")
        terminal.wait_for("● codex-ben", "No limit")
        press("L")
        terminal.wait_for("Limits of codex-ben")
        terminal.send(*"40")
        press("enter")
        terminal.wait_for("codex-ben is changed")
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.left_behind() == []
    assert pressed <= MOST_KEYS
    (file,) = tmp_path.glob("joytui-logs-*.csv")
    rows = list(csv.DictReader(file.open(newline="")))
    assert {(row["owner"], row["project"]) for row in rows} == {("Ben", PROJECT)}
    assert sum(float(row["cost_credits"]) for row in rows) == 1000
    listed = {key["name"]: key for key in machine.ask("keys", "list")["keys"]}
    assert listed["codex-ben"]["policy"]["daily_limit"] == "40"
    machine.call("gateway", "stop")
    assert not re.search(r"jt_local_\w{8}", file.read_text())
