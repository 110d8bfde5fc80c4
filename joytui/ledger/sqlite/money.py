"""Budgets and wallets: reserving before, settling after, each in one write, so parallel requests cannot overspend.

A budget is the spending of one node of the tree (`sql.nodes`; a key's is that of its budget id, which those have that it was
rotated to) in one window: the UTC day, the week from Monday, or for ever. Limits come with what is asked; `spent` and `held` are
here. A request holds on each node that limits it, and is charged to each that it stands below. A wallet belongs to a tier. What a running
request may cost is held on both, in `hold`, under a lease; more is held while its answer grows; all of it is given back
when the request ends, or when the lease runs out and nobody renewed it.
"""

from __future__ import annotations

from collections.abc import Sequence

from joytui.core.request import Opened
from joytui.ledger.api import Shortfall
from joytui.ledger.records import PLENTY, Candidate, Limit, Period, Reservation, window_start
from joytui.ledger.sql.crossing import tell_crossed, tell_nodes_crossed
from joytui.ledger.sql.nodes import FIRST_NODE, spent_so_far
from joytui.ledger.sql.wallets import enter
from joytui.ledger.sqlite.writer import Batch


def reserve(
    batch: Batch,
    n: int,
    at_ms: int,
    limits: Sequence[Limit],
    candidates: Sequence[Candidate],
    lease_ms: int,
) -> Candidate:
    """Holds the estimate on every limited budget and on the wallet of the first candidate that can pay.

    Raises Shortfall where a budget refuses or no wallet has enough. Between the look and the hold nobody can spend: both
    are in one transaction of the one writer.
    """
    windows = [(limit, _budget(batch, limit.budget, limit.period, at_ms)) for limit in limits]
    wallets = wallets_on(batch)
    lack: Shortfall | None = None
    for candidate in candidates:
        for (budget, period, most), (spent, held) in windows:
            if spent + held >= most or spent + held + candidate.estimate > most:
                raise lack or Shortfall(period, None, most, spent, held, candidate.estimate, at_ms, budget)
        short = _short_wallet(batch, candidate, at_ms) if wallets else None
        if short is None:
            for limit in limits:
                _hold_budget(batch, n, at_ms, limit, candidate.estimate, lease_ms)
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
    held: dict[tuple[str, str], int] = {_place(kind, ref): amount for kind, ref, amount, *_ in rows}
    known = {_place(kind, ref): (spent, all_held) for kind, ref, _, spent, all_held, _ in rows if spent is not None}
    wallets = rows[0][-1] if rows else wallets_on(batch)
    budgets = [
        (limit, known.get((limit.period, limit.budget)) or _budget(batch, limit.budget, limit.period, at_ms))
        for limit in wanted.limits
    ]

    def more(candidate: Candidate, kind: str, ref: str = "") -> int:
        return max(0, candidate.estimate - held.get((kind, ref), 0))

    def lack(candidate: Candidate, times: int) -> Shortfall | None:
        for (budget, period, most), (spent, all_held) in budgets:
            rest = times * more(candidate, period, budget)
            if rest and spent + all_held + rest > most:
                return Shortfall(period, None, most, spent, all_held, rest, at_ms, budget)
        rest = times * more(candidate, "wallet")
        return _short_wallet(batch, candidate._replace(estimate=rest), at_ms) if wallets and rest else None

    *ample, least = wanted.candidates
    chosen = next((candidate for candidate in ample if lack(candidate, PLENTY) is None), least)
    if chosen is least and (short := lack(least, 1)) is not None:
        raise short
    for limit in wanted.limits:
        _hold_budget(batch, n, at_ms, limit, more(chosen, limit.period, limit.budget), wanted.lease_ms)
    if wallets and (rest := more(chosen, "wallet")):
        _hold_wallet(batch, n, at_ms, chosen._replace(estimate=rest), wanted.lease_ms)
    return chosen


_HOLDS = """
    SELECT kind, ref, amount, spent, budget.held, EXISTS (SELECT 1 FROM wallet WHERE balance IS NOT NULL)
    FROM hold LEFT JOIN budget ON budget_id = ref AND period = kind AND budget.window = hold.window WHERE n = ?
"""
"""All that more is held by, in one look: a request's holds, their budgets, and whether wallets count. Each statement costs
more than what it reads."""


def _place(kind: str, ref: str) -> tuple[str, str]:
    """Where a request holds: a window of a budget, or the one wallet."""
    return (kind, "" if kind == "wallet" else ref)


def _budget(batch: Batch, budget_id: str, period: Period, at_ms: int) -> tuple[int, int]:
    """Spent and held in the window of this moment. It begins with the first request in it, or the first since there is a
    limit: what was spent before counts."""
    window = window_start(period, at_ms)
    row: tuple[int, int] | None = batch.execute(
        "SELECT spent, held FROM budget WHERE budget_id = ? AND period = ? AND window = ?", (budget_id, period, window)
    ).fetchone()
    if row is not None:
        return row
    spent = spent_so_far(batch, budget_id, period, at_ms)
    batch.execute("INSERT INTO budget VALUES (?, ?, ?, ?, 0)", (budget_id, period, window, spent))
    return spent, 0


def _hold_budget(batch: Batch, n: int, at_ms: int, limit: Limit, estimate: int, lease_ms: int) -> None:
    budget_id, period, _ = limit
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


def charge(batch: Batch, budget_id: str, opened: Opened, cost: int) -> None:
    """Adds what a request cost to the windows in which it began, of all nodes that it stands below now, as far as somebody limits
    them."""
    at_ms = opened.started_at
    windows = window_start("daily", at_ms), window_start("weekly", at_ms)
    whose: tuple[str | None, ...]
    if batch.execute(_ANY_NODE, (FIRST_NODE,)).fetchone() is None:
        words, whose = _CHARGE_KEY, (budget_id,)
    else:
        words, whose = _CHARGE_TREE, (budget_id, opened.root_thread, opened.key_id, opened.key_id)
    changed = batch.execute(words, (cost, *whose, *windows)).fetchall()
    if own := [row[1:] for row in changed if row[0] == budget_id]:
        tell_crossed(batch, budget_id, cost, own)
    if above := [row for row in changed if row[0] != budget_id]:
        tell_nodes_crossed(batch, opened.key_id, cost, above)


_ANY_NODE = "SELECT 1 FROM budget WHERE budget_id >= ? LIMIT 1"
_CHARGE = """
    UPDATE budget SET spent = spent + ? WHERE budget_id {whose} AND (period, window) IN (VALUES ('daily', ?), ('weekly', ?), ('total', 0))
    RETURNING budget_id, period, window, spent
"""
_CHARGE_KEY = _CHARGE.format(whose="= ?")
_CHARGE_TREE = _CHARGE.format(
    whose="""IN (
        ?, 'org', 'task:' || ?, (SELECT 'owner:' || owner FROM api_key WHERE id = ?),
        (SELECT 'team:' || o.team FROM api_key k JOIN team_owner o ON o.owner = k.owner WHERE k.id = ?)
    )"""
)
"""The same, where any node but keys has a budget: it takes twice as long."""


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
