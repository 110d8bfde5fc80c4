"""Budgets and wallets: reserving before, settling after, each in one write, so parallel requests cannot overspend.

A budget is the spending of one budget id (a key and those it was rotated to) in one window: the UTC day, the week from
Monday, or for ever. The limit is the key's; `spent` and `held` are here. A wallet belongs to a tier. What a running
request may cost is held on both, in `hold`, under a lease; more is held while its answer grows; all of it is given back
when the request ends, or when the lease runs out and nobody renewed it.
"""

from __future__ import annotations

from collections.abc import Sequence

from joytui.ledger.api import Shortfall
from joytui.ledger.records import DAY_MS, PLENTY, Candidate, Period, Reservation, window_end, window_start
from joytui.ledger.sql.crossing import tell_crossed
from joytui.ledger.sql.keys import SPENT_WITHIN
from joytui.ledger.sql.wallets import enter
from joytui.ledger.sqlite.writer import Batch


def reserve(
    batch: Batch,
    n: int,
    at_ms: int,
    budget_id: str,
    limits: Sequence[tuple[Period, int]],
    candidates: Sequence[Candidate],
    lease_ms: int,
) -> Candidate:
    """Holds the estimate on every limited budget and on the wallet of the first candidate that can pay.

    Raises Shortfall where a budget refuses or no wallet has enough. Between the look and the hold nobody can spend: both
    are in one transaction of the one writer.
    """
    windows = [(period, limit, _budget(batch, budget_id, period, at_ms)) for period, limit in limits]
    wallets = wallets_on(batch)
    lack: Shortfall | None = None
    for candidate in candidates:
        for period, limit, (spent, held) in windows:
            if spent + held >= limit or spent + held + candidate.estimate > limit:
                raise lack or Shortfall(period, None, limit, spent, held, candidate.estimate, at_ms)
        short = _short_wallet(batch, candidate, at_ms) if wallets else None
        if short is None:
            for period, _ in limits:
                _hold_budget(batch, n, at_ms, budget_id, period, candidate.estimate, lease_ms)
            if wallets:
                _hold_wallet(batch, n, at_ms, candidate, lease_ms)
            return candidate
        lack = lack or short
    assert lack is not None, "a reservation needs a candidate"
    raise lack


def extend(batch: Batch, n: int, at_ms: int, wanted: Reservation) -> Candidate:
    """Raises what a request holds to the estimate of a candidate, in the windows that it was admitted in: of the first that
    leaves PLENTY times as much, else of the last.

    Raises Shortfall, before anything is held, where a limit or the wallet has not even that much more.
    """
    rows = batch.execute(_HOLDS, (n,)).fetchall()
    held: dict[str, int] = {kind: amount for kind, amount, *_ in rows}
    known = {kind: (spent, all_held) for kind, _, spent, all_held, _ in rows if spent is not None}
    wallets = rows[0][-1] if rows else wallets_on(batch)
    budgets = [
        (period, limit, known.get(period) or _budget(batch, wanted.budget_id, period, at_ms))
        for period, limit in wanted.limits
    ]

    def more(candidate: Candidate, kind: str) -> int:
        return max(0, candidate.estimate - held.get(kind, 0))

    def lack(candidate: Candidate, times: int) -> Shortfall | None:
        for period, limit, (spent, all_held) in budgets:
            rest = times * more(candidate, period)
            if rest and spent + all_held + rest > limit:
                return Shortfall(period, None, limit, spent, all_held, rest, at_ms)
        rest = times * more(candidate, "wallet")
        return _short_wallet(batch, candidate._replace(estimate=rest), at_ms) if wallets and rest else None

    *ample, least = wanted.candidates
    chosen = next((candidate for candidate in ample if lack(candidate, PLENTY) is None), least)
    if chosen is least and (short := lack(least, 1)) is not None:
        raise short
    for period, _ in wanted.limits:
        _hold_budget(batch, n, at_ms, wanted.budget_id, period, more(chosen, period), wanted.lease_ms)
    if wallets and (rest := more(chosen, "wallet")):
        _hold_wallet(batch, n, at_ms, chosen._replace(estimate=rest), wanted.lease_ms)
    return chosen


_HOLDS = """
    SELECT kind, amount, spent, budget.held, EXISTS (SELECT 1 FROM wallet WHERE balance IS NOT NULL)
    FROM hold LEFT JOIN budget ON budget_id = ref AND period = kind AND budget.window = hold.window WHERE n = ?
"""
"""All that more is held by, in one look: a request's holds, their budgets, and whether wallets count. Each statement costs
more than what it reads."""


