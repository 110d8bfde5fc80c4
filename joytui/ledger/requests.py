"""Request rows as they are written: opened when admitted, ended when over, whatever the end was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from joytui.ledger.ids import milliseconds
from joytui.ledger.money import Candidate, Period, charge, release, reserve
from joytui.ledger.parts import Place
from joytui.ledger.writer import Batch


class Opened(NamedTuple):
    """What is known when a request is admitted (or refused). The order is that of the INSERT."""

    n: int
    key_id: str | None
    model: str | None
    endpoint: str
    stream: bool
    request_id: str | None
    thread_id: str | None
    project: str | None
    client: str | None
    ip: str | None


class Ended(NamedTuple):
    """What is known at the end. The order is that of the UPDATE. `cost_source`: "upstream", "estimated" or "none".

    Times count from when the request came; `queue_ms` ends when it is handed to the upstream, `first_byte_ms` when the
    head of the upstream's answer is there.
    """

    model_used: str | None
    provider: str | None
    tier: str | None
    status: int
    error_type: str | None = None
    error_message: str | None = None
    cause: str | None = None
    finish: str | None = None
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nano: int = 0
    cost_source: str = "none"
    ttft_ms: float | None = None
    latency_ms: float | None = None
    upstream_id: str | None = None
    billing_id: str | None = None
    notes: str | None = None
    queue_ms: float | None = None
    first_byte_ms: float | None = None


class DuplicateRequest(Exception):
    """This key already has a request under this client request id."""


_INSERT = """
    INSERT INTO request (n, key_id, model, endpoint, stream, request_id, thread_id, project, client, ip, seq, model_used, provider, tier)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_END = """
    UPDATE request SET model_used = ?, provider = ?, tier = ?, status = ?, error_type = ?, error_message = ?, cause = ?,
        finish = ?, input_tokens = ?, cached_input_tokens = ?, output_tokens = ?, reasoning_tokens = ?, cost_nano = ?,
        cost_source = ?, ttft_ms = ?, latency_ms = ?, upstream_id = ?, billing_id = ?, notes = ?,
        queue_ms = ?, first_byte_ms = ?, seq = ?
    WHERE n = ? AND status IS NULL
"""


def open_request(batch: Batch, opened: Opened, model_used: str | None, provider: str | None, tier: str | None) -> None:
    """Writes the row of an admitted request. Raises DuplicateRequest where the client's id is spent."""
    _claim_id(batch, opened)
    _write_row(batch, opened, model_used, provider, tier)


class Reservation(NamedTuple):
    """What an admission has to hold: limits in nano-credits by period, and the candidates in the order to try them."""

    budget_id: str
    limits: Sequence[tuple[Period, int]]
    candidates: Sequence[Candidate]
    lease_ms: int


def reserve_request(batch: Batch, opened: Opened, wanted: Reservation) -> Candidate:
    """Admits a request that money limits: holds its estimate and writes its row.

    Raises DuplicateRequest, or Shortfall. Gives the candidate that it was admitted for.
    """
    _claim_id(batch, opened)
    at = milliseconds(opened.n)
    chosen = reserve(batch, opened.n, at, wanted.budget_id, wanted.limits, wanted.candidates, wanted.lease_ms)
    _write_row(batch, opened, chosen.model, chosen.provider, chosen.tier)
    return chosen


def _claim_id(batch: Batch, opened: Opened) -> None:
    if opened.request_id is None or opened.key_id is None:
        return
    done = batch.execute(
        "INSERT OR IGNORE INTO spent_id VALUES (?, ?, ?)", (opened.key_id, opened.request_id, milliseconds(opened.n))
    ).rowcount
    if not done:
        raise DuplicateRequest(opened.request_id)


def _write_row(batch: Batch, opened: Opened, model_used: str | None, provider: str | None, tier: str | None) -> None:
    batch.execute(_INSERT, (*opened, batch.next_seq(), model_used, provider, tier))
    if opened.key_id is not None:
        batch.sums.used(opened.key_id, opened.client, milliseconds(opened.n))


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
        charge(batch, budget_id, milliseconds(opened.n), ended.cost_nano)
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
    batch.sums.add(milliseconds(opened.n), place, numbers, ended.ttft_ms, latency)
