"""A wrong clock bends neither budgets, nor logs and sums, nor retention; and that it was changed is said."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from joytui.gateway import runtime
from joytui.ledger.sqlite import engine
from tests.contract.product import ready
from tests.gateway.served import SAY_HI, Served, served
from tests.support.clock import Clock
from tests.support.faketime import clock_set
from tests.support.hang import HANG_S, poll
from tests.support.joytui_process import Machine
from tests.support.needs import needs

DAY = timedelta(days=1)
DECADE = timedelta(days=3653)
TURN = {**SAY_HI, "max_tokens": 100}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as here:
        yield here


# --- budgets, logs, sums ----------------------------------------------------------------------------------------------


async def budget(gateway: Served, key_id: str) -> tuple[str, str]:
    """What is spent of the daily limit, and when it resets."""
    (daily,) = (await gateway.ask(f"keys/{key_id}"))["budgets"]
    return daily["spent"], daily["resets_at"]


async def used_up(gateway: Served, key: str) -> httpx.Response:
    """Sends until the limit refuses; the refusal."""
    while (answer := await gateway.chat(key, TURN)).status_code == 200:
        pass
    return answer


async def test_what_was_spent_stays_in_its_day_whatever_the_clock_does(gateway: Served, clock: Clock) -> None:
    """Used up today; then the clock is a day ahead, ten years ahead, right again; then it is tomorrow."""
    made = await gateway.new_key("lead", policy={"daily_limit": "0.3"})
    refused = await used_up(gateway, made["key"])
    today = await budget(gateway, made["id"])
    assert today[1] == "2026-11-24T00:00:00.000Z"
    spent = {0: today[0]}
    for ahead in (DAY, DECADE):
        clock.advance(ahead)
        assert (await gateway.chat(made["key"], TURN)).status_code == 200, "another day"
        spent[ahead.days] = (await budget(gateway, made["id"]))[0]
        clock.advance(-ahead)
        again = await gateway.chat(made["key"], TURN)
        assert (again.status_code, again.json()) == (402, refused.json()), "today's is spent, and resets at midnight"
        assert await budget(gateway, made["id"]) == today
    clock.advance(DAY)
    assert (await budget(gateway, made["id"]))[0] == spent[1], "what was spent under tomorrow's date, and nothing more"
    clock.advance(DAY)
    assert (await budget(gateway, made["id"])) == ("0", "2026-11-26T00:00:00.000Z")
    await used_up(gateway, made["key"])
    assert await budget(gateway, made["id"]) == (today[0], "2026-11-26T00:00:00.000Z"), "as much as today"


async def test_requests_after_a_wrong_clock_have_their_own_time(gateway: Served, clock: Clock) -> None:
    key = await gateway.key()
    clock.advance(DECADE)
    await gateway.chat(key)
    clock.advance(-DECADE)
    for _ in range(3):
        await gateway.chat(key)
    rows = await gateway.logs()
    assert [row["time"][:4] for row in rows] == ["2026", "2026", "2026", "2036"], "newest first, as they came"
    assert len(await gateway.logs(since="1d")) == 3 + 1, "from then on: also what is dated later"
    assert (await gateway.ask("usage", since="1d"))["totals"]["requests"] == 3
    assert [row["day"] for row in (await gateway.ask("usage", by="day"))["rows"]] == ["2026-11-23"]


# --- a change of the clock is said ------------------------------------------------------------------------------------


@needs("libfaketime")
def test_a_clock_that_is_set_is_in_status_and_log(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine")
    said = tmp_path / "clock"
    said.write_text("+0d")
    with running(machine, clock_set(said)):
        assert warnings(machine) == []
        said.write_text("+3653d")
        (warning,) = warned(machine)
        assert warning.startswith("the clock was set 3,653 days ahead, to 20")
        assert f"warning: {warning}" in machine.call("gateway", "status").err
    said.write_text("+0d")
    with running(machine, clock_set(said)) as err:
        (warning,) = warned(machine)
        assert "days back, to 20" in warning, "since the last start"
    assert warning in "".join(err)


def warnings(machine: Machine) -> list[str]:
    return list(machine.ask("gateway", "status")["warnings"])


def warned(machine: Machine) -> list[str]:
    """The warnings, once there are any."""
    url = machine.ask("gateway", "status")["url"]
    token = (machine.data / "admin-token").read_text().strip()
    with httpx.Client(base_url=url, trust_env=False, headers={"authorization": f"Bearer {token}"}) as http:
        poll(lambda: http.get("/console/v1/status").json()["warnings"] != [], lambda: "a warning")
    return warnings(machine)


@contextlib.contextmanager
def running(machine: Machine, clock: dict[str, str]) -> Iterator[list[str]]:
    """`gateway run` with this clock until the block ends; then the list has what it said on stderr."""
    machine.env.pop("FAKETIME", None)  # of a whole run under another clock: it would go before the file
    process = machine.start("gateway", "run", env=clock)
    said: list[str] = []
    try:
        ready(process)
        yield said
    finally:
        process.terminate()
        said.append(process.communicate(timeout=HANG_S)[1])
    assert process.returncode == 0, said


# --- retention --------------------------------------------------------------------------------------------------------


@needs("libfaketime")
def test_a_start_with_the_clock_ten_years_ahead_removes_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine")
    (machine.folder / "config.toml").write_text("[gateway]\nretention_days = 1\n")
    said = tmp_path / "clock"
    said.write_text("+0d")
    with running(machine, clock_set(said)):
        key = machine.ask("keys", "create", "dev")["key"]
        url = machine.ask("gateway", "status")["url"]
        assert machine.send(url, key).status_code == 200
        before = machine.call("logs", "--json").json_lines
        assert len(before) == 1
    said.write_text("+3653d")
    with running(machine, clock_set(said)):
        url = machine.ask("gateway", "status")["url"]
        assert machine.send(url, key).status_code == 200, "the upkeep has had its first turn before"
        rows = machine.call("logs", "--json").json_lines
        assert len(rows) == 2
        assert rows[0] == before[0]


class Hours:
    """Time that goes on, for the clock and for the gateway's own measure of it, with upkeep in between."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
        self.clock, self.seconds, self.rounds = clock, 1000.0, 0
        monkeypatch.setattr(runtime, "time", SimpleNamespace(monotonic=lambda: self.seconds))
        monkeypatch.setattr(engine, "SLICE_PAUSE_S", 0, raising=False)

    async def go_on(self, gateway: Served, hours: float, ahead: timedelta = timedelta()) -> int:
        """So many hours more, in steps of the upkeep; then how many rows there are."""
        self.clock.advance(ahead)
        upkeep: Any = gateway.gateway._tidy
        for _ in range(round(hours * 6)):
            self.seconds += 600
            self.clock.advance(timedelta(minutes=10))
            await upkeep()
        await upkeep()
        return len(await gateway.logs())


async def test_retention_waits_until_the_clock_has_been_steady_for_an_hour(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = Hours(monkeypatch, clock)
    async with served(tmp_path, retention_days=1) as here:
        await here.chat(await here.key())
        assert await hours.go_on(here, 20) == 1
        assert await hours.go_on(here, 0.5, DECADE) == 1
        assert await hours.go_on(here, 2, -DECADE) == 1
    async with served(tmp_path, retention_days=1) as here:
        assert await hours.go_on(here, 0.5, DECADE) == 1
        assert await hours.go_on(here, 0.5, -DECADE) == 1
        assert await hours.go_on(here, 0.5, DAY) == 1, "the day is over, by a clock that has not kept on"
        assert await hours.go_on(here, 1) == 0
        assert (await here.ask("usage"))["totals"]["requests"] == 1, "it is counted"
