"""Logs: filters on columns agree with filters on records, paging, marks, curl, ids; and a console on a real ledger."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from joytui.core.filter_meaning import predicate
from joytui.core.filters import parse
from joytui.core.request_lines import request_view
from joytui.tui.logs.curl import curl
from joytui.tui.logs.format import layout
from joytui.tui.logs.select import matching
from joytui.tui.logs.shown import Shown
from joytui.tui.logs.store import LogStore
from joytui.tui.screens.compare import CompareDialog
from tests.support.hang import HANG_S
from tests.support.needs import needs
from tests.support.terminal import Terminal
from tests.tui import data
from tests.tui.opening import LIVE, console, fill, settle, text_of
from tests.tui.test_start import command, configured

FILTERS = (
    "status:4xx", "status:402,404", "status>=500", "status<400", "-status:200", "is:running", "is:refused", "is:estimated",
    "key:codex-*", "key:CI-NIGHTLY", "model:auto", "used:gpt*", "-provider:openai", "tier:premium", "cost>0.01", "tokens>30k",
    "cached>5k", "reasoning=0", "ttft<1s", "latency>2s", "since:2026-11-23T13:30:00Z", "until:2026-11-23T13:30:00Z", "limit",
    '"not allowed"', "quota key:codex-ben", "0199f3a2-0007", "resp_0000001", "a0000000000", "id:req_*7", "id:0199f3a2-0007*",
    "id:resp_00000003", "thread:*3", "-quota", "zzz", "client:codex_exec/*", "status:4xx key:codex-* model:auto since:2026-11-23",
)  # fmt: skip


def filled(many: int = 240) -> LogStore:
    store = LogStore()
    store.append(data.requests(many))
    return store


@pytest.mark.parametrize("text", FILTERS)
def test_a_filter_finds_the_same_in_columns_as_in_records(text):
    store = filled()
    term = parse(text)
    holds = predicate(term)
    assert list(matching(term, store)) == [row for row in range(len(store)) if holds(store.record(row))]
    assert list(matching(term, store, 50, 90)) == [row for row in range(50, 90) if holds(store.record(row))]


def test_what_ends_enters_or_leaves_a_filter():
    store = filled(20)
    running, refused = Shown(store, parse("is:running")), Shown(store, parse("status:402 id:req_*19"))
    assert len(running) == 1
    before = len(refused)
    ended = {**data.requests(20)[-1], "status": 402}
    store.append([ended])
    running.refresh()
    other = Shown(store, parse("status:402"))
    assert len(running) == 0
    assert before == 0
    assert other.record(len(other) - 1).id == ended["id"]
    assert list(other.failed) == list(range(len(other)))


def test_the_oldest_leave_and_the_rest_stays_whole():
    store, whole = filled(200), filled(200)
    store.drop(60)
    assert [store.record(row) for row in range(140)] == [whole.record(row + 60) for row in range(140)]
    assert list(store.failed) == [row - 60 for row in whole.failed if row >= 60]
    assert store.older == whole.record(60).id
    assert store.find(whole.record(61).request_id) == 1
    assert store.find(whole.record(59).request_id) is None


@pytest.mark.parametrize(
    "ids",
    [
        ("req-0000000000000001", None, None),
        ("req-00000000000000FF", "0199F3A2-0000-7c11-9d20-000000000000", "resp_ABCDEF01"),
        ("odd id", "0199f3a2-0000-7c11-9d20-00000000000g", "chatcmpl-Bx8a"),
        ("req-", "", "漢字"),
    ],
)
def test_ids_of_any_shape_come_back(ids):
    own, request_id, upstream = ids
    row = {**data.requests(2)[0], "id": own, "request_id": request_id or own, "upstream_id": upstream}
    store = LogStore()
    store.append([row])
    back = request_view(store.record(0))
    assert (back["id"], back["request_id"], back["upstream_id"]) == (own, request_id or own, upstream)


@needs("bash")
def test_curl_names_the_key_by_its_variable():
    store = filled(3)
    text = curl(store.record(0), "http://127.0.0.1:8791")
    assert '-H "Authorization: Bearer $JOY_TOKEN_API_KEY"' in text
    assert "http://127.0.0.1:8791/openai/v1/responses" in text
    said = subprocess.run(["bash", "-nc", text], capture_output=True, text=True)
    assert said.stderr == ""


def test_the_column_of_keys_is_there_if_a_row_has_one_or_the_user_wants_it() -> None:
    assert "key" in [column.name for column in layout(80)]
    assert "key" not in [column.name for column in layout(80, keyless=True)]
    assert "key" in [column.name for column in layout(80, ("time", "key"), keyless=True)]


async def test_marks_compare_two_requests():
    app = console("logs")
    async with app.run_test(size=(120, 40)) as pilot:
        await fill(app, pilot)
        await pilot.press("equals_sign")
        await settle(app, pilot)
        assert "mark a request with space" in text_of(app)
        await pilot.press("E", "space")
        await settle(app, pilot)
        assert "◆ 1 marked" in text_of(app)
        await pilot.press("up", "equals_sign")
        await settle(app, pilot)
        assert isinstance(app.screen, CompareDialog)
        shown = text_of(app)
        assert "≠ status" in shown
        assert "✗ " in shown
        await pilot.press("escape", "escape")
        assert app.screen.view.marked == ()


async def test_an_id_is_gone_to_and_curl_is_copied():
    app = console("logs")
    async with app.run_test(size=(120, 40)) as pilot:
        await fill(app, pilot)
        wanted = app.store.record(17)
        app.screen.go_to(wanted.request_id)
        await settle(app, pilot)
        assert app.screen.selected() == wanted
        assert "WHO AND WHAT" in text_of(app)
        await pilot.press("y")
        assert app.clipboard.startswith("curl -N http://127.0.0.1:8791/openai/v1/responses")


async def test_a_pause_counts_what_is_new_and_holds_its_row():
    app = console("logs")
    async with app.run_test(size=(120, 40)) as pilot:
        await fill(app, pilot)
        view = app.screen.view
        await pilot.press("up")
        here = app.screen.selected()
        app.store.append([{**row, "id": f"new_{row['id']}"} for row in data.requests(8)])
        view.catch_up()
        app.screen.each_second()
        await settle(app, pilot)
        assert "8 new below" in text_of(app)
        app.store.drop(100)
        app.store.version += 1
        view.catch_up()
        assert app.screen.selected() == here


async def test_replay_needs_a_gateway_and_says_so():
    app = console("logs")
    async with app.run_test(size=(120, 40)) as pilot:
        await fill(app, pilot)
        app.link_state = LIVE
        await pilot.press("r")
        await settle(app, pilot)
        assert "there is no gateway to ask" in text_of(app)


# A real gateway on a ledger with more than one page


@pytest.fixture
def long_ledger(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A gateway with 1,300 requests, of which only the oldest failed; the environment in which the console finds it."""
    from tests.bench.console import fill as fill_ledger

    env = configured(tmp_path)
    fill_ledger(tmp_path / "data", 1300)
    with sqlite3.connect(tmp_path / "data" / "ledger.sqlite3") as ledger:
        ledger.execute(
            "UPDATE request SET status = 200, cause = NULL, error_type = NULL, error_message = NULL WHERE seq > 1"
        )
    process = subprocess.Popen(
        [sys.executable, "-m", "joytui", "gateway", "run", "--port", "0"], env=env, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready http")
        yield env
    finally:
        process.terminate()
        process.wait(HANG_S)


@pytest.mark.slow
def test_older_pages_errors_and_ids_come_from_the_gateway(long_ledger):
    with Terminal(command("--screen", "logs"), columns=140, lines=40, env=long_ledger) as terminal:
        terminal.wait_for("500 requests", "following")
        terminal.send("home")
        terminal.wait_for("1,000 requests")
        terminal.send("home")
        terminal.wait_for("1,300 requests")
        terminal.send("G", "E")
        terminal.wait_for("✗ 402", "paused")
        terminal.send("enter")
        terminal.wait_for("402 Payment Required", "refused before a model was chosen")
        terminal.send("escape")
        terminal.wait_gone("402 Payment Required")
        terminal.send("/")
        terminal.wait_for("the whole language")
        terminal.send("status:402", "enter")
        terminal.wait_for("filter status:402", "·  1 request ")
        terminal.send("q")
        assert terminal.wait_exit() == 0


@pytest.mark.slow
def test_the_filter_asks_the_gateway_and_so_does_an_older_error(long_ledger):
    with Terminal(command("--screen", "logs"), columns=140, lines=40, env=long_ledger) as terminal:
        terminal.wait_for("500 requests")
        terminal.send("/")
        terminal.wait_for("the whole language")
        terminal.send("is:error", "enter")
        terminal.wait_for("✗ 402", "·  1 request ")
        terminal.send("escape")
        terminal.wait_gone("filter is:error")
        terminal.send("E")
        terminal.wait_for("1,300 requests", "✗ 402")
        terminal.send("r")
        terminal.wait_for("Ask the same model again?")
        terminal.send("y")
        terminal.wait_for("replay: 200")
        terminal.send("q")
        assert terminal.wait_exit() == 0
