"""What telemetry says about each person's Codex: its version and provider, whether it works, what fails since when, who is silent.

Nobody is called well of whom nothing was heard: a Codex that ends at once sends nothing (observed with `codex exec`, 0.171.0).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from joytui.core.redaction import Clean
from joytui.ledger.records import HOUR_MS
from joytui.ledger.telemetry import Piece, SenderRow, Told, requests_of

LOOKED_AT = 500
"""The newest pieces of each."""
SILENT_MS = HOUR_MS
ANSWERED_MS = 60_000
"""How soon after the start of a turn its request must have been reported."""


class Person(NamedTuple):
    """The fields of `wire.PersonView`; times in ms."""

    token: Clean
    owner: Clean | None
    team: Clean | None
    codex_version: Clean | None
    provider: Clean | None
    last_turn: int | None
    state: Literal["ok", "failing", "silent"]
    since: int
    cause: str | None = None
    sure: bool = True
    status: int | None = None
    message: Clean | None = None


def person(row: SenderRow, pieces: Sequence[Piece], now_ms: int) -> Person:
    """Of one token, from the newest pieces that came by it, oldest first."""
    known = Person(
        row.name,
        row.owner,
        row.team,
        row.codex_version,
        row.provider,
        _last_turn(pieces),
        "silent",
        row.last_at or row.created_at,
    )
    outcomes = _outcomes(pieces)
    newest = outcomes[-1] if outcomes else None
    refused = _refused_turns(pieces, newest)
    if refused:
        return known._replace(state="failing", since=refused[0].at, cause=refused[0].cause, sure=refused[0].sure)
    if newest is None:
        return known
    if not newest.good:
        first = next(one for one in _tail(outcomes, newest.good))
        return known._replace(
            state="failing", since=first.started_at, cause=newest.cause, sure=newest.sure and newest.cause is not None,
            status=newest.status, message=newest.error_message,
        )  # fmt: skip
    if (since := _unanswered(pieces, now_ms)) is not None:
        return known._replace(since=since)
    if now_ms - known.since > SILENT_MS:
        return known
    return known._replace(state="ok", since=_tail(outcomes, newest.good)[0].started_at)


def _outcomes(pieces: Sequence[Piece]) -> list[Told]:
    """The requests that have ended, of all threads, in the order in which they did."""
    by_thread = sorted(pieces, key=lambda piece: piece.thread)
    found = [one for _, those in groupby(by_thread, lambda piece: piece.thread) for one in requests_of(those)]
    ended = (one for one in found if one.latency_ms is not None and not one.warm_up)
    return sorted(ended, key=lambda one: one.last)


def _refused_turns(pieces: Sequence[Piece], newest: Told | None) -> list[Piece]:
    """The turns after the newest request that Codex refused itself, each with the cause that its session names."""
    since, sessions, found = newest.last if newest else 0, dict[str, Piece](), []
    for piece in pieces:
        session = sessions.get(piece.thread)
        if piece.kind == "session":
            sessions[piece.thread] = piece
        elif piece.kind == "turn" and piece.told > since and session is not None and session.cause is not None:
            found.append(piece._replace(cause=session.cause, sure=session.sure))
    return found


def _tail(outcomes: Sequence[Told], good: bool) -> Sequence[Told]:
    """Those at the end that went alike."""
    start = len(outcomes)
    while start and outcomes[start - 1].good == good:
        start -= 1
    return outcomes[start:]


def _last_turn(pieces: Sequence[Piece]) -> int | None:
    return max((piece.at for piece in pieces if piece.kind in ("turn", "attempt", "done")), default=None)


def _unanswered(pieces: Sequence[Piece], now_ms: int) -> int | None:
    """Since when a turn has been running without any report of its request."""
    newest = pieces[-1]
    return newest.at if newest.kind in ("session", "turn") and now_ms - newest.at > ANSWERED_MS else None
