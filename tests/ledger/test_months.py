"""Sums by month say what their days say, on every engine, also where a day of a summed month changes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from joytui.core.clock import now_ms
from joytui.ledger.api import Ledger
from joytui.ledger.retention import Keeping
from joytui.ledger.sql import months
from joytui.ledger.sql.months import first_day, month_label, month_of, whole_months
from joytui.ledger.sqlite import engine
from tests.ledger.filling import DAY
from tests.ledger.test_conformance import a_key, add, good, ledger, open_store  # noqa: F401 (fixtures)
from tests.support.clock import Clock

KEEPING = Keeping(0, 60)
ASKED = (
    ["month"],
    ["month", "key"],
    ["month", "model"],
    ["month", "client"],
    ["month", "thread"],
    ["week"],
    ["key", "model"],
    [],
)


@pytest.fixture
def year(ledger: Ledger, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:  # noqa: F811
    """Makes a request of so many days ago."""
    monkeypatch.setattr(engine, "SLICE_PAUSE_S", 0)
    monkeypatch.setattr("joytui.ledger.postgres.engine.SLICE_PAUSE_S", 0)

    async def ask(days: int, **fields: object) -> None:
        at = now_ms() - days * DAY
        ended = good(cost_nano=1 + days, input_tokens=days)._replace(model_used=f"m{days % 3}")
        fields |= {"thread_id": f"t{days % 7}", "client": f"codex/{days % 2} (x)", "project": f"/p{days % 11}"}
        await add(ledger, ended=ended, started_at=at, **fields)

    return ask


async def answers(store: Ledger) -> list[object]:
    until = now_ms() + 1
    ranges = ((0, until), (until - 100 * DAY, until), (until - 95 * DAY - 4321, until - 33 * DAY))
    dearest = [await store.usage(["day", "project"], *edges, None, 4) for edges in ranges]
    return [await store.usage(by, *edges) for by in ASKED for edges in ranges] + dearest


async def test_months_answer_as_their_days_do(ledger: Ledger, year: Callable) -> None:  # noqa: F811
    key = await a_key(ledger)
    for days in range(0, 130, 3):
        await year(days, key=key if days % 2 else None, doctor=days == 60)
    await ledger.written()
    before = await answers(ledger)
    assert ledger.read_now(whole_months) == []
    await ledger.tidy(now_ms(), KEEPING)
    summed = ledger.read_now(whole_months)
    assert len(summed) == (month_of(now_ms() // DAY - months.REST_DAYS) - month_of(now_ms() // DAY - 129))
    assert all(one.ends == after.begins for one, after in pairwise(summed))
    assert await answers(ledger) == before


async def test_a_late_end_is_counted_in_a_month_that_was_summed(ledger: Ledger, year: Callable) -> None:  # noqa: F811
    for days in (120, 80):
        await year(days)
    await ledger.written()
    await ledger.tidy(now_ms(), KEEPING)
    assert len(ledger.read_now(whole_months)) == 2
    await year(81)
    await ledger.written()
    assert (await ledger.usage([], 0, now_ms()))[1].requests == 3
    assert len(ledger.read_now(whole_months)) < 2, "it is to be summed again"
    await ledger.tidy(now_ms(), KEEPING)
    assert len(ledger.read_now(whole_months)) == 2
    assert (await ledger.usage([], 0, now_ms()))[1].requests == 3


async def test_a_month_is_read_once_it_is_summed_to_its_end(
    ledger: Ledger,  # noqa: F811
    year: Callable,
) -> None:
    for days in (120, 118):
        await year(days)
    await ledger.written()
    await ledger.write(months.sum_next, now_ms())
    assert ledger.read_now(whole_months) == []
    assert (await ledger.usage(["month"], 0, now_ms()))[1].requests == 2


def test_months_are_those_of_the_calendar() -> None:
    assert [month_of(day) for day in (0, 30, 31, 365)] == [0, 0, 1, 12]
    assert (first_day(1), first_day(12), month_label(first_day(0)), month_label(14)) == (31, 365, "1970-01", "1971-03")
