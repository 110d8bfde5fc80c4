"""What Codex's telemetry told: its pieces, the requests that they make, and how those are joined with what a gateway saw.

The pieces of a thread decide, and not the order in which they came (`ledger.telemetry`): a new piece tells the requests around it
again, and what changes of their rows moves in the sums with them. A request that a gateway saw keeps the gateway's figures; what
telemetry says otherwise is beside them (`differs`).

Anybody can name a thread or a request that is not theirs. So what the tokens of one owner tell is one story, whatever others tell of
the same thread, and it is joined with no request of a key that has another owner. Who has no owner may be anybody.
"""
# ruff: noqa: S608 - the SQL is put together from this module's own words; values are always parameters

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from joytui.core.clock import now_ms
from joytui.core.redaction import Clean, clean
from joytui.core.request import GATEWAY, TELEMETRY, Opened, joined, request_number
from joytui.ledger.ids import row_id
from joytui.ledger.sql.connection import Connection, Execute
from joytui.ledger.sql.parts import TELLING, Place
from joytui.ledger.telemetry import (
    CLOCKS_MS,
    ENDS,
    MOST_PIECES,
    NEAR_MS,
    Piece,
    Seen,
    SenderRow,
    Told,
    facts,
    matches,
    piece_of,
    requests_of,
    within,
)

MOST_SEEN = 200
"""Attempts of one thread that look for a match which the clocks did not settle."""
NS = 1_000_000
_ENDS = ", ".join(f"'{kind}'" for kind in ENDS)
BOTH = joined((GATEWAY, TELEMETRY))


class Batch(Protocol):
    """One transaction in the making, as an engine's writer gives it."""

    @property
    def execute(self) -> Execute: ...

    def next_seq(self) -> int:
        """Numbers the change of a request."""
        ...

    def add_aside(self, part: str, at: int, place: Place, numbers: Numbers) -> None:
        """Adds to the sums of a part that keeps everything apart: of the hour and day of `at` (ms)."""
        ...


Numbers = tuple[int, int, int, int, int, int, int, int]
"""Requests, errors, refused, input, cached input, output and reasoning tokens, nano-credits."""

# --- who sends it -----------------------------------------------------------------------------------------------------

_SENDER = "id, name, digest, owner, team, created_at, last_at, codex_version, provider"


def senders(connection: Connection) -> list[SenderRow]:
    """All that are not revoked, oldest first."""
    rows = connection.execute(f"SELECT {_SENDER} FROM sender WHERE revoked_at IS NULL ORDER BY id")
    return [SenderRow(*row) for row in rows]


def create_sender(
    batch: Batch, name: Clean, digest: bytes, owner: Clean | None, team: Clean | None
) -> SenderRow | None:
    """None, and nothing is stored, where one that is not revoked has that name."""
    if batch.execute("SELECT 1 FROM sender WHERE name = ? AND revoked_at IS NULL", (name,)).fetchone():
        return None
    row = SenderRow(row_id("sender"), name, digest, owner, team, now_ms())
    batch.execute(
        "INSERT INTO sender (id, name, digest, owner, team, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        (row.id, name, digest, owner, team, row.created_at),
    )
    return row


