"""`joytui logs` on a machine without any gateway: Codex's own files tell."""

from __future__ import annotations

import json
import random
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

from joytui.cli import logs_follow
from joytui.cli.request_view import Feed
from joytui.client.console import ConsoleClient
from joytui.usage.newest import Wish
from joytui.usage.turns import turn_row_id
from tests.contract.product import next_line
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine
from tests.support.rollout_corpus import Thread, Truth
from tests.usage.test_joined import request, turn

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def a_turn(machine: Machine, number: int = 0, error: str = "", status: int = 402) -> Thread:
    thread = Thread(
        random.Random(number), Truth(), AT + timedelta(hours=number), version="0.171.0", cwd="/home/dev/shop"
    )
    thread.begin_turn()
    if not error:
        thread.answer((100, 40, 7, 3))
    thread.end_turn(error or None, status)
    thread.write(machine.folder / "home" / ".codex")
    return thread


def test_the_turns_of_this_machine(machine: Machine) -> None:
    good, bad = a_turn(machine), a_turn(machine, 1, "unexpected status 402 Payment Required: Wallet balance is too low")
    first, second = machine.call("logs", "--json").json_lines
    assert first["id"] == f"codex-{good.id}-{good.turn}"
    assert (first["source"], first["sources"], first["attempts"]) == ("rollout", ["rollout"], None)
    assert [first[name] for name in ("key", "key_id", "tier", "ip")] == [None] * 4
    assert (first["status"], first["input_tokens"], first["project"]) == (200, 100, "/home/dev/shop")
    assert (second["thread_id"], second["status"], second["cause"]) == (bad.id, 402, "insufficient-quota")
    assert machine.call("logs", "--json", "--filter", "status:402").json_lines == [second]
    assert machine.call("logs", "--json", "--limit", "1").json_lines == [second]
    assert machine.call("logs", "--json", "--source", "codex").json_lines == [first, second]
    assert machine.call("logs", "--json", "--request", first["id"]).json_lines == [first]
    table = machine.call("logs")
    assert "Wallet balance is too low" in table.out
    assert "shop" in table.out
    assert not machine.data.exists(), "it started a gateway, or left something behind"


def test_what_needs_a_gateway_says_so(machine: Machine) -> None:
    assert "No gateway is running" in machine.call("logs").err
    a_turn(machine)
    alone = machine.call("logs", "--source", "gateway")
    assert (alone.code, alone.out, "joytui gateway start" in alone.err) == (3, "", True)
    assert machine.call("logs", env={"JOYTUI_ADMIN_TOKEN": "x"}).code == 3
    assert machine.call("logs", "--gateway", "http://127.0.0.1:9", env={"JOYTUI_ADMIN_TOKEN": "x"}).code == 3
    missing = machine.call("logs", "--request", "codex-nothing")
    assert (missing.code, missing.out) == (1, "")
    assert machine.call("logs", "--source", "files").code == 2


def test_a_turn_is_told_when_it_ends_and_a_gateway_that_starts_later_is_noticed(machine: Machine) -> None:
    first = a_turn(machine)
    process = machine.start("logs", "--follow", "--json")
    assert json.loads(next_line(process))["thread_id"] == first.id
    second = a_turn(machine, 1)
    assert json.loads(next_line(process))["thread_id"] == second.id
    assert machine.call("gateway", "start").code == 0
    assert process.stderr
    assert "the gateway is running now" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=HANG_S) == ("", "")
    assert process.returncode == 130


async def test_what_codex_has_told_of_is_not_told_again() -> None:
    """Telemetry comes seconds after the turn's end, and need not name the turn."""
    shown: list[str] = []
    feed = cast(Feed, SimpleNamespace(show=lambda records: shown.extend(record.id for record in records)))
    late = request(1, id="late", source="telemetry", sources=("telemetry",), turn_id=None, upstream_id=None)
    both = logs_follow._Both(None, Wish(), feed)
    await both._show_turns([turn(1)])
    stream = SimpleNamespace(records=[late, request(2)])

    async def tail(*_: object, **__: object) -> AsyncIterator[SimpleNamespace]:
        yield stream

    await both._tail(cast(ConsoleClient, SimpleNamespace(tail=tail)), None)
    assert shown == [turn_row_id(turn(1)), request(2).id]
