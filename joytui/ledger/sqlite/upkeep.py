"""What keeps the store right: ending what a dead process left open, renewing and releasing leases, reading the clock."""

# ruff: noqa: S608 - the SQL is put together from this package's own words; values are always parameters

from __future__ import annotations

from collections.abc import Collection, Sequence

from joytui.core.clock import now_ms
from joytui.core.request import Ended, Opened
from joytui.ledger.records import DAY_MS, HOUR_MS, INTERRUPTED, Charge, interrupted
from joytui.ledger.retention import SLICE
from joytui.ledger.spool import End
from joytui.ledger.sql import sums_of_days
from joytui.ledger.sql.parts import FROM_ROWS, PARTS, PROGRAM, TABLES, Place
from joytui.ledger.sqlite.cleaning import clean_older
from joytui.ledger.sqlite.money import release
from joytui.ledger.sqlite.requests import end_request
from joytui.ledger.sqlite.writer import Batch


def recover(batch: Batch, left: Sequence[End]) -> int:
    """At the start, nothing can be running: the ends that an earlier gateway left are written, rows still open are ended (status
    500) and charged for what was noted of them as passed, holds released, and nobody is sending an alert.

    Gives how many requests a process took with it when it died.
    """
    for end in left:
        end_request(batch, *end)
    charged = len(Charge._fields)
    rows = batch.execute(
        f"SELECT (SELECT budget_id FROM api_key WHERE id = key_id), {', '.join((*Charge._fields, *Opened._fields))},"
        " model_used, provider, tier FROM request WHERE status IS NULL"
    ).fetchall()
    for budget_id, *row in rows:
        passed, opened = Charge(*row[:charged]), Opened(*row[charged:-3])
        why = (500, INTERRUPTED, interrupted("the gateway ended before this request did", passed), "gateway-error")
        model_used, provider, tier = row[-3:]
        ended = Ended(model_used, provider, tier, *why)._replace(**passed._asdict())
        end_request(batch, opened, ended, budget_id, held=True)
    for (n,) in batch.execute("SELECT DISTINCT n FROM hold").fetchall():
        release(batch, n, 0)
    batch.execute("UPDATE alert SET claimed_until = 0 WHERE claimed_until != 0")
    return len(rows)


def renew_leases(batch: Batch, running: Collection[int], lease_ms: int) -> int:
    """Prolongs the holds of running requests and releases those whose lease ran out. Gives how many requests lost theirs."""
    now = now_ms()
    batch.connection.executemany("UPDATE hold SET lease_until = ? WHERE n = ?", ((now + lease_ms, n) for n in running))
    lost = [n for (n,) in batch.execute("SELECT DISTINCT n FROM hold WHERE lease_until < ?", (now,))]
    for n in lost:
        release(batch, n, 0)
    return len(lost)


def probe(batch: Batch) -> None:
    """Takes some pages and gives them back: a full disk does not mind a transaction that writes nothing."""
    batch.execute("INSERT INTO spent_id VALUES ('', ?, 0)", ("probe" * 8_000,))
    batch.execute("DELETE FROM spent_id WHERE key_id = ''")


def sum_next(batch: Batch, at_ms: int) -> bool:
    """`sums_of_days.sum_next`, once an older store has all of its days."""
    if _lacks_days(batch):
        return False
    batch.sums.known_until = None
    return sums_of_days.sum_next(batch, at_ms)


def _lacks_days(batch: Batch) -> bool:
    return any(
        batch.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()
        for table in ("part_fill", "uncleaned", "client_fill")
    )


# --- what an older store lacks ----------------------------------------------------------------------------------------


def catch_up(batch: Batch) -> bool:
    """The next slice of it. False once nothing is left."""
    return fill(batch) or clean_older(batch) or fill_clients(batch)


def fill(batch: Batch, slice_: int = SLICE) -> bool:
    """Counts the next slice of an older store's rows in the parts that need them. False once nothing is left.

    Rows that changed since the tables were made (`seq`) are left out: they were counted when they ended.
    """
    state = batch.execute("SELECT n, seq FROM part_fill").fetchone()
    if state is None:
        return False
    above, seq = state
    first = batch.execute(_NEWEST, (above, slice_ - 1)).fetchone()
    low = first[0] if first else 0
    for unit, size in (("hour", HOUR_MS), ("day", DAY_MS)):
        for part in FROM_ROWS:
            batch.execute(
                _FILL.format(unit=unit, size=size, add=TABLES[f"part_{unit}"].add, **_columns(part)),
                (part, low, above, seq),
            )
    if first is None:
        batch.execute("DELETE FROM part_fill")
    else:
        batch.execute("UPDATE part_fill SET n = ?", (low,))
    return first is not None


def fill_clients(batch: Batch, slice_: int = SLICE) -> bool:
    """Tells the clients of the next slice of an older store's rows apart. False once nothing is left.

    Its sums by client began as those by key, of no client: what a row has goes from there to its client.
    """
    state = batch.execute("SELECT n, seq FROM client_fill").fetchone()
    if state is None:
        return False
    above, seq = state
    first = batch.execute(_NEWEST, (above, slice_ - 1)).fetchone()
    low = first[0] if first else 0
    for unit, size in (("hour", HOUR_MS), ("day", DAY_MS)):
        for client, sign in ((PROGRAM, "+"), ("''", "-")):
            move = _MOVE.format(unit=unit, size=size, client=client, sign=sign, add=TABLES[f"part_{unit}"].add)
            batch.execute(move, (low, above, seq))
    if first is None:
        for unit in ("hour", "day"):
            batch.execute(f"DELETE FROM part_{unit} WHERE part = 'client' AND client = '' AND requests = 0")
        batch.execute("DELETE FROM client_fill")
    else:
        batch.execute("UPDATE client_fill SET n = ?", (low,))
    return first is not None


_NEWEST = "SELECT n FROM request WHERE n < ? ORDER BY n DESC LIMIT 1 OFFSET ?"
_MOVE = f"""
    INSERT INTO part_{{unit}}
        (part, {{unit}}, {", ".join(Place._fields)}, requests, errors, {", ".join(Charge._fields[:5])})
    SELECT 'client', started_at / {{size}}, coalesce(key_id, ''), '', '', '', '', '', '', '', '', {{client}}, {{sign}}count(*),
        {{sign}}sum(status >= 400 OR error_type IS NOT NULL), {", ".join(f"{{sign}}sum({name})" for name in Charge._fields[:5])}
    FROM request r WHERE n >= ? AND n < ? AND seq <= ? AND status IS NOT NULL AND keyless = 0 AND doctor = 0
    GROUP BY started_at / {{size}}, key_id, {{client}}
    {{add}}
"""

_ROW = {
    "key_id": "coalesce(key_id, '')",
    "project": "coalesce(project, '')",
    "thread": "coalesce(thread_id, '')",
}
_FILL = """
    INSERT INTO part_{unit}
    SELECT ?, started_at / {size}, {key_id}, '', '', '', {project}, {thread}, '', '', '', '', count(*),
        sum(status >= 400 OR error_type IS NOT NULL), sum(input_tokens), sum(cached_input_tokens), sum(output_tokens),
        sum(reasoning_tokens), sum(cost_nano)
    FROM request WHERE n >= ? AND n < ? AND seq <= ? AND status IS NOT NULL GROUP BY 2, 3, 7, 8
    {add}
"""


def _columns(part: str) -> dict[str, str]:
    return {name: expression if name in PARTS[part] else "''" for name, expression in _ROW.items()}
