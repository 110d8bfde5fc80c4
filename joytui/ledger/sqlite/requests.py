"""Request rows as they are written: opened when admitted, ended when over, whatever the end was."""
# ruff: noqa: S608 - the SQL is put together from the records' own field names; values are always parameters

from __future__ import annotations

from joytui.core.request import Ended, Opened
from joytui.ledger.api import DuplicateRequest
from joytui.ledger.records import Candidate, Charge, Reservation
from joytui.ledger.sqlite.money import charge, extend, release, reserve
from joytui.ledger.sqlite.parts import Place
from joytui.ledger.sqlite.writer import Batch

_ROUTE = ("model_used", "provider", "tier")
_INSERTED = (*Opened._fields, "seq", *_ROUTE)
_INSERT = f"INSERT INTO request ({', '.join(_INSERTED)}) VALUES ({', '.join('?' * len(_INSERTED))})"
_END = (
    f"UPDATE request SET {', '.join(f'{name} = ?' for name in (*Ended._fields, 'seq'))} WHERE n = ? AND status IS NULL"
)
_PASSED = f"UPDATE request SET {', '.join(f'{name} = ?' for name in Charge._fields)} WHERE n = ? AND status IS NULL"


def open_request(batch: Batch, opened: Opened, chosen: Candidate) -> None:
    """Writes the row of an admitted request. Raises DuplicateRequest if the client's id is spent."""
    _claim_id(batch, opened)
    _write_row(batch, opened, chosen.model, chosen.provider, chosen.tier)


def reserve_request(batch: Batch, opened: Opened, wanted: Reservation) -> Candidate:
    """Admits a request that money limits: holds its estimate and writes its row.

    Raises DuplicateRequest, or Shortfall. Gives the candidate that it was admitted for.
    """
    _claim_id(batch, opened)
    chosen = reserve(
        batch, opened.n, opened.started_at, wanted.budget_id, wanted.limits, wanted.candidates, wanted.lease_ms
    )
    _write_row(batch, opened, chosen.model, chosen.provider, chosen.tier)
    return chosen


def _claim_id(batch: Batch, opened: Opened) -> None:
    if opened.request_id is None or opened.key_id is None:
        return
    done = batch.execute(
        "INSERT OR IGNORE INTO spent_id VALUES (?, ?, ?)", (opened.key_id, opened.request_id, opened.started_at)
    ).rowcount
    if not done:
        raise DuplicateRequest(opened.request_id)


def _write_row(batch: Batch, opened: Opened, model_used: str | None, provider: str | None, tier: str | None) -> None:
    batch.execute(_INSERT, (*opened, batch.next_seq(), model_used, provider, tier))
    if opened.key_id is not None:
        batch.sums.used(opened.key_id, opened.client, opened.started_at)


def note_passed(batch: Batch, opened: Opened, so_far: Charge) -> None:
    """What an open request has cost so far, on its row alone."""
    batch.execute(_PASSED, (*so_far, opened.n))


def extend_request(batch: Batch, opened: Opened, wanted: Reservation, so_far: Charge) -> None:
    """Raises what an open request holds to its candidate's estimate. Raises Shortfall."""
    if batch.execute(_PASSED, (*so_far, opened.n)).rowcount:
        extend(batch, opened.n, opened.started_at, wanted)


def end_request(batch: Batch, opened: Opened, ended: Ended, budget_id: str | None, held: bool) -> None:
    """Ends an open row: sums, budgets and holds move in the same transaction. A row that ended before stays as it is.

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
        charge(batch, budget_id, opened.started_at, ended.cost_nano)
    _sum(batch, opened, ended, refused=False)


def refuse_request(batch: Batch, opened: Opened, ended: Ended) -> None:
    """One row for a request that the gateway itself refused: it is admitted and ended at once, and costs nothing."""
    _write_row(batch, opened, ended.model_used, ended.provider, ended.tier)
    batch.execute(_END, (*ended, batch.seq, opened.n))
    _sum(batch, opened, ended, refused=True)


def _sum(batch: Batch, opened: Opened, ended: Ended, *, refused: bool) -> None:
    place = Place(
        key_id=opened.key_id or "",
        model=ended.model_used or opened.model or "",
        tier=ended.tier or "",
        provider=ended.provider or "",
        project=opened.project or "",
        thread=opened.thread_id or "",
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
    latency = None if refused else ended.latency_ms
    batch.sums.add(opened.started_at, place, numbers, ended.ttft_ms, latency)
