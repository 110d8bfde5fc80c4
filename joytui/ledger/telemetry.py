"""What Codex's telemetry reports of requests, and how its pieces become requests. Pure, for every engine.

Codex tells of a request in pieces that may come in any order, in several posts, twice, or not at all (observed with 0.171.0): an
`attempt` for each HTTP request, a `token` when the first one came, `failed` where an answer broke off or was a failure, `done`
with the tokens. A `turn` begins with each prompt, a `session` with each start of Codex. Nothing of it names the turn or the
request: they are told apart by their order, since a thread sends one request at a time. So the requests of a thread are a
function of its pieces alone (`requests_of`), whatever came first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from joytui.core.redaction import Clean, clean

PieceKind = Literal["session", "turn", "attempt", "token", "failed", "done"]
ENDS: tuple[PieceKind, ...] = ("session", "turn", "done")
"""A request reaches no further: what follows one of these belongs to another."""
MOST_PIECES = 2_000
"""For one request, and for what is read for one: a Codex that cannot reach its gateway keeps trying forever."""
CLOCKS_MS = 120_000
"""How far the clocks of two machines may be apart."""
NEAR_MS = 5_000
"""Of one moment, for two that do not agree in what they say of a request."""
SLACK_MS = 20
"""Times are rounded, and two clocks that are kept right differ by that."""
OVER_WEBSOCKET = clean("/responses (WebSocket)", 100)
"""The endpoint of an attempt over a WebSocket."""


class Piece(NamedTuple):
    """One event of Codex. `told`: when, in nanoseconds by the sender's clock, which orders the pieces of a thread; `at`: the same
    moment as the event says it, in ms. `cause` is a cause id (of a session: why none of its turns sends a request); `sure`: the error
    named it itself. Costs are estimates."""

    thread: Clean
    told: int
    kind: PieceKind
    at: int
    model: Clean | None = None
    client: Clean | None = None
    version: Clean | None = None
    provider: Clean | None = None
    endpoint: Clean | None = None
    status: int | None = None
    duration_ms: float | None = None
    request_id: Clean | None = None
    error_type: Clean | None = None
    error_message: Clean | None = None
    cause: str | None = None
    sure: bool = False
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nano: int = 0
    cost_source: str = "none"

    @property
    def failed(self) -> bool:
        """Whether it tells of a failure."""
        return self.kind == "failed" or (self.kind == "attempt" and (self.status is None or self.status >= 400))

    @property
    def began_at(self) -> int:
        """When an attempt was sent (ms); its event comes with the head of the answer."""
        return round(self.at - (self.duration_ms or 0))


_PLACE = Piece._fields.index("at")
_MISSING = Piece._field_defaults


def facts(piece: Piece) -> str:
    """What a piece says beside its place (thread, told, kind), as JSON: what it does not say is left out."""
    said = zip(Piece._fields[_PLACE:], piece[_PLACE:], strict=True)
    return json.dumps({name: value for name, value in said if value != _MISSING.get(name)}, separators=(",", ":"))


def piece_of(thread: str, told: int, kind: PieceKind, said: str) -> Piece:
    """A piece from its place and its facts, as they were kept."""
    more: dict[str, Any] = {"thread": thread, "told": told, "kind": kind, **json.loads(said)}
    return Piece(**more)


@dataclass(frozen=True, slots=True)
class Told:
    """One request as its pieces tell it. `attempts`: those whose pieces came, oldest first; `first`, `last`: the places of its
    pieces in the thread. `status` None: no answer came (there is an error then). `ended` False: its answer still comes."""

    first: int
    last: int
    attempts: tuple[Piece, ...]
    started_at: int
    model: Clean | None
    client: Clean | None
    provider: Clean | None
    endpoint: Clean | None
    status: int | None
    error_type: Clean | None
    error_message: Clean | None
    cause: str | None
    sure: bool
    done: Piece | None
    ttft_ms: float | None
    latency_ms: float | None

    @property
    def good(self) -> bool:
        return self.done is not None

    @property
    def warm_up(self) -> bool:
        """Whether it only opened a connection: Codex asks for no answer then, and none is counted."""
        done = self.done
        return done is not None and self.endpoint == OVER_WEBSOCKET and not (done.input_tokens or done.output_tokens)


def requests_of(pieces: Iterable[Piece], provider: Clean | None = None) -> list[Told]:
    """The requests of one thread, oldest first. `provider`: of the session that the first piece lies in."""
    found: list[Told] = []
    current: list[Piece] = []
    for piece in sorted(pieces, key=lambda one: (one.told, one.kind)):
        if piece.kind not in ("session", "turn"):
            current.append(piece)
        if piece.kind in ENDS:
            found += _request(current, provider)
            current = []
        if piece.kind == "session":
            provider = piece.provider
    return found + list(_request(current, provider))


def _request(pieces: Sequence[Piece], provider: Clean | None) -> Iterator[Told]:
    """The request that these pieces are of; none if only a token is told of."""
    attempts = tuple(piece for piece in pieces if piece.kind == "attempt")
    outcome = [piece for piece in pieces if piece.kind in ("failed", "done")]
    if not attempts and not outcome:
        return
    done = next((piece for piece in outcome if piece.kind == "done"), None)
    newest = attempts[-1] if attempts else None
    error = None if done else _error(newest, outcome)
    started_at = attempts[0].began_at if attempts else outcome[0].at
    ended = done or error
    yield Told(
        first=pieces[0].told,
        last=pieces[-1].told,
        attempts=attempts,
        started_at=started_at,
        model=_last(pieces, "model"),
        client=_last(pieces, "client"),
        provider=provider,
        endpoint=_last(attempts, "endpoint"),
        status=(error and error.status) or (newest.status if newest else 200 if done else None),
        error_type=error.error_type if error else None,
        error_message=error.error_message if error else None,
        cause=error.cause if error else None,
        sure=error.sure if error else True,
        done=done,
        ttft_ms=_first_token(pieces, newest, started_at),
        latency_ms=max(0.0, float(ended.at - started_at)) if ended else None,
    )


def _error(newest: Piece | None, outcome: Sequence[Piece]) -> Piece | None:
    """What failed at last: the newest attempt, or its answer. Codex tells that twice: the gateway's own words, then its own."""
    if newest is not None and newest.failed:
        return newest
    since = newest.told if newest else 0
    of_answer = [piece for piece in outcome if piece.told >= since]
    return next((piece for piece in of_answer if piece.sure), of_answer[-1] if of_answer else None)


