"""Which gateways are on a store, and the numbers that each of them gives to its requests."""

from __future__ import annotations

from joytui.core.clock import now_ms
from joytui.core.errors import UnreachableError
from joytui.ledger.ids import COUNTER_BITS, LATEST_MS
from joytui.ledger.postgres.schema import last_number
from joytui.ledger.records import GatewayRow
from joytui.ledger.sql.connection import Connection

SLOT_BITS = 10
_STEP = 1 << SLOT_BITS
_SERVER_MS = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"


class Numbers:
    """Request numbers that no other gateway gives: their last bits are its slot. They go by the server's clock, so that numbers of
    several gateways are in the order in which they were given, but for what passes between two machines. For one thread.

    `last`: the newest number of the store; `ahead_ms`: how much the server's clock is ahead of ours.
    """

    __slots__ = ("_ahead_ms", "_last", "_slot")

    def __init__(self, slot: int, last: int, ahead_ms: int) -> None:
        self._slot = slot
        self._last = last
        self._ahead_ms = ahead_ms

    def next(self) -> int:
        by_clock = min(now_ms() + self._ahead_ms, LATEST_MS) << COUNTER_BITS
        number = max(by_clock, (self._last // _STEP + 1) * _STEP) + self._slot
        self._last = number
        return number


def server_ms(link: Connection) -> int:
    """The server's clock, by which leases go: gateways' own may differ."""
    return int(link.execute(_SERVER_MS).fetchall()[0][0])


def register(link: Connection, gateway: str, lease_ms: int) -> Numbers:
    """Takes a row, and a slot that no other gateway has."""
    now = server_ms(link)
    free = link.execute(
        "SELECT min(slot) FROM generate_series(0, ?) AS slot WHERE slot NOT IN (SELECT slot FROM gateway)", (_STEP - 1,)
    ).fetchone()
    if free is None or free[0] is None:
        raise UnreachableError(f"the store has {_STEP} gateways already, and takes no more")
    link.execute(
        "INSERT INTO gateway (id, slot, since, heartbeat, lease_until) VALUES (?, ?, ?, ?, ?)",
        (gateway, free[0], now, now, now + lease_ms),
    )
    return Numbers(free[0], last_number(link), now - now_ms())


def announce(link: Connection, gateway: str, url: str, version: str) -> None:
    link.execute("UPDATE gateway SET url = ?, version = ? WHERE id = ?", (url, version, gateway))


def probe(link: Connection) -> None:
    """Takes some pages and gives them back: a full disk does not mind a transaction that writes nothing."""
    link.execute("INSERT INTO spent_id VALUES ('', ?, 0)", ("probe" * 500,))
    link.execute("DELETE FROM spent_id WHERE key_id = ''")


def leave(link: Connection, gateway: str) -> None:
    """It ends: what it left open, any other may end."""
    link.execute("UPDATE gateway SET gone = true WHERE id = ?", (gateway,))


def gateways(link: Connection) -> list[GatewayRow]:
    """Those that serve, or died without a word within a day; oldest first."""
    rows = link.execute(
        "SELECT id, url, version, since, (SELECT count(*) FROM running r WHERE r.gateway = g.id), heartbeat, lease_until >= ?"
        " FROM gateway g WHERE NOT gone AND url != '' ORDER BY since, id",
        (server_ms(link),),
    )
    return [GatewayRow(*row) for row in rows]
