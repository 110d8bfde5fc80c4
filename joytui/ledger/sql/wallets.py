"""The tier wallets and their movements: what administrators set and see. (Requests hold and pay in each engine's own way.)"""

from __future__ import annotations

from typing import Any

from joytui.core.clock import now_ms
from joytui.core.money import MAX_NANO, MoneyError, format_credits
from joytui.core.redaction import Clean
from joytui.ledger.records import WalletEntry, WalletRow
from joytui.ledger.sql.connection import Connection


def wallets(connection: Connection) -> list[WalletRow]:
    """The three wallets, economy first."""
    rows = {row[0]: WalletRow(*row) for row in connection.execute("SELECT tier, balance, held FROM wallet")}
    return [rows[tier] for tier in ("economy", "standard", "premium")]


def wallet_entries(connection: Connection, tier: str | None, before: int | None, limit: int) -> list[WalletEntry]:
    """Movements, newest first."""
    conditions, values = ["TRUE"], list[Any]()
    for edge, condition in ((tier, "tier = ?"), (before, "id < ?")):
        if edge is not None:
            conditions.append(condition)
            values.append(edge)
    rows = connection.execute(
        "SELECT id, at, tier, kind, amount, held, n, note FROM wallet_entry"  # noqa: S608 (own words)
        f" WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?",
        (*values, limit),
    )
    return [WalletEntry(*row) for row in rows]


def set_wallet(batch: Connection, tier: str, balance: int | None, note: Clean | None) -> None:
    """Sets a tier's balance, or takes it away (None). The movement is the difference, so the entries still add up."""
    old: int | None = batch.execute("SELECT balance FROM wallet WHERE tier = ?", (tier,)).fetchone()[0]
    batch.execute("UPDATE wallet SET balance = ? WHERE tier = ?", (balance, tier))
    enter(batch, tier, "set", (balance or 0) - (old or 0), 0, None, note)


def credit_wallet(batch: Connection, tier: str, amount: int, note: Clean | None) -> None:
    """Adds to a balance. Raises MoneyError if it would be more than the ledger holds."""
    (balance,) = batch.execute("SELECT coalesce(balance, 0) FROM wallet WHERE tier = ?", (tier,)).fetchone()
    if balance + amount > MAX_NANO:
        raise MoneyError(f"more credits than the ledger can hold: the {tier} wallet has {format_credits(balance)}")
    batch.execute("UPDATE wallet SET balance = ? WHERE tier = ?", (balance + amount, tier))
    enter(batch, tier, "credit", amount, 0, None, note)


def enter(
    batch: Connection, tier: str, kind: str, amount: int, held: int, n: int | None, note: str | None = None
) -> None:
    """Notes a movement."""
    batch.execute(
        "INSERT INTO wallet_entry (at, tier, kind, amount, held, n, note) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (now_ms(), tier, kind, amount, held, n, note),
    )