def revoke_sender(batch: Batch, sender_id: str) -> bool:
    """Its requests keep their owner."""
    done = batch.execute("UPDATE sender SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (now_ms(), sender_id))
    return done.rowcount > 0


def pieces_of(connection: Connection, sender_id: str, limit: int) -> list[Piece]:
    """The newest pieces that came by a token, oldest first."""
    rows = connection.execute(
        "SELECT thread, told, kind, facts FROM piece WHERE sender_id = ? ORDER BY told DESC LIMIT ?", (sender_id, limit)
    ).fetchall()
    return [piece_of(*row) for row in reversed(rows)]


# --- pieces -----------------------------------------------------------------------------------------------------------


def tell(batch: Batch, sender_id: str, pieces: Sequence[Piece], numbers: Sequence[int]) -> int:
    """Keeps the pieces that are new, and tells their requests again; `numbers`: for new rows, one for each piece. Gives how many
    pieces were new."""
    fresh: dict[str, list[Piece]] = {}
    for piece in pieces:
        kept = batch.execute(
            "INSERT INTO piece VALUES (?, ?, ?, ?, NULL, ?) ON CONFLICT DO NOTHING",
            (piece.thread, piece.told, piece.kind, sender_id, facts(piece)),
        )
        if kept.rowcount:
            fresh.setdefault(piece.thread, []).append(piece)
    spare, owner = iter(numbers), _owner(batch, "sender", sender_id)
    for thread, new in fresh.items():
        _Thread(batch, thread, owner).tell(new, spare)
    _note_sender(batch, sender_id, pieces)
    return sum(map(len, fresh.values()))


def _note_sender(batch: Batch, sender_id: str, pieces: Sequence[Piece]) -> None:
    """When something came, and of the newest of it the version and the provider."""
    now = now_ms()
    batch.execute("UPDATE sender SET last_at = ? WHERE id = ? AND coalesce(last_at, 0) < ?", (now, sender_id, now))
    for piece in sorted(pieces, key=lambda one: one.told):
        if piece.version or piece.provider:
            batch.execute(
                "UPDATE sender SET codex_version = coalesce(?, codex_version), provider = coalesce(?, provider), told = ?"
                " WHERE id = ? AND told <= ?",
                (piece.version, piece.provider, piece.told, sender_id, piece.told),
            )


def ended(batch: Batch, opened: Opened, latency_ms: float | None, spare: Sequence[int] = ()) -> None:
    """A gateway's request has ended: what telemetry told of it before is joined with it. `spare`: numbers for new rows."""
    if opened.thread_id is None or batch.execute(_SOMEBODY).fetchone() is None:
        return
    began, over = opened.started_at, opened.started_at + round(latency_ms or 0)
    near = ((began - NEAR_MS) * NS, (over + NEAR_MS) * NS)
    clocks = (began - CLOCKS_MS, began + CLOCKS_MS)
    low, high = batch.execute(_ABOUT, (opened.thread_id, *near, opened.n, opened.thread_id, *clocks)).fetchone()
    if low is None:
        return
    numbers, asked = iter(spare), _owner(batch, "api_key", opened.key_id)
    for (owner,) in batch.execute(_TELLERS, (opened.thread_id, low, high)).fetchall():
        if asked == NOBODY or owner in (asked, NOBODY):
            _Thread(batch, opened.thread_id, owner).tell_between(low, high, numbers)


def _owner(batch: Batch, table: Literal["sender", "api_key"], who: str | None) -> str:
    row = batch.execute(f"SELECT owner FROM {table} WHERE id = ?", (who,)).fetchone()
    return (row and row[0]) or NOBODY


NOBODY = ""
"""The owner of who has none."""
_OURS = "sender_id IN (SELECT id FROM sender WHERE coalesce(owner, '') = ?)"
_TELLERS = """
    SELECT DISTINCT coalesce(s.owner, '') FROM piece p JOIN sender s ON s.id = p.sender_id
    WHERE p.thread = ? AND p.told BETWEEN ? AND ? ORDER BY 1
"""
_SOMEBODY = "SELECT 1 FROM sender LIMIT 1"
"""Nobody, where no telemetry can have come: asked before the dear question."""
_ABOUT = """
    SELECT min(told), max(told) FROM (
        SELECT told FROM piece WHERE thread = ? AND told BETWEEN ? AND ? AND kind = 'attempt'
        UNION ALL SELECT told FROM piece WHERE n = ?
        UNION ALL SELECT told FROM request WHERE thread_id = ? AND source = 'telemetry' AND started_at BETWEEN ? AND ?
    ) AS about
"""
"""Which pieces may tell of a request: those of its time, those that were taken for it, and those of no gateway's request."""


# --- a thread ---------------------------------------------------------------------------------------------------------


class _Row(NamedTuple):
    """A request that only telemetry reported, as it is kept. The columns that are written again."""

    n: int
    started_at: int
    model: str | None
    provider: str | None
    endpoint: str
    status: int
    error_type: str | None
    error_message: str | None
    cause: str | None
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_nano: int
    cost_source: str
    ttft_ms: float | None
    latency_ms: float | None
    upstream_id: str | None
    client: str | None
    attempts: int
    told: int
    sender_id: str | None
    thread_id: str

    @property
    def numbers(self) -> Numbers:
        failed = int(self.status >= 400 or self.error_type is not None)
        counts = self.input_tokens, self.cached_input_tokens, self.output_tokens, self.reasoning_tokens
        return (1, failed, 0, *counts, self.cost_nano)

    @property
    def place(self) -> Place:
        return Place(
            key_id=self.sender_id or "",
            model=self.model or "",
            tier="",
            provider=self.provider or "",
            project="",
            thread=self.thread_id,
        )


_COLUMNS = ", ".join(_Row._fields)
_WRITTEN = (*_Row._fields, "seq", "stream", "source", "sources")
_INSERT = f"INSERT INTO request ({', '.join(_WRITTEN)}) VALUES ({', '.join('?' * len(_WRITTEN))})"
_UPDATE = f"UPDATE request SET {', '.join(f'{name} = ?' for name in _Row._fields[1:])}, seq = ? WHERE n = ?"


class _Thread:
    """The requests of one thread, as an owner's tokens tell of them, around the pieces that are new."""

    def __init__(self, batch: Batch, thread: str, owner: str) -> None:
        self._batch = batch
        self._thread = thread
        self._owner = owner
        self._may_be: tuple[str, tuple[str, ...]] = ("", ())
        if owner != NOBODY:  # of a gateway's requests `r`, those of no other owner
            self._may_be = (
                " AND coalesce((SELECT k.owner FROM api_key k WHERE k.id = r.key_id), ?) = ?",
                (owner, owner),
            )

    def tell(self, new: Sequence[Piece], spare: Iterator[int]) -> None:
        """After these pieces came. A session says which provider all that follows it asks, up to the next one."""
        far = any(piece.kind == "session" for piece in new)
        self.tell_between(min(piece.told for piece in new), max(piece.told for piece in new), spare, far=far)

    def tell_between(self, low: int, high: int, spare: Iterator[int], *, far: bool = False) -> None:
        rows = self._pieces(low, high, far=far)
        if not rows:  # past their time
            return
        pieces, before = [piece_of(self._thread, *row[:3]) for row in rows], {row[0]: row[3] for row in rows if row[3]}
        found = requests_of(pieces, self._provider(pieces[0].told))
        matched = self._match(found, before)
        sender = self._batch.execute(
            f"SELECT sender_id FROM piece WHERE thread = ? AND told = ? AND {_OURS}",
            (self._thread, pieces[0].told, self._owner),
        ).fetchone()[0]
        for one in found:
            self._keep(one, [matched[a.told] for a in one.attempts if a.told in matched], sender, spare)

    def _pieces(self, low: int, high: int, *, far: bool) -> list[tuple[int, Any, str, int | None]]:
        """All pieces of the requests that lie in these bounds and near them: told, kind, facts, the gateway's request."""
        low, high = low - NEAR_MS * NS, high + NEAR_MS * NS
        edges = f"FROM piece WHERE thread = ? AND {_OURS} AND kind IN ({_ENDS})"
        before = self._one(f"SELECT max(told) {edges} AND told < ?", low)
        until = "AND kind = 'session' " if far else ""
        after = self._one(f"SELECT min(told) {edges} {until}AND told > ?", high)
        return self._batch.execute(
            f"SELECT told, kind, facts, n FROM piece WHERE thread = ? AND {_OURS} AND told > ? AND told <= ?"
            " ORDER BY told, kind LIMIT ?",
            (self._thread, self._owner, before or 0, after or 1 << 62, MOST_PIECES),
        ).fetchall()

    def _provider(self, told: int) -> Clean | None:
        """Of the session that a moment lies in."""
        row = self._batch.execute(
            f"SELECT told, kind, facts FROM piece WHERE thread = ? AND {_OURS} AND kind = 'session' AND told < ?"
            " ORDER BY told DESC LIMIT 1",
            (self._thread, self._owner, told),
        ).fetchone()
        return piece_of(self._thread, *row).provider if row else None

    def _one(self, select: str, *values: int) -> int | None:
        found: int | None = self._batch.execute(select, (self._thread, self._owner, *values)).fetchone()[0]
        return found

    # Joining

    def _match(self, found: Sequence[Told], before: Mapping[int, int]) -> dict[int, int]:
        """The gateway's request of each attempt, by the places of their pieces: by the id that the gateway gave, then by the clocks,
        then by what they say, in their order. What was matched before is matched again, so that the order in which pieces come
        says nothing."""
        done = {one.attempts[-1].told: one.done for one in found if one.attempts}
        attempts = [piece for one in found for piece in one.attempts]
        matched = {piece.told: n for piece in attempts if (n := self._by_id(piece)) is not None}
        if free := [piece for piece in attempts if piece.told not in matched]:
            seen = self._seen(free, {*before.values()} - {*matched.values()})
            pairs = within(free, seen)
            matched |= {piece.told: one.n for piece, one in pairs}
            rest = [(piece, done.get(piece.told)) for piece in free if piece.told not in matched][-MOST_SEEN:]
            taken = {one.n for _, one in pairs}
            matched |= {piece.told: one.n for piece, one in matches(rest, [one for one in seen if one.n not in taken])}
        self._note(attempts, before, matched)
        return matched

    def _note(self, attempts: Sequence[Piece], before: Mapping[int, int], matched: Mapping[int, int]) -> None:
        """What changes in the matches; a request of the gateway's that lost its attempt is the gateway's alone again."""
        changed = [(matched.get(piece.told), self._thread, piece.told) for piece in attempts]
        for n, thread, told in changed:
            if n != before.get(told):
                self._batch.execute(
                    "UPDATE piece SET n = ? WHERE thread = ? AND told = ? AND kind = 'attempt'", (n, thread, told)
                )
        for n in {*before.values()} - {*matched.values()}:
            self._batch.execute(
                "UPDATE request SET sources = ?, attempts = seen, differs = NULL, seq = ? WHERE n = ?",
                (GATEWAY, self._batch.next_seq(), n),
            )

    def _by_id(self, piece: Piece) -> int | None:
        if piece.request_id is None:
            return None
        allowed, named = self._may_be
        row = self._batch.execute(
            f"SELECT n FROM request r WHERE source = 'gateway' AND (n = ? OR request_id = ?){allowed} ORDER BY n DESC LIMIT 1",
            (request_number(piece.request_id), piece.request_id, *named),
        ).fetchone()
        return row[0] if row else None

    def _seen(self, free: Sequence[Piece], ours: Collection[int]) -> list[Seen]:
        """What gateways saw of this thread about then, but for what an attempt beyond these is matched with."""
        low, high = min(piece.began_at for piece in free), max(piece.at for piece in free)
        allowed, named = self._may_be
        rows = self._batch.execute(
            f"SELECT n, started_at, status, input_tokens, output_tokens FROM request r WHERE thread_id = ?{allowed}"
            " AND source = 'gateway' AND started_at BETWEEN ? AND ? AND (n IN (SELECT CAST(value AS BIGINT) FROM json_each(?))"
            " OR NOT EXISTS (SELECT 1 FROM piece WHERE piece.n = r.n)) ORDER BY started_at, n LIMIT ?",
            (self._thread, *named, low - CLOCKS_MS, high + CLOCKS_MS, json.dumps([*ours]), MOST_PIECES),
        )
        return [Seen(n, started_at, status, (given, written)) for n, started_at, status, given, written in rows]

    # Keeping

    def _keep(self, one: Told, seen: Sequence[int], sender: str | None, spare: Iterator[int]) -> None:
        rows = self._rows(one)
        if seen or one.warm_up:
            for row in rows:
                self._remove(row)
            self._annotate(one, seen)
            return
        for row in rows[1:]:
            self._remove(row)
        if not rows:
            number = next(spare, None)
            if number is not None:
                self._insert(_row(number, one, sender, self._thread))
        elif (told := _row(rows[0].n, one, rows[0].sender_id, self._thread)) != rows[0]:
            self._count(rows[0], -1)
            self._count(told, 1)
            self._batch.execute(_UPDATE, (*told[1:], self._batch.next_seq(), told.n))

    def _rows(self, one: Told) -> list[_Row]:
        """The rows that its pieces made before, oldest first."""
        rows = self._batch.execute(
            f"SELECT {_COLUMNS} FROM request WHERE thread_id = ? AND source = 'telemetry' AND told BETWEEN ? AND ? AND {_OURS}"
            " ORDER BY n",
            (self._thread, one.first, one.last, self._owner),
        )
        return [_Row(*row) for row in rows]

    def _insert(self, row: _Row) -> None:
        self._batch.execute(_INSERT, (*row, self._batch.next_seq(), 1, TELEMETRY, TELEMETRY))
        self._count(row, 1)

    def _remove(self, row: _Row) -> None:
        """It is part of another, or a gateway's."""
        self._batch.execute("DELETE FROM request WHERE n = ?", (row.n,))
        self._count(row, -1)

    def _count(self, row: _Row, sign: int) -> None:
        requests, errors, refused, given, cached, written, thought, cost = (sign * number for number in row.numbers)
        numbers = (requests, errors, refused, given, cached, written, thought, cost)
        self._batch.add_aside(TELLING, row.started_at, row.place, numbers)

    def _annotate(self, one: Told, seen: Sequence[int]) -> None:
        """On the gateway's rows: that telemetry told of them, attempts that the gateway did not see (on the last one), and what
        telemetry says otherwise."""
        came = {n: self._batch.execute("SELECT seen FROM request WHERE n = ?", (n,)).fetchone()[0] for n in seen}
        unseen = max(0, len(one.attempts) - sum(came.values()))
        for n in seen:
            last = n == seen[-1]
            attempts = came[n] + (unseen if last else 0)
            differs = self._differences(one, n) if last else None
            self._batch.execute(
                "UPDATE request SET sources = ?, attempts = ?, differs = ?, seq = ? WHERE n = ?"
                " AND (sources != ? OR attempts != ? OR coalesce(differs, '') != ?)",
                (BOTH, attempts, differs, self._batch.next_seq(), n, BOTH, attempts, differs or ""),
            )

    def _differences(self, one: Told, n: int) -> Clean | None:
        row = self._batch.execute(f"SELECT status, {', '.join(_COUNTS)} FROM request WHERE n = ?", (n,)).fetchone()
        if row is None or row[0] is None or one.done is None:
            return None
        said = ((name, getattr(one.done, name), own) for name, own in zip(_COUNTS, row[1:], strict=True))
        return clean(", ".join(f"{name} {told}" for name, told, own in said if told != own), 200)


_COUNTS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
_NOTHING: Mapping[str, Any] = dict.fromkeys((*_COUNTS, "cost_nano"), 0)


def _row(n: int, one: Told, sender: str | None, thread: str) -> _Row:
    done = one.done
    newest = one.attempts[-1] if one.attempts else None
    counts = {name: getattr(done, name) for name in _NOTHING} if done else _NOTHING
    return _Row(
        n=n,
        started_at=one.started_at,
        model=one.model,
        provider=one.provider,
        endpoint=one.endpoint or "/responses",
        status=one.status or 0,
        error_type=one.error_type,
        error_message=one.error_message,
        cause=one.cause,
        **counts,
        cost_source=done.cost_source if done else "none",
        ttft_ms=one.ttft_ms,
        latency_ms=one.latency_ms,
        upstream_id=newest.request_id if newest else None,
        client=one.client,
        attempts=max(1, len(one.attempts)),
        told=one.first,
        sender_id=sender,
        thread_id=thread,
    )
