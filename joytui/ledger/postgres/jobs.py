"""What requests ask of the store, as JSON for the functions in it (`functions`), and what is made of the answers.

A job is plain data: it can be sent again, and kept on disk while the store is unreachable.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from joytui.core.redaction import Clean
from joytui.core.request import Ended, Opened, names
from joytui.ledger.api import DuplicateRequest, Runaway, Shortfall, StoreUnavailable
from joytui.ledger.records import (
    INTERRUPTED,
    Candidate,
    Charge,
    Period,
    Reservation,
    Watch,
    interrupted,
    window_end,
    window_start,
)
from joytui.ledger.sql.histogram import bucket

Job = dict[str, Any]
_FLAGS = [name for name in names("flag") if name in Opened._fields]
_BLANK = dict.fromkeys(("model", "project", "thread_id", "client", "model_used", "provider", "tier"))
NOTHING: Job = {"do": "nothing"}


def _limits(wanted: Reservation, at: int) -> list[tuple[str, Period, int, int, int]]:
    """Limits in the windows of a moment: [[budget, period, limit, where its window begins, where it ends], …]."""
    return [(*limit, window_start(limit.period, at), window_end(limit.period, at)) for limit in wanted.limits]


# --- jobs -------------------------------------------------------------------------------------------------------------


def open_(opened: Opened, chosen: Candidate, ids_ms: int | None, watch: Watch | None) -> Job:
    return {
        "do": "open",
        "n": opened.n,
        "row": _row(opened),
        "ids_ms": ids_ms,
        "candidates": _candidates([chosen]),
        **_watched(watch),
    }


def reserve(opened: Opened, wanted: Reservation) -> Job:
    return {
        "do": "reserve",
        "n": opened.n,
        "row": _row(opened),
        "ids_ms": wanted.ids_ms,
        "candidates": _candidates(wanted.candidates),
        "lease": wanted.lease_ms,
        "limits": _limits(wanted, opened.started_at),
        **_watched(wanted.watch),
    }


def extend(opened: Opened, wanted: Reservation, so_far: Charge) -> Job:
    return {
        "do": "extend",
        "n": opened.n,
        "charge": {"n": opened.n, **so_far._asdict()},
        "candidates": _candidates(wanted.candidates),
        "lease": wanted.lease_ms,
        "limits": _limits(wanted, opened.started_at),
    }


def passed(so_far: Mapping[int, Charge]) -> Job:
    return {"do": "passed", "rows": [{"n": n, **charge._asdict()} for n, charge in so_far.items()]}


def end(opened: Opened, ended: Ended, budget_id: str | None, held: bool) -> Job:
    return {
        "do": "end",
        "n": opened.n,
        "ended": ended._asdict(),
        "budget": budget_id,
        "held": held,
        **_buckets(ended.ttft_ms, ended.latency_ms),
    }


def refuse(opened: Opened, ended: Ended, keyless: bool) -> Job:
    return {
        "do": "refuse",
        "row": _row(opened),
        "ended": ended._asdict(),
        "keyless": keyless,
        "blank": _BLANK,
        **_buckets(ended.ttft_ms, None),
    }


def answered(key_id: str, upstream_id: str) -> Job:
    return {"do": "answered", "key_id": key_id, "upstream_id": upstream_id}


def renew(running: Collection[int], lease_ms: int, *, judges: bool) -> Job:
    """`judges`: whether gateways that nobody heard of for their lease are taken for dead. `nothing` and `charged`: the words for a request whose gateway fell silent, by what it cost."""
    why = {"status": 500, "error_type": INTERRUPTED, "cause": "gateway-error"}
    texts = (interrupted("the gateway ended before this request did", Charge(cost_nano=cost)) for cost in (0, 1))
    nothing, charged = texts
    return {
        "do": "renew",
        "running": list(running),
        "lease": lease_ms,
        "judges": judges,
        "why": why,
        "nothing": nothing,
        "charged": charged,
    }


def disown(numbers: Collection[int]) -> Job:
    """For requests that may have been admitted in a transaction whose end nobody heard of."""
    return {"do": "disown", "rows": list(numbers)}


def _watched(watch: Watch | None) -> Job:
    return {} if watch is None else {"watch": watch._asdict()}


def _row(opened: Opened) -> dict[str, Any]:
    row = opened._asdict()
    for flag in _FLAGS:
        row[flag] = int(row[flag])
    return row


def _candidates(candidates: Sequence[Candidate]) -> list[tuple[Clean | None, int, Clean | None, Clean | None]]:
    """[tier, estimate, model, provider] of each, as a row has them."""
    found = []
    for candidate in candidates:
        model, provider, tier = candidate.recorded()
        found.append((tier, candidate.estimate, model, provider))
    return found


def _buckets(ttft_ms: float | None, latency_ms: float | None) -> dict[str, int | None]:
    return {
        "ttft": None if ttft_ms is None else bucket(ttft_ms),
        "took": None if latency_ms is None else bucket(latency_ms),
    }


# --- answers ----------------------------------------------------------------------------------------------------------


def chosen(answer: Mapping[str, Any], opened: Opened, candidates: Sequence[Candidate]) -> Candidate:
    """The candidate that was admitted, or may go on. Raises DuplicateRequest, Runaway, Shortfall, StoreUnavailable."""
    if "chosen" in answer:
        place: int = answer["chosen"]
        return candidates[place]
    if "spent" in answer:
        raise DuplicateRequest(opened.request_id)
    if "stale" in answer:
        raise StoreUnavailable("keys were changed, but this gateway has not read them yet")
    if "runaway" in answer:
        raise Runaway(*answer["runaway"])
    period, tier, limit, spent, held, estimate, budget = answer["short"]
    raise Shortfall(period, tier, limit, spent, held, estimate, opened.started_at, budget)
