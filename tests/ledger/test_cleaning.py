"""A store of an older version kept some texts as they came: they are cleaned, nothing is counted otherwise, in small slices."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from joytui.ledger.records import HOUR_MS, Page
from joytui.ledger.sql.usage_sums import usage
from joytui.ledger.sqlite import cleaning, upkeep
from joytui.ledger.sqlite.engine import SqliteLedger
from tests.ledger.filling import DAY, START, add, new_key
from tests.support.older_store import TOLD, TREE, as_before_cleaning

KEY = "jt_live_Qw8zXc5vBn2mKj4h"
RAW = f"m {KEY}"
ESC = "m\x1b]52;c;aGk=\x07"
"""Texts as no record takes them any more."""
KINDS = ("model", "tier", "provider", "project", "thread", "key")


def older(path: Path) -> None:
    ledger = SqliteLedger.open_store(path)
    key = new_key(ledger)
    for number in range(40):
        raw = (RAW, ESC, "m")[number % 3]
        fields = {name: raw for name in cleaning._COLUMNS if name != "request_id"}
        add(ledger, START + number * HOUR_MS, key, counter=number, **fields, cost_nano=number, latency_ms=1.0)
    ledger.close()
    as_before_cleaning(path)


def sums(ledger: SqliteLedger, by: str) -> dict[str | None, tuple[int, int]]:
    rows, _ = ledger.read_now(usage, [by], START, START + 3 * DAY)
    return {row.by[by]: (row.totals.requests, row.totals.cost_nano) for row in rows}


async def test_it_is_cleaned_and_counts_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.sqlite3"
    older(path)
    monkeypatch.setattr(cleaning, "SLICE", 7)
    ledger = SqliteLedger.open_store(path)
    before = {by: sums(ledger, by) for by in KINDS}
    slices = 0
    while await ledger.catch_up():
        slices += 1
    assert slices > 40 // 7, "in slices"
    masked, spaced = "m ‹redacted›", "m ]52;c;aGk="
    for by in KINDS[:-1]:
        old, new = before[by], sums(ledger, by)
        assert new == {masked: old[RAW], spaced: old[ESC], "m": old["m"]}, by
    assert sums(ledger, "key") == before["key"]
    entries = await ledger.page(Page(100))
    assert {record.model_used for _, record in entries} == {masked, spaced, "m"}
    assert not await ledger.catch_up()
    ledger.close()
    stored = b"".join(file.read_bytes() for file in path.parent.glob("ledger.sqlite3*"))
    assert KEY.encode() not in stored
    assert ESC.encode() not in stored
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


async def test_texts_that_are_no_utf8_are_cleaned_as_well(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    older(path)
    damaged = "CAST(x'6dff' AS TEXT)"
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE request SET project = {damaged} WHERE project = 'm'")
        connection.execute(f"UPDATE key_client SET client = {damaged} WHERE client = 'm'")
        for table in cleaning._SUMS:
            connection.execute(f"UPDATE {table} SET model = {damaged} WHERE model = 'm'")
    connection.close()
    ledger = SqliteLedger.open_store(path)
    while await ledger.catch_up():
        pass
    assert {row.by["model"] for row in (await ledger.usage(["model"], START, START + 3 * DAY))[0]} >= {"m"}
    assert {record.project for _, record in await ledger.page(Page(100))} == {"m", "m ‹redacted›", "m ]52;c;aGk="}
    ledger.close()


def test_every_text_of_a_table_of_sums_is_looked_at(ledger: SqliteLedger) -> None:
    with sqlite3.connect(ledger.path) as connection:
        for table, sums_ in cleaning._SUMS.items():
            columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
            texts = {name for _, name, kind, *_ in columns if kind == "TEXT"}
            assert set(sums_.place[sums_.names]) == texts - {"part", "key_id"}
        columns = connection.execute("PRAGMA table_info(request)").fetchall()
    connection.close()
    ours = {"key_id", "endpoint", "cause", "cost_source", "ip", *TREE, *TOLD}
    assert {name for _, name, kind, *_ in columns if kind == "TEXT"} - ours == set(cleaning._COLUMNS)


async def test_a_new_store_has_nothing_to_clean(ledger: SqliteLedger) -> None:
    add(ledger, START, new_key(ledger))
    assert ledger.write_now(upkeep.catch_up) is False
