"""Request rows as they are written: opened when admitted, ended when over, whatever the end was."""
# ruff: noqa: S608 - the SQL is put together from the records' own field names; values are always parameters

from __future__ import annotations

from collections.abc import Mapping, Sequence

from joytui.core.joytoken import DOCTOR_OUTPUT
from joytui.core.redaction import Clean
from joytui.core.request import Ended, Opened, program
from joytui.ledger.api import DuplicateRequest
from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.records import (
    AGAIN_MOST_MS,
    AGAIN_MS,
    AGAIN_TURNLESS_MS,
    REPEATED,
    Candidate,
    Charge,
    Reservation,
    Watch,
)
from joytui.ledger.retention import KEYLESS_ROWS, SLICE
from joytui.ledger.sql import telemetry
from joytui.ledger.sql.parts import DOCTOR, Place
from joytui.ledger.sqlite.breaker import count
from joytui.ledger.sqlite.money import charge, extend, release, reserve
from joytui.ledger.sqlite.writer import Batch

_ROUTE = ("model_used", "provider", "tier")
_INSERTED = (*Opened._fields, "seq", *_ROUTE, "keyless")
_INSERT = f"INSERT INTO request ({', '.join(_INSERTED)}) VALUES ({', '.join('?' * len(_INSERTED))})"
_END = (
    f"UPDATE request SET {', '.join(f'{name} = ?' for name in (*Ended._fields, 'seq'))} WHERE n = ? AND status IS NULL"
)
_PASSED = f"UPDATE request SET {', '.join(f'{name} = ?' for name in Charge._fields)} WHERE n = ? AND status IS NULL"


def open_request(
    batch: Batch, opened: Opened, chosen: Candidate, ids_ms: int | None = None, watch: Watch | None = None
) -> None:
    """Writes the row of an admitted request. Raises DuplicateRequest if the client's id is spent, or Runaway."""
    _claim_id(batch, opened, ids_ms)
    if watch is not None:
        count(batch, opened.n, opened.started_at, watch)
    _write_row(batch, opened, *chosen.recorded())


def reserve_request(batch: Batch, opened: Opened, wanted: Reservation) -> Candidate:
    """Admits a request that money limits: holds its estimate and writes its row.

    Raises DuplicateRequest, Runaway, or Shortfall. Gives the candidate that it was admitted for.
    """
    _claim_id(batch, opened, wanted.ids_ms)
    if wanted.watch is not None:
        count(batch, opened.n, opened.started_at, wanted.watch)
    chosen = reserve(batch, opened.n, opened.started_at, wanted.limits, wanted.candidates, wanted.lease_ms)
    _write_row(batch, opened, *chosen.recorded())
    return chosen


def _claim_id(batch: Batch, opened: Opened, ids_ms: int | None) -> None:
    if opened.request_id is None or opened.key_id is None:
        return
    since = None if ids_ms is None else opened.started_at - ids_ms
    done = batch.execute(
        "INSERT INTO spent_id VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at WHERE at <= ?",
        (opened.key_id, opened.request_id, opened.started_at, since),
    ).rowcount
    if not done:
        raise DuplicateRequest(opened.request_id)


def _write_row(
    batch: Batch,
    opened: Opened,
    model_used: Clean | None,
    provider: Clean | None,
    tier: Clean | None,
    *,
    keyless: bool = False,
) -> None:
    batch.execute(_INSERT, (*opened, batch.next_seq(), model_used, provider, tier, keyless))
    if opened.key_id is not None and not opened.doctor:
        batch.sums.used(opened.key_id, None if keyless else opened.client, opened.started_at)


def note_passed(batch: Batch, so_far: Mapping[int, Charge]) -> None:
    """What open requests have cost so far, on their rows alone."""
    batch.connection.executemany(_PASSED, [(*charge, n) for n, charge in so_far.items()])


def extend_request(batch: Batch, opened: Opened, wanted: Reservation, so_far: Charge) -> Candidate:
    """Raises what an open request holds to a candidate's estimate (`money.extend`). Raises Shortfall."""
    if not batch.execute(_PASSED, (*so_far, opened.n)).rowcount:
        return wanted.candidates[-1]
    return extend(batch, opened.n, opened.started_at, wanted)


def end_request(
    batch: Batch, opened: Opened, ended: Ended, budget_id: str | None, held: bool, spare: Sequence[int] = ()
) -> None:
    """Ends an open row: sums, budgets and holds move in the same transaction. A row that ended before stays as it is.
    `spare`: a number for a row of what telemetry told, where this end parts it from the request.

    An answer that failed before anything came (status 5xx or an upstream's refusal) gives the client's id free again.
    """
    if not batch.execute(_END, (*ended, batch.next_seq(), opened.n)).rowcount:
        return
    if opened.request_id is not None and ended.status >= 400 and ended.status != 499:
        batch.execute(
            "DELETE FROM spent_id WHERE key_id = ? AND request_id = ?", (opened.key_id or "", opened.request_id)
        )
    if held:
        release(batch, opened.n, ended.cost_nano)
    if budget_id is not None and ended.cost_nano:
        charge(batch, budget_id, opened, ended.cost_nano)
    if opened.doctor and ended.output_tokens > DOCTOR_OUTPUT:
        opened = _counted(batch, opened)
    _sum(batch, opened, ended, refused=False)
    telemetry.ended(batch, opened, ended.latency_ms, spare)