def _budget(batch: Batch, budget_id: str, period: Period, at_ms: int) -> tuple[int, int]:
    """Spent and held in the window of this moment. It begins with the first request in it, or the first since there is a
    limit: what was spent before counts."""
    window, end = window_start(period, at_ms), window_end(period, at_ms)
    row: tuple[int, int] | None = batch.execute(
        "SELECT spent, held FROM budget WHERE budget_id = ? AND period = ? AND window = ?", (budget_id, period, window)
    ).fetchone()
    if row is not None:
        return row
    keys = {key_id for (key_id,) in batch.execute("SELECT id FROM api_key WHERE budget_id = ?", (budget_id,))}
    (spent,) = batch.execute(SPENT_WITHIN, (budget_id, window // DAY_MS, end // DAY_MS)).fetchone()
    spent += batch.sums.spent(keys, window, end)
    batch.execute("INSERT INTO budget VALUES (?, ?, ?, ?, 0)", (budget_id, period, window, spent))
    return spent, 0


def _hold_budget(
    batch: Batch, n: int, at_ms: int, budget_id: str, period: Period, estimate: int, lease_ms: int
) -> None:
    window = window_start(period, at_ms)
    batch.execute(
        "UPDATE budget SET held = held + ? WHERE budget_id = ? AND period = ? AND window = ?",
        (estimate, budget_id, period, window),
    )
    batch.execute(_HOLD, (n, period, budget_id, window, estimate, at_ms + lease_ms))


_HOLD = """
    INSERT INTO hold VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET amount = amount + excluded.amount, lease_until = max(lease_until, excluded.lease_until)
"""


def charge(batch: Batch, budget_id: str, at_ms: int, cost: int) -> None:
    """Adds what a request cost to the windows in which it began, as far as somebody limits them."""
    changed = batch.execute(
        "UPDATE budget SET spent = spent + ? WHERE budget_id = ? AND (period, window) IN (VALUES ('daily', ?), ('weekly', ?), ('total', 0))"
        " RETURNING period, window, spent",
        (cost, budget_id, window_start("daily", at_ms), window_start("weekly", at_ms)),
    ).fetchall()
    if changed:
        tell_crossed(batch, budget_id, cost, changed)


def release(batch: Batch, n: int, cost: int) -> None:
    """Gives back what a request held; its wallet pays `cost` (0: the request failed, nothing is charged)."""
    for kind, ref, window, amount in batch.execute(
        "DELETE FROM hold WHERE n = ? RETURNING kind, ref, window, amount", (n,)
    ).fetchall():
        if kind == "wallet":
            _settle_wallet(batch, n, ref, amount, cost)
        else:
            batch.execute(
                "UPDATE budget SET held = held - ? WHERE budget_id = ? AND period = ? AND window = ?",
                (amount, ref, kind, window),
            )


# --- wallets ----------------------------------------------------------------------------------------------------------


def wallets_on(batch: Batch) -> bool:
    """Wallets limit only while somebody set a balance."""
    return batch.execute("SELECT 1 FROM wallet WHERE balance IS NOT NULL").fetchone() is not None


def _short_wallet(batch: Batch, candidate: Candidate, at_ms: int) -> Shortfall | None:
    """Why the wallet of a candidate's tier cannot hold its estimate; None where it can."""
    tier, estimate = candidate.tier, candidate.estimate
    row = batch.execute("SELECT coalesce(balance, 0), held FROM wallet WHERE tier = ?", (tier,)).fetchone()
    balance, held = row or (0, 0)
    enough = balance - held > 0 and balance - held >= estimate
    return None if enough else Shortfall(None, tier, balance, 0, held, estimate, at_ms)


def _hold_wallet(batch: Batch, n: int, at_ms: int, candidate: Candidate, lease_ms: int) -> None:
    tier, estimate = candidate.tier, candidate.estimate
    batch.execute("UPDATE wallet SET held = held + ? WHERE tier = ?", (estimate, tier))
    batch.execute(_HOLD, (n, "wallet", tier, 0, estimate, at_ms + lease_ms))
    enter(batch, tier, "freeze", 0, estimate, n)


def _settle_wallet(batch: Batch, n: int, tier: str, held: int, cost: int) -> None:
    (balance,) = batch.execute(
        "UPDATE wallet SET held = held - ?, balance = balance - ? WHERE tier = ? RETURNING balance", (held, cost, tier)
    ).fetchone()
    paid = 0 if balance is None else cost  # the balance was taken away meanwhile: nothing to pay from
    enter(batch, tier, "settle" if paid else "release", -paid, -held, n)