def _last(pieces: Sequence[Piece], name: str) -> Clean | None:
    found: Iterator[Clean] = (value for piece in reversed(pieces) if (value := getattr(piece, name)) is not None)
    return next(found, None)


def _first_token(pieces: Sequence[Piece], newest: Piece | None, started_at: int) -> float | None:
    if newest is None:
        return None
    after = (piece.at for piece in pieces if piece.kind == "token" and piece.told >= newest.told)
    moment = next(after, None)
    return None if moment is None else max(0.0, float(moment - started_at))


# --- joined with what a gateway saw -----------------------------------------------------------------------------------


class Seen(NamedTuple):
    """A request of the thread that a gateway saw: its number, when it came (ms), its status (None while it runs), its tokens."""

    n: int
    started_at: int
    status: int | None
    tokens: tuple[int, int]


def matches(attempts: Sequence[tuple[Piece, Piece | None]], seen: Sequence[Seen]) -> list[tuple[Piece, Seen]]:
    """Which attempt is which request of the gateway's: as many pairs as there can be, of them those that agree, of them the nearest
    in time. `attempts`: each with the piece that tells its tokens; both in the order of their time, and requests of one thread do
    not cross.

    Two that agree (in their status and, of a good answer, in their tokens) may be as far apart as clocks are; others are the same
    only where they are near."""
    best: dict[tuple[int, int], tuple[tuple[int, int, int], tuple[tuple[int, int], ...]]] = {}
    for i in range(len(attempts), -1, -1):
        for j in range(len(seen), -1, -1):
            if i == len(attempts) or j == len(seen):
                best[i, j] = (0, 0, 0), ()
                continue
            piece, done = attempts[i]
            options = [best[i + 1, j], best[i, j + 1]]
            apart, agree = abs(piece.began_at - seen[j].started_at), _agree(piece, done, seen[j])
            if apart <= (CLOCKS_MS if agree else NEAR_MS) and _may_be(piece, seen[j]):
                (pairs, wrong, distance), places = best[i + 1, j + 1]
                options.append(((pairs - 1, wrong + (not agree), distance + apart), ((i, j), *places)))
            best[i, j] = min(options)
    return [(attempts[i][0], seen[j]) for i, j in best[0, 0][1]]


def within(attempts: Sequence[Piece], seen: Sequence[Seen]) -> list[tuple[Piece, Seen]]:
    """The pairs that the clocks alone settle: a gateway reads a request after Codex sent it and before Codex has the answer's head."""
    found, i, j = [], 0, 0
    while i < len(attempts) and j < len(seen):
        piece, moment = attempts[i], seen[j].started_at
        if moment < piece.began_at - SLACK_MS:
            j += 1
        elif moment > piece.at + SLACK_MS:
            i += 1
        else:
            if _may_be(piece, seen[j]):
                found.append((piece, seen[j]))
                j += 1
            i += 1
    return found


def _may_be(piece: Piece, seen: Seen) -> bool:
    """Without an answer it reached a gateway only if that lost it on the way back."""
    return piece.status is not None or (seen.status or 0) >= 499


def _agree(piece: Piece, done: Piece | None, seen: Seen) -> bool:
    if piece.status is None or piece.status != seen.status:
        return False
    return piece.status >= 400 or (done is not None and (done.input_tokens, done.output_tokens) == seen.tokens)


# --- who sends it -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SenderRow:
    """A telemetry token: whose Codex sends under it. It writes, and opens nothing else. Times are ms. `last_at`: when something
    last came; `codex_version`, `provider`: what was told last."""

    id: str
    name: Clean
    digest: bytes
    owner: Clean | None
    team: Clean | None
    created_at: int
    last_at: int | None = None
    codex_version: Clean | None = None
    provider: Clean | None = None