def _counted(batch: Batch, opened: Opened) -> Opened:
    """A request that called itself a test of the doctor's, and got more than any of those: it counts as what it is."""
    batch.execute("UPDATE request SET doctor = 0 WHERE n = ?", (opened.n,))
    if opened.key_id is not None:
        batch.sums.used(opened.key_id, opened.client, opened.started_at)
    return opened._replace(doctor=False)


def answered(batch: Batch, key_id: str, upstream_id: str) -> bool:
    """Reads, in the writer's turn: an end that was handed over a moment ago has been written by then."""
    found = batch.execute(
        "SELECT 1 FROM request WHERE upstream_id = ? AND key_id = ? AND status IS NOT NULL LIMIT 1",
        (upstream_id, key_id),
    )
    return found.fetchone() is not None


def refuse_request(batch: Batch, opened: Opened, ended: Ended, keyless: bool = False) -> int:
    """A request that the gateway itself refused: it is admitted and ended at once, and costs nothing. Gives the number of its
    row: another attempt at what was refused a moment ago is counted in the row of the first.

    `keyless`: whoever sent it has no valid key, so its row takes the place of the oldest of its kind, and its words count
    nowhere.
    """
    kept = _another_attempt(batch, opened, ended, keyless)
    if kept is None:
        kept = opened.n
        _write_row(batch, opened, ended.model_used, ended.provider, ended.tier, keyless=keyless)
        batch.execute(_END, (*ended, batch.seq, opened.n))
    telemetry.ended(batch, opened, ended.latency_ms)
    if keyless:
        trim_keyless(batch)
        opened = opened._replace(model=None, project=None, thread_id=None, client=None)
        ended = ended._replace(model_used=None, provider=None, tier=None)
    _sum(batch, opened, ended, refused=True)
    return kept


_LAST_OF_THREAD = f"""
    SELECT n, started_at, coalesce(latency_ms, 0), {", ".join(REPEATED)}, status, error_type, keyless
    FROM request WHERE thread_id = ? AND n > ? AND source = 'gateway' ORDER BY n DESC LIMIT 1
"""
_AGAIN = """
    UPDATE request SET seen = seen + 1, attempts = max(attempts, seen + 1), error_message = ?, latency_ms = ?, seq = ? WHERE n = ?
"""


def _another_attempt(batch: Batch, opened: Opened, ended: Ended, keyless: bool) -> int | None:
    """Adds a refusal to the row of the one before, if it is the same one again: of the same turn of a thread that asked for nothing else
    in between, or within AGAIN_TURNLESS_MS. Gives the number of that row."""
    if opened.thread_id is None:
        return None
    oldest = opened.n - (AGAIN_MOST_MS << COUNTER_BITS)
    last = batch.execute(_LAST_OF_THREAD, (opened.thread_id, oldest)).fetchone()
    if last is None:
        return None
    n, began, took, *said = last
    same = [*(getattr(opened, name) for name in REPEATED), ended.status, ended.error_type, int(keyless)]
    within = AGAIN_TURNLESS_MS if opened.turn_id is None else AGAIN_MS
    if said != same or opened.started_at - began - took > within:
        return None
    took = round(max(0, opened.started_at - began) + (ended.latency_ms or 0), 3)
    batch.execute(_AGAIN, (ended.error_message, took, batch.next_seq(), n))
    if opened.key_id is not None and not opened.doctor:
        batch.sums.used(opened.key_id, None if keyless else opened.client, opened.started_at)
    return int(n)


def trim_keyless(batch: Batch) -> int:
    """Takes the oldest rows of those without a valid key, beyond KEYLESS_ROWS; a slice of them in a store that had them all."""
    return batch.execute(
        "DELETE FROM request WHERE n IN (SELECT n FROM request WHERE keyless = 1 ORDER BY n DESC LIMIT ? OFFSET ?)",
        (SLICE, KEYLESS_ROWS),
    ).rowcount


def _sum(batch: Batch, opened: Opened, ended: Ended, *, refused: bool) -> None:
    place = Place(
        key_id=opened.key_id or "",
        model=ended.model_used or opened.model or "",
        tier=ended.tier or "",
        provider=ended.provider or "",
        project=opened.project or "",
        thread=opened.thread_id or "",
        task=opened.root_thread or "",
        repo=opened.repo or "",
        commit_hash=opened.commit_hash or "",
        client=program(opened.client or ""),
    )
    failed = ended.status >= 400 or ended.error_type is not None
    numbers = (
        1,
        int(failed),
        int(refused),
        ended.input_tokens,
        ended.cached_input_tokens,
        ended.output_tokens,
        ended.reasoning_tokens,
        ended.cost_nano,
    )
    if opened.doctor:
        batch.sums.add_aside(DOCTOR, opened.started_at, place, numbers)
        return
    latency = None if refused else ended.latency_ms
    batch.sums.add(opened.started_at, place, numbers, ended.ttft_ms, latency)
