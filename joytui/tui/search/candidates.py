"""What can be searched for, and what a query finds of it. Pure but for `of_gateway`, which asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from textual.fuzzy import FuzzySearch

from joytui.core.clock import rfc3339
from joytui.core.filters import worded
from joytui.core.token_counts import OTHERS

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.tui.logs.store import LogStore

Kind = Literal["key", "owner", "model", "thread", "request", "command"]
ORDER: tuple[Kind, ...] = ("key", "owner", "model", "command", "thread", "request")
"""At the same score, what stands first."""
IDS: tuple[Kind, ...] = ("thread", "request")
"""Found by any part of them, not by letters here and there: those find anything in a random id."""
MOST = 12
MOST_REQUESTS = 2_000
MOST_THREADS = 200
LATELY = timedelta(days=30)
_SEARCH = FuzzySearch()


@dataclass(frozen=True, slots=True)
class Candidate:
    """`text` is searched and shown, `more` shown beside it. `target`: a key's id, an owner's name, a filter of Logs, or the key that a
    command has."""

    kind: Kind
    text: str
    more: str
    target: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A candidate, and the offsets in its text that the query has."""

    candidate: Candidate
    offsets: tuple[int, ...]


def found(query: str, candidates: Iterable[Candidate]) -> list[Hit]:
    """At most MOST, the best first."""
    query = query.strip()
    if not query:
        return []
    scored = [(score, hit) for one in candidates for score, hit in [_matched(query, one)] if score > 0]
    scored.sort(key=lambda pair: (-pair[0], ORDER.index(pair[1].candidate.kind), len(pair[1].candidate.text)))
    return [hit for _, hit in scored[:MOST]]


def _matched(query: str, one: Candidate) -> tuple[float, Hit]:
    place = one.text.casefold().find(query.casefold())
    if place >= 0:  # the words themselves, best where they begin the name, before letters here and there
        whole = len(query) / max(1, len(one.text))
        return 1000 + 100 * (place == 0) + 10 * whole, Hit(one, tuple(range(place, place + len(query))))
    if one.kind in IDS:
        return 0, Hit(one, ())
    score, offsets = _SEARCH.match(query, one.text)
    return score, Hit(one, tuple(offsets))


def of_store(store: LogStore) -> Iterator[Candidate]:
    """The newest requests that are here, the models and the threads in them."""
    rows = range(len(store) - 1, max(-1, len(store) - 1 - MOST_REQUESTS), -1)
    for row in rows:
        text = store.ids["request_id"].get(row) or store.id(row)
        about = " · ".join(store.text[name].get(row) or "" for name in ("key", "model_used")).strip(" ·")
        yield Candidate("request", text, f"{store.status[row] or 'running'} · {about}", worded("id", text))
    for kind, column, term in (("model", "model_used", "used"), ("thread", "thread_id", "thread")):
        for value in dict.fromkeys(filter(None, (store.text[column].get(row) for row in rows))):
            yield Candidate(kind, value, "in the logs", worded(term, value))  # type: ignore[arg-type]


async def of_gateway(client: ConsoleClient, now: datetime) -> Sequence[Candidate]:
    """Keys, owners, models of the catalog, the dearest threads of the last 30 days. Raises JoytuiError."""
    keys = await client.keys()
    owners = dict.fromkeys(key.owner for key in keys if key.owner)
    models = await client.models()
    threads = await client.usage(["thread"], since=rfc3339(now - LATELY), top=MOST_THREADS)
    many = {owner: sum(key.owner == owner for key in keys) for owner in owners}
    return [
        *(Candidate("key", key.name, f"{key.state} · {key.hint} · {key.owner or 'no owner'}", key.id) for key in reversed(keys)),
        *(Candidate("owner", owner, f"{many[owner]} key{'' if many[owner] == 1 else 's'}", owner) for owner in owners),
        *(Candidate("model", one.model_key, one.tier or "", worded("used", one.model_key)) for one in models),
        *(
            Candidate("thread", row["thread"], f"{row['cost_credits']} Cr in 30 days", worded("thread", row["thread"]))
            for row in threads.rows
            if row["thread"] not in (None, "", OTHERS)
        ),
    ]  # fmt: skip


def unique(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Each kind and text once; the first of them holds."""
    kept: dict[tuple[Kind, str], Candidate] = {}
    for one in candidates:
        kept.setdefault((one.kind, one.text), one)
    return list(kept.values())
