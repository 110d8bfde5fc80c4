"""The sums by fewer fields are those of the rows: while written, after a migration half done, for the largest, for some."""

from __future__ import annotations

import random
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joytui.core.token_counts import MANY, OTHERS, UsageTotals
from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.records import KeyRow
from joytui.ledger.sql import parts
from joytui.ledger.sql.usage_sums import usage
from joytui.ledger.sqlite import upkeep
from joytui.ledger.sqlite.engine import SqliteLedger
from tests.ledger.filling import DAY, START, add, new_key
from tests.support.examples import examples
from tests.support.older_store import as_before_parts

DAYS = 6
_ROW = {
    "key_id": "coalesce(key_id, '')", "model": "coalesce(model_used, model, '')", "tier": "coalesce(tier, '')",
    "provider": "coalesce(provider, '')", "project": "coalesce(project, '')", "thread": "coalesce(thread_id, '')",
    "task": "coalesce(root_thread, '')", "repo": "coalesce(repo, '')", "commit_hash": "coalesce(commit_hash, '')",
    "client": "CASE client WHEN 'codex_exec/1 (Debian)' THEN 'codex_exec/1' ELSE coalesce(client, '') END",
}  # fmt: skip


def sums_differ(path: Path) -> list[str]:
    """The rebuild check: every part, hour and day, against a GROUP BY over the rows."""
    wrong = []
    with sqlite3.connect(path) as connection:
        for part, kept in parts.PARTS.items():
            for unit, size in (("hour", 3_600_000), ("day", DAY)):
                place = ", ".join(_ROW[name] if name in kept else "''" for name in parts.Place._fields)
                rows = connection.execute(
                    f"SELECT (n >> {COUNTER_BITS}) / {size}, {place}, count(*), sum(status >= 400 OR error_type IS NOT NULL),"
                    " sum(input_tokens), sum(cached_input_tokens), sum(output_tokens), sum(reasoning_tokens), sum(cost_nano)"
                    f" FROM request WHERE status IS NOT NULL GROUP BY {', '.join(map(str, range(1, 12)))}"
                ).fetchall()
                held = connection.execute(f"SELECT * FROM part_{unit} WHERE part = ?", (part,)).fetchall()
                if sorted(rows) != sorted(row[1:] for row in held):
                    wrong.append(f"{part} by {unit}")
    connection.close()
    return wrong


def fill_ledger(ledger: SqliteLedger, many: int, seed: int, made: list[KeyRow], first: int = 0) -> None:
    rng = random.Random(seed)
    for number in range(first, first + many):
        fields = {
            "model_used": rng.choice(["a", "b", None]), "tier": rng.choice(["economy", "premium", None]),
            "status": rng.choice([200, 200, 402]), "input_tokens": rng.randrange(1000), "output_tokens": rng.randrange(50),
            "cost_nano": rng.randrange(10**9), "thread_id": f"t{rng.randrange(30)}" if rng.random() < 0.9 else None,
            "project": rng.choice(["/p", "/q", None]), "root_thread": rng.choice(["t1", "t2", None]),
            "repo": rng.choice(["host/p", None]), "commit_hash": rng.choice(["c1", "c2", None]),
        }  # fmt: skip
        key = rng.choice([*made, None])
        if key:  # nothing counts by what somebody without a key says
            fields["client"] = rng.choice(["codex_exec/1 (Debian)", "curl/8", None])
        add(ledger, START + rng.randrange(DAYS * DAY), key, counter=number, **fields)
    ledger.write_now(lambda batch: None)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), old=st.integers(0, 120), new=st.integers(0, 60), slice_=st.integers(1, 40))
def test_an_older_store_is_filled_while_it_is_used(
    tmp_path_factory, seed: int, old: int, new: int, slice_: int
) -> None:
    path = tmp_path_factory.mktemp("older") / "ledger.sqlite3"
    ledger = SqliteLedger.open_store(path)
    made = [new_key(ledger, f"key-{i}") for i in range(3)]
    fill_ledger(ledger, old, seed, made)
    ledger.close()
    as_before_parts(path)
    ledger = SqliteLedger.open_store(path)
    fill_ledger(ledger, new, seed + 1, made, first=old)
    more = True
    while more:
        check_questions(ledger, path)
        more = ledger.write_now(upkeep.fill, slice_) or ledger.write_now(upkeep.fill_clients, slice_)
    assert sums_differ(path) == []
    check_questions(ledger, path)
    assert by_client(ledger, usage) == by_client(ledger, from_rows(["client"]))
    assert ledger.read_now(parts.complete_from, "thread") == 0
    ledger.close()


