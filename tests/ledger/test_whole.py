"""A store as a whole: it is proved, copied to every engine, and backed up, and stays as it is meanwhile."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from joytui.core.clock import now_ms
from joytui.core.errors import RefusedError, UnreachableError
from joytui.ledger import copying
from joytui.ledger.api import Ledger
from joytui.ledger.postgres import url
from joytui.ledger.postgres import whole as postgres_whole
from joytui.ledger.postgres.engine import PostgresLedger
from joytui.ledger.records import LessonRow, Page
from joytui.ledger.retention import Keeping
from joytui.ledger.sql import whole as reading
from joytui.ledger.sql.checks import check
from joytui.ledger.sql.whole import KEYS
from joytui.ledger.sqlite.engine import SqliteLedger
from joytui.ledger.sqlite.whole import back_up, open_target, open_whole
from joytui.ledger.whole import Target, Whole
from tests.ledger.filling import DAY, START
from tests.ledger.test_conformance import ENGINES, a_key, a_request, add, good, wanting
from tests.support.clock import Clock
from tests.support.needs import needs
from tests.support.postgres import PostgresServer


class Engine(NamedTuple):
    """How a test opens a store of an engine, which a folder stands for: for a gateway, to read it, to fill it."""

    ledger: Callable[[Path], Ledger]
    whole: Callable[[Path], Whole]
    target: Callable[[Path], Target]


SQLITE = Engine(
    lambda folder: SqliteLedger.open_store(folder / "l.sqlite3"),
    lambda folder: open_whole(folder / "l.sqlite3"),
    lambda folder: open_target(folder / "l.sqlite3"),
)
MADE_ANEW = ("lifetime", "lifetime_fill", "part_month", "rollup_month", "whole_month")
PRIVATE = {"access", "alert_watch", "client_fill", "clock_reading", "part_fill", "uncleaned", *MADE_ANEW}
"""What a store needs for itself alone: not copied, and made anew."""


def on_postgres(server: PostgresServer) -> Engine:
    """Each folder is its own schema."""
    names: dict[Path, str] = {}

    def store(folder: Path) -> url.StoreUrl:
        return url.parse(names.setdefault(folder, server.unmade_store()))

    return Engine(
        lambda folder: PostgresLedger.open_store(store(folder)),
        lambda folder: postgres_whole.open_whole(store(folder)),
        lambda folder: postgres_whole.open_target(store(folder)),
    )


def engine(name: str, request: pytest.FixtureRequest) -> Engine:
    return SQLITE if name == "sqlite" else on_postgres(request.getfixturevalue("postgres_server"))


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest) -> Engine:
    return engine(request.param, request)


_SERVER = needs("PostgreSQL")


@pytest.fixture(
    params=[
        ("sqlite", "sqlite"),
        pytest.param(("sqlite", "postgres"), marks=_SERVER),
        pytest.param(("postgres", "sqlite"), marks=(_SERVER, pytest.mark.slow)),
        pytest.param(("postgres", "postgres"), marks=(_SERVER, pytest.mark.slow)),
    ],
    ids="-".join,
)
def direction(request: pytest.FixtureRequest) -> tuple[Engine, Engine]:
    """From where to where."""
    source, target = request.param
    return engine(source, request), engine(target, request)


@pytest.fixture
def source(direction: tuple[Engine, Engine]) -> Engine:
    return direction[0]


@pytest.fixture
def target(direction: tuple[Engine, Engine]) -> Engine:
    return direction[1]


async def fill(ledger: Ledger) -> None:
    """Some of everything: two keys, budgets and wallets with holds of a request that still runs, refusals, a test."""
    ann, bob = await a_key(ledger, "ann", daily_limit="1"), await a_key(ledger, "bob")
    await ledger.set_wallet("standard", 10**9, None)
    await ledger.put_policy(ann.name, {"logs": True})
    await ledger.learn(LessonRow("http://u", "m", "text only", START))
    await ledger.create_token(ann.name, b"digest", "viewer")
    for number in range(12):
        key = (ann, bob, None)[number % 3]
        at = now_ms() - 3 * DAY + number * DAY // 5
        more = {"request_id": f"r{number}", "started_at": at, "doctor": number == 7}
        await add(ledger, key, ended=good(cost_nano=number, input_tokens=2 * number, ttft_ms=0.1 * number), **more)
    ledger.refuse(
        a_request(ledger, started_at=now_ms(), thread_id="é\u4e2d"), good()._replace(status=401), keyless=True
    )
    paid = a_request(ledger, ann, started_at=now_ms())
    await ledger.reserve(paid, wanting(ann, 500, ("daily", 10**6), ("total", 10**6)))
    ledger.end(paid, good(cost_nano=70), ann.budget_id, held=True)
    await ledger.reserve(a_request(ledger, ann, started_at=now_ms()), wanting(ann, 300, ("daily", 10**6)))
    await ledger.written()


async def filled(engine: Engine, folder: Path) -> None:
    folder.mkdir()
    ledger = engine.ledger(folder)
    await fill(ledger)
    ledger.close()


def faults(store: Whole) -> dict[str, int]:
    with store:
        assert store.damage() == []
        return {one.name: len(one.wrong) for one in check(store.connection) if one.wrong}


# --- check ------------------------------------------------------------------------------------------------------------


async def test_a_store_adds_up_also_after_retention(store: Engine, tmp_path: Path, clock: Clock) -> None:
    await filled(store, tmp_path / "a")
    with store.whole(tmp_path / "a") as whole:
        compared = {one.name: one.compared for one in check(whole.connection)}
        assert faults(whole) == {}
    assert {name for name, places in compared.items() if not places} == {"lifetimes", "months"}, compared
    ledger = store.ledger(tmp_path / "a")
    await ledger.tidy(now_ms() + 88 * DAY + DAY // 2, Keeping(90, 3600))
    assert 0 < len(await ledger.page(Page(100))) < 15
    ledger.close()
    assert faults(store.whole(tmp_path / "a")) == {}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE rollup_hour SET errors = errors + 1", {"hours"}),
        ("UPDATE part_day SET cost_nano = cost_nano - 1 WHERE part = 'key'", {"hours", "parts"}),
        ("UPDATE request SET cost_nano = cost_nano + 1 WHERE status = 200", {"rows"}),
        ("DELETE FROM request WHERE cost_nano = 0 AND status = 200", {"rows"}),
        ("UPDATE budget SET spent = spent + 1", {"budgets"}),
        ("UPDATE budget SET held = 0", {"budget holds"}),
        ("UPDATE wallet SET balance = balance + 1", {"wallets"}),
        ("UPDATE request SET status = 200 WHERE status IS NULL", {"holds", "rows"}),
    ],
)
async def test_each_fault_is_found(tmp_path: Path, change: str, found: set[str]) -> None:
    await filled(SQLITE, tmp_path / "a")
    with closing(sqlite3.connect(tmp_path / "a" / "l.sqlite3")) as connection, connection:
        assert connection.execute(change).rowcount > 0
    assert set(faults(open_whole(tmp_path / "a" / "l.sqlite3"))) == found


# --- copy -------------------------------------------------------------------------------------------------------------


def silent(what: str, done: int, total: int) -> None:
    assert 0 <= done <= total


async def test_a_copy_is_the_same_and_the_source_untouched(source: Engine, target: Engine, tmp_path: Path) -> None:
    await filled(source, tmp_path / "a")
    (tmp_path / "b").mkdir()
    before = {path: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    with source.whole(tmp_path / "a") as whole, target.target(tmp_path / "b") as to:
        assert copying.copy(whole, to, silent)
    with source.whole(tmp_path / "a") as whole, target.target(tmp_path / "b") as to:
        assert not copying.copy(whole, to, silent), "again: nothing to do"
    assert {path: path.read_bytes() for path in (tmp_path / "a").iterdir()} == before
    assert faults(target.whole(tmp_path / "b")) == {}
    ledgers = source.ledger(tmp_path / "a"), target.ledger(tmp_path / "b")
    for ask in (
        lambda ledger: ledger.page(Page(100)),
        lambda ledger: moved(ledger),
        lambda ledger: ledger.wallets(),
        lambda ledger: ledger.tokens(),
        lambda ledger: ledger.policies(),
        lambda ledger: ledger.usage(["day", "key"], 0, 2 * START),
    ):
        there, here = [await ask(ledger) for ledger in ledgers]
        assert there == here
    assert ledgers[0].access().keys == ledgers[1].access().keys
    assert ledgers[1].next_number() > max(number(entry.id) for _, entry in await ledgers[1].page(Page(100)))
    for ledger in ledgers:
        ledger.close()


async def moved(ledger: Ledger) -> list[object]:
    """Without what was given back when the store was opened, each at its own time."""
    return [replace(one, at=0) if one.kind == "release" else one for one in await ledger.wallet_entries(None, None, 99)]


def number(text: str) -> int:
    return int(text.removeprefix("req-"), 16)


async def test_a_copy_that_was_interrupted_goes_on(
    source: Engine, target: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 5)
    await filled(source, tmp_path / "a")
    (tmp_path / "b").mkdir()
    steps: list[int] = []

    def interrupted(what: str, done: int, total: int) -> None:
        steps.append(done)
        if what == "copying" and len(steps) % 5 == 0:
            raise KeyboardInterrupt

    while True:
        try:
            with source.whole(tmp_path / "a") as whole, target.target(tmp_path / "b") as to:
                assert copying.copy(whole, to, interrupted)
            break
        except KeyboardInterrupt:
            with pytest.raises(UnreachableError, match="unfinished copy"):
                target.ledger(tmp_path / "b")
            with pytest.raises(UnreachableError, match="unfinished copy"):
                target.whole(tmp_path / "b")
    copied = steps[: steps.index(max(steps)) + 1]
    assert len(copied) > 9
    assert copied == sorted(set(copied)), "no row was taken twice"
    assert faults(target.whole(tmp_path / "b")) == {}


async def test_a_source_that_changed_meanwhile_is_taken_from_the_beginning(
    source: Engine, target: Engine, tmp_path: Path
) -> None:
    await filled(source, tmp_path / "a")
    (tmp_path / "b").mkdir()
    last = []

    def interrupted(what: str, done: int, total: int) -> None:
        last.append(done)
        if what == "comparing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), source.whole(tmp_path / "a") as whole, target.target(tmp_path / "b") as to:
        copying.copy(whole, to, interrupted)
    ledger = source.ledger(tmp_path / "a")
    await add(ledger)
    await ledger.written()
    ledger.close()
    with source.whole(tmp_path / "a") as whole, target.target(tmp_path / "b") as to:
        assert copying.copy(whole, to, silent)


async def test_a_target_with_something_of_its_own_is_refused(source: Engine, target: Engine, tmp_path: Path) -> None:
    await filled(source, tmp_path / "a")
    await filled(target, tmp_path / "b")
    with source.whole(tmp_path / "a") as whole:
        with target.target(tmp_path / "b") as to, pytest.raises(RefusedError, match="not empty"):
            copying.copy(whole, to, silent)
        (tmp_path / "d").mkdir()
        with target.target(tmp_path / "d") as to:
            to.begin(copying.Half("another store", "", "api_key", None))
            with pytest.raises(RefusedError, match="unfinished copy of another store: another store"):
                copying.copy(whole, to, silent)


def test_every_table_is_copied_or_known_to_be_private(store: Engine, tmp_path: Path) -> None:
    """A table that is new needs a line in `ledger.sql.whole.KEYS`, or here."""
    SqliteLedger.open_store(tmp_path / "l.sqlite3").close()
    with closing(sqlite3.connect(tmp_path / "l.sqlite3")) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        assert {name for (name,) in names} == {*KEYS, *PRIVATE}
    store.ledger(tmp_path).close()
    with store.whole(tmp_path) as whole, open_whole(tmp_path / "l.sqlite3") as sqlite:
        assert list(whole.tables) == list(sqlite.tables), "every engine has the same columns"


# --- SQLite's own -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("commit", ["1862180", "6adaf4f"])
def test_an_older_store_is_read_as_it_would_be_now(tmp_path: Path, commit: str) -> None:
    """As an older version left it, with a request that a killed gateway had not ended."""
    disk = Path(__file__).parents[1] / "contract" / "stores" / commit / "disk" / "data"
    shutil.copytree(disk, tmp_path / "a")
    before = {path: path.read_bytes() for path in (tmp_path / "a").iterdir() if path.is_file()}
    assert faults(open_whole(tmp_path / "a" / "ledger.sqlite3")) == {}
    with open_whole(tmp_path / "a" / "ledger.sqlite3") as whole, open_target(tmp_path / "b.sqlite3") as to:
        assert copying.copy(whole, to, silent)
    assert {path: path.read_bytes() for path in (tmp_path / "a").iterdir() if path in before} == before
    assert faults(open_whole(tmp_path / "b.sqlite3")) == {}


def test_a_target_of_an_older_version_stays_as_it_is(tmp_path: Path) -> None:
    disk = Path(__file__).parents[1] / "contract" / "stores" / "6adaf4f" / "disk" / "data" / "ledger.sqlite3"
    shutil.copy(disk, tmp_path / "l.sqlite3")
    with pytest.raises(RefusedError, match="older joytui"):
        open_target(tmp_path / "l.sqlite3")
    assert (tmp_path / "l.sqlite3").read_bytes() == disk.read_bytes()


async def test_a_backup_is_whole_while_the_store_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joytui.ledger.sqlite.whole.PAGES", 1)
    await filled(SQLITE, tmp_path / "a")
    ledger = SqliteLedger.open_store(tmp_path / "a" / "l.sqlite3")
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        if len(told) < 50:
            ledger.write_now(lambda batch: batch.execute("UPDATE access SET version = version + 1"))
        told.append((done, total))

    rows = await ledger.page(Page(100))
    back_up(tmp_path / "a" / "l.sqlite3", tmp_path / "b.sqlite3", tell)
    ledger.close()
    assert len(told) > 20
    assert told == sorted(told), "it does not begin again when somebody writes"
    assert (tmp_path / "b.sqlite3").stat().st_mode & 0o777 == 0o600
    assert faults(open_whole(tmp_path / "b.sqlite3")) == {}
    again = SqliteLedger.open_store(tmp_path / "b.sqlite3")
    assert len(await again.page(Page(100))) == len(rows)
    again.close()


async def test_a_backup_writes_over_nothing_and_leaves_no_part(tmp_path: Path) -> None:
    await filled(SQLITE, tmp_path / "a")
    (tmp_path / "b").write_text("mine")
    with pytest.raises(RefusedError, match="already exists"):
        back_up(tmp_path / "a" / "l.sqlite3", tmp_path / "b", lambda done, total: None)
    assert (tmp_path / "b").read_text() == "mine"

    def interrupted(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(tmp_path / "a" / "l.sqlite3", tmp_path / "c", interrupted)
    with pytest.raises(RefusedError, match="No such file"):
        back_up(tmp_path / "a" / "l.sqlite3", tmp_path / "nowhere" / "c", lambda done, total: None)
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_what_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no store, but long enough to be read as one would be" * 50)
    with closing(sqlite3.connect(tmp_path / "other")) as other:
        other.execute("CREATE TABLE mine (x)")
    for name, says in (("none", "there is no store"), ("text", "cannot be read"), ("other", "not a joytui store")):
        with pytest.raises(UnreachableError, match=says):
            open_whole(tmp_path / name)
    for name, says in (("text", "cannot be used"), ("other", "not a joytui store")):
        with pytest.raises(UnreachableError, match=says):
            open_target(tmp_path / name)
