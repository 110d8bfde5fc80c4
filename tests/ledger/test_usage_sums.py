"""Sums from rollups are the sums of the rows, to the token, whatever the range and the grouping."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joytui.core.filters import parse
from joytui.core.periods import PERIODS, period_label
from joytui.core.token_counts import TOKEN_NAMES, USAGE_GROUPS, UsageTotals
from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.sql.usage_sums import latency, percentiles, usage
from joytui.ledger.sqlite.engine import SqliteLedger
from tests.ledger.filling import DAY, START, add, new_key
from tests.support.examples import examples

HOUR = 3_600_000
SPAN = 9 * DAY


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory):
    """A ledger over nine days, and its rows as plain data."""
    folder: Path = tmp_path_factory.mktemp("usage")
    ledger = SqliteLedger.open_store(folder / "ledger.sqlite3")
    random_ = random.Random(4)
    labels = [(), ("web",), ("web", "night"), ("night", "ci", "web")]
    keys = [new_key(ledger, f"key-{i}", ("ann", "bob")[i % 2], labels[i]) for i in range(4)]
    rows = []
    for n in range(1500):
        key = random_.choice([*keys, None])
        fields = {
            "model_used": random_.choice(["a", "b", None]), "tier": random_.choice(["economy", "premium"]),
            "provider": "p", "status": random_.choice([200, 200, 402, 500]), "input_tokens": random_.randrange(10**6),
            "cached_input_tokens": random_.randrange(100), "output_tokens": random_.randrange(1000),
            "reasoning_tokens": random_.randrange(10), "cost_nano": random_.randrange(10**12),
            "thread_id": random_.choice(["t1", "t2", None]), "project": random_.choice(["/p", None]),
            "root_thread": random_.choice(["t1", None]), "repo": random_.choice(["host/p", "host/q", None]),
            "commit_hash": random_.choice(["c1", "c2", None]),
            "client": random_.choice(["codex_exec/1 (Debian)", "codex_exec/1 (macOS)", "curl", None]),
        }  # fmt: skip
        number = add(ledger, START + random_.randrange(SPAN), key, counter=n, **fields)
        rows.append(
            {
                "at": number >> COUNTER_BITS,
                "key": key.name if key else None,
                "owner": key.owner if key else None,
                "label": key.labels if key else (),
                **fields,
            }
        )
    ledger.write_now(lambda batch: None)
    yield ledger, rows
    ledger.close()


def values(row: dict, name: str) -> tuple[str | None, ...]:
    """The rows of a grouping in which a request stands: one, but for labels."""
    if name in PERIODS:
        return (period_label(name, row["at"] // HOUR),)
    match name:
        case "label":
            return row["label"] or (None,)
        case "team" | "branch":
            return (None,)
        case "model":
            return (row["model_used"] or "auto",)
        case "client":
            return (row["client"] and row["client"].split(" ")[0],)
    return (row[{"thread": "thread_id", "task": "root_thread", "commit": "commit_hash"}.get(name, name)],)


def expected(rows: list[dict], by: list[str], since: int, until: int) -> dict:
    sums: dict = defaultdict(list)
    for row in rows:
        if not since <= row["at"] < until:
            continue
        tokens = [row[name] for name in TOKEN_NAMES]
        numbers = UsageTotals(1, int(row["status"] >= 400), *tokens, row["cost_nano"])
        for place in product(*(values(row, name) for name in by)):
            sums[place].append(numbers)
    return {place: UsageTotals.sum(numbers) for place, numbers in sums.items()}


BY = st.lists(st.sampled_from(USAGE_GROUPS), unique=True, max_size=3)


@settings(max_examples=examples(120), deadline=None)
@given(BY, st.integers(-HOUR, SPAN), st.integers(0, SPAN + DAY))
def test_any_range_and_grouping_is_exact(corpus, by: list[str], start: int, length: int) -> None:
    ledger, rows = corpus
    since, until = START + start, START + start + length
    found, totals = ledger.read_now(usage, by, since, until)
    assert {tuple(row.by[name] for name in by): row.totals for row in found} == expected(rows, by, since, until)
    assert totals == expected(rows, [], since, until).get((), UsageTotals())
    if "label" not in by:
        assert UsageTotals.sum(row.totals for row in found) == totals, "every credit stands in one row"


def test_a_filter_sums_what_it_finds(corpus) -> None:
    ledger, rows = corpus
    found, totals = ledger.read_now(usage, ["key"], 0, START + SPAN, parse("status:402 tier:premium"))
    wanted = [row for row in rows if row["status"] == 402 and row["tier"] == "premium"]
    assert totals.requests == len(wanted) == sum(row.totals.requests for row in found)


def test_all_time_is_not_slow_and_times_are_in_order(corpus) -> None:
    ledger, rows = corpus
    found, totals = ledger.read_now(usage, ["day"], 0, 10**14)
    assert [row.by["day"] for row in found] == sorted({period_label("day", row["at"] // HOUR) for row in rows})
    assert totals.requests == len(rows)


@pytest.mark.parametrize("kept", [0, 1, 5, 9])
def test_ranges_after_retention_are_exact_to_the_hour(ledger: SqliteLedger, kept: int) -> None:
    """Whole hours of days whose rows have gone, wherever the range ends among them; the newest `kept` rows are still there."""
    moments = [START + hour * HOUR + 20 * 60_000 for hour in (9, 10, 20, 23, 24, 33, 47, 58, 71)]
    for at in moments:
        add(ledger, at, cost_nano=7)
    edge = moments[-kept] if kept else moments[-1] + HOUR
    ledger.write_now(lambda batch: batch.execute("DELETE FROM request WHERE started_at < ?", (edge,)).rowcount)
    for low in range(0, 75, 3):
        for high in range(low, 75):
            since, until = START + low * HOUR, START + high * HOUR
            _, totals = ledger.read_now(usage, [], since, until)
            assert totals.requests == sum(since <= at < until for at in moments), (low, high)
    for more in (1, 30 * 60_000, HOUR, 3 * DAY, 10**13):
        assert ledger.read_now(usage, [], 0, moments[-1] + more)[1].requests == len(moments) - (
            kept == 0 and more < HOUR
        )


def test_percentiles_are_within_five_percent(ledger: SqliteLedger) -> None:
    values = [1.5**i for i in range(30)]
    for i, value in enumerate(values):
        add(ledger, START, counter=i, latency_ms=value, ttft_ms=value / 2)
    ledger.write_now(lambda batch: None)
    [row] = ledger.read_now(latency, START, START + 1)
    assert row["requests"] == 30
    assert row["latency_p50"] == pytest.approx(values[14], rel=0.05)
    assert row["latency_p95"] == pytest.approx(values[28], rel=0.05)
    assert row["ttft_p99"] == pytest.approx(values[29] / 2, rel=0.05)
    assert percentiles([]) == {50: None, 95: None, 99: None}
