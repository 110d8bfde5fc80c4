"""Reading the tier wallets and their movements."""

from __future__ import annotations

import sqlite3

from joytui.ledger.records import WalletEntry, WalletRow


def wallets(connection: sqlite3.Connection) -> list[WalletRow]:
    """The three wallets, economy first."""
    rows = {row[0]: WalletRow(*row) for row in connection.execute("SELECT tier, balance, held FROM wallet")}
    return [rows[tier] for tier in ("economy", "standard", "premium")]


def wallet_entries(
    connection: sqlite3.Connection, tier: str | None, before: int | None, limit: int
) -> list[WalletEntry]:
    """Movements, newest first."""
    rows = connection.execute(
        "SELECT id, at, tier, kind, amount, held, n, note FROM wallet_entry"
        " WHERE (?1 IS NULL OR tier = ?1) AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
        (tier, before, limit),
    )
    return [WalletEntry(*row) for row in rows]