def check_questions(ledger: SqliteLedger, path: Path) -> None:
    for by in (["day", "thread"], ["project"], ["hour", "key", "project"], ["week", "model"]):
        summed, totals = ledger.read_now(usage, by, START + 5_000_000, START + DAYS * DAY - 7_000_000)
        raw, raw_totals = ledger.read_now(from_rows(by), by, START + 5_000_000, START + DAYS * DAY - 7_000_000)
        assert summed == raw
        assert totals == raw_totals
        _, totals = ledger.read_now(usage, ["client"], START + 5_000_000, START + DAYS * DAY - 7_000_000)
        assert totals == raw_totals, "who asked may not be told yet, but that it was asked"


def by_client(ledger: SqliteLedger, ask: Callable) -> list:
    return ledger.read_now(ask, ["day", "client"], START + 5_000_000, START + DAYS * DAY - 7_000_000)


def from_rows(by: list[str]) -> Callable:
    """The same question answered from the rows alone: a filter that every request passes."""
    from joytui.core.filters import parse

    return lambda connection, by, since, until: usage(connection, by, since, until, parse("tokens>=0"))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory):
    opened = SqliteLedger.open_store(tmp_path_factory.mktemp("parts") / "ledger.sqlite3")
    fill_ledger(
        opened, 600, 3, [new_key(opened, f"key-{i}", "ann" if i else None, ("web", "ci")[:i]) for i in range(3)]
    )
    yield opened
    opened.close()


def test_what_is_written_is_what_a_group_by_finds(ledger: SqliteLedger) -> None:
    assert sums_differ(ledger.path) == []


@settings(max_examples=examples(40), deadline=None)
@given(
    field=st.sampled_from(MANY), time=st.sampled_from([None, "hour", "day", "month"]),
    top=st.integers(1, 40), start=st.integers(0, DAYS * DAY), length=st.integers(0, DAYS * DAY),
)  # fmt: skip
def test_the_largest_and_the_others_are_everything(ledger, field, time, top, start, length) -> None:
    by = [*([time] if time else []), field]
    since, until = START + start, START + start + length
    every, whole = ledger.read_now(usage, by, since, until)
    shown, totals = ledger.read_now(usage, by, since, until, None, top)
    assert totals == whole
    cost: dict = defaultdict(list)
    for row in every:
        cost[row.by[field]].append(row.totals)
    ranked = sorted(cost, key=lambda name: -UsageTotals.sum(cost[name]).cost_nano)
    named = {row.by[field] for row in shown} - {OTHERS}
    assert len(named) == min(top, len(cost))
    assert named == set(ranked[:top])
    assert [row for row in shown if row.by[field] != OTHERS] == [row for row in every if row.by[field] in named]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("key", ["key-1", "nobody"]),
        ("owner", ["ann"]),
        ("model", ["a"]),
        ("label", ["web"]),
        ("task", ["t1"]),
        ("team", ["x"]),
    ],
)
def test_only_some_values_of_a_field(ledger: SqliteLedger, field: str, values: list[str]) -> None:
    every, _ = ledger.read_now(usage, ["hour", field], START + 1, START + DAYS * DAY - 1)
    some, _ = ledger.read_now(usage, ["hour", field], START + 1, START + DAYS * DAY - 1, None, None, values)
    assert bool(some) == (field != "team")
    assert some == [row for row in every if row.by[field] in values]


def test_an_end_beyond_the_last_request_reads_no_rows(ledger: SqliteLedger) -> None:
    """The hour that has just begun may hold a hundred thousand requests: its sums are there already."""
    read: list[str] = []
    connection = ledger.reader()
    connection.set_trace_callback(read.append)
    _, totals = usage(connection, ["day", "model"], START - DAY, START + DAYS * DAY + 1)
    connection.close()
    assert totals.requests == 600
    assert not [sql for sql in read if "FROM request r" in sql]
