"""Codex's own files against the gateway's records: what both know, what only one knows, and why.

Matching, the surest first: by response id (the id that Codex noted is the gateway's upstream id); by thread, tokens and
time (Codex before 0.153 notes no response ids); by thread and time for what failed. Everything left is a difference,
and each difference says what it most probably is. Facts about Codex: 0.80.0 to 0.169.0, observed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from joytui.codex.rollouts import Entry
from joytui.core.clock import parse_time
from joytui.core.request import TELEMETRY, RequestRecord
from joytui.core.token_counts import TOKEN_NAMES, TokenCounts

DifferenceKind = Literal[
    "elsewhere", "unrecorded", "unknown-to-codex", "tokens-differ", "retried", "failed-before", "telemetry-differs"
]
NEAR_MS = 15 * 60_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the two do not agree about. Tokens are input, cached, output, reasoning; None: it knows nothing.

    `kind`: "elsewhere" a response by another provider; "unrecorded" one that should have passed the gateway and did not;
    "unknown-to-codex" a request in no rollout; "tokens-differ" the same response with other counts; "retried" refused
    or failed requests of one turn that Codex notes once; "failed-before" a failed turn that never reached the gateway; "telemetry-differs" a request
    whose tokens Codex's telemetry told otherwise.
    `requests` are the gateway's ids.
    """

    kind: DifferenceKind
    time: datetime
    explanation: str
    thread: str | None
    response: str | None
    provider: str | None
    model: str | None
    codex: TokenCounts | None
    gateway: TokenCounts | None
    requests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """`matched` responses agree in every count; `differences` are sorted by time. Totals are over the compared range."""

    matched: int
    differences: tuple[Difference, ...]
    codex_tokens: TokenCounts
    gateway_tokens: TokenCounts


def reconcile(
    entries: Iterable[Entry], records: Iterable[RequestRecord], providers: Sequence[str] = ()
) -> Reconciliation:
    """Compares Codex's responses and failed turns with a gateway's requests of the same range.

    `providers`: the ids in config.toml whose base_url is this gateway; with none given, those of the responses that
    matched. Requests that still run are left out, and those that no gateway saw.
    """
    seen = [record for record in records if record.source != TELEMETRY]
    books = _Books(entries, seen)
    matched = books.match_ids() + books.match_tokens()
    ours: set[str | None] = set(providers) or {entry.provider for entry, _ in matched}
    differences = [found for entry, record in matched if (found := _tokens_differ(entry, record))]
    differences += books.failures(ours)
    differences += [_missing(entry, ours, books.first) for entry in books.responses]
    differences += [_unknown(record, books.threads) for record in books.records]
    differences += [_told_otherwise(record) for record in seen if record.differs]
    return Reconciliation(
        matched=len(matched) - sum(found.kind == "tokens-differ" for found in differences),
        differences=tuple(sorted(differences, key=lambda found: found.time)),
        codex_tokens=TokenCounts.sum(books.codex_counts),
        gateway_tokens=TokenCounts.sum(books.gateway_counts),
    )


class _Books:
    """What is not matched yet on either side."""

    def __init__(self, entries: Iterable[Entry], records: Iterable[RequestRecord]) -> None:
        noted = sorted(entries, key=lambda entry: entry.ms)
        ended = sorted((record for record in records if record.status is not None), key=_ms)
        self.responses = [entry for entry in noted if entry.source != "e"]
        self.failed = [entry for entry in noted if entry.source == "e"]
        self.records = ended
        self.threads = {entry.thread for entry in noted}
        self.first = _ms(ended[0]) if ended else None
        self.codex_counts = [entry.tokens for entry in self.responses]
        self.gateway_counts = [record.tokens for record in ended]

    def match_ids(self) -> list[tuple[Entry, RequestRecord]]:
        """By response id; where an upstream repeats its ids, the thread and then the nearest time decide."""
        by_id: dict[str, list[RequestRecord]] = {}
        for record in self.records:
            if record.upstream_id:
                by_id.setdefault(record.upstream_id, []).append(record)
        return self._match(lambda entry: by_id.get(entry.response or "", []), _not_another)

    def match_tokens(self) -> list[tuple[Entry, RequestRecord]]:
        """By tokens and time, within one thread where the gateway knows it."""
        by_counts: dict[TokenCounts, list[RequestRecord]] = {}
        for record in self.records:
            if not _failed(record):
                by_counts.setdefault(record.tokens, []).append(record)
        return self._match(lambda entry: by_counts.get(entry.tokens, []), _near)

    def _match(
        self, candidates: Callable[[Entry], list[RequestRecord]], fits: Callable[[Entry, RequestRecord], bool]
    ) -> list[tuple[Entry, RequestRecord]]:
        pairs: list[tuple[Entry, RequestRecord]] = []
        taken: set[int] = set()
        for entry in self.responses:
            free = [record for record in candidates(entry) if id(record) not in taken and fits(entry, record)]
            if free:
                best = min(free, key=lambda record: (record.thread_id != entry.thread, abs(_end(record) - entry.ms)))
                taken.add(id(best))
                pairs.append((entry, best))
        found = {id(entry) for entry, _ in pairs}
        self.responses = [entry for entry in self.responses if id(entry) not in found]
        self.records = [record for record in self.records if id(record) not in taken]
        return pairs

    def failures(self, ours: set[str | None]) -> list[Difference]:
        """Failed turns with the refused requests that belong to them: same thread, ended before the turn did."""
        found = []
        for entry in self.failed:
            mine = [record for record in self.records if _failed(record) and _of_turn(record, entry)]
            ids = {id(record) for record in mine}
            self.records = [record for record in self.records if id(record) not in ids]
            if mine:
                found.append(_retried(entry, mine))
            else:
                found.append(_failed_before(entry, ours))
        return found


def _not_another(entry: Entry, record: RequestRecord) -> bool:
    """With equal ids, a match unless both thread and time speak against it (upstreams that repeat their ids)."""
    return record.thread_id in (None, entry.thread) or abs(_end(record) - entry.ms) <= NEAR_MS


def _near(entry: Entry, record: RequestRecord) -> bool:
    if record.thread_id is not None and record.thread_id != entry.thread:
        return False
    return abs(_end(record) - entry.ms) <= NEAR_MS and any(entry.tokens)


def _of_turn(record: RequestRecord, failed: Entry) -> bool:
    return record.thread_id == failed.thread and 0 <= failed.ms - _ms(record) + 2000 <= NEAR_MS + 2000


def _tokens_differ(entry: Entry, record: RequestRecord) -> Difference | None:
    codex, gateway = entry.tokens, record.tokens
    if codex == gateway:
        return None
    others = {name: (a, b) for name, a, b in zip(TOKEN_NAMES, codex, gateway, strict=True) if a != b}
    if not any(gateway):
        why = "the upstream's answer carried no usage that the gateway could read"
    elif record.cost_source == "estimated" and record.status == 499:
        why = "the client disconnected: the gateway estimated what was used"
    elif record.cost_source == "estimated" and [*others] != ["cached_input_tokens"]:
        why = "the gateway estimated; the upstream sent no usage of its own"
    elif others.keys() <= {"cached_input_tokens", "reasoning_tokens"}:
        why = "only the detail counts differ: the bridge or the upstream left them out on one side"
    else:
        why = "the counts were changed between the gateway and Codex, or the upstream sent usage twice"
    parts = ", ".join(f"{name} {ours} / {theirs}" for name, (ours, theirs) in others.items())
    return _difference("tokens-differ", entry, f"Codex / gateway: {parts}; {why}", gateway, (record.id,))


def _missing(entry: Entry, ours: set[str | None], first: int | None) -> Difference:
    """A response that no record of the gateway fits."""
    name = entry.provider or "openai"
    if ours and entry.provider not in ours:
        return _difference("elsewhere", entry, f"went to provider `{name}`, not through this gateway")
    if first is None or entry.ms < first:
        why = "it is older than the gateway's first record in this range"
    else:
        why = "the provider's base_url named another gateway then, or the key's policy keeps no logs"
    return _difference("unrecorded", entry, f"provider `{name}`, but the gateway has no record: {why}")


def _retried(entry: Entry, records: list[RequestRecord]) -> Difference:
    last = records[-1]
    sent = sum(record.attempts or 1 for record in records)
    count = f"{sent} requests" if sent > 1 else "one request"
    why = f"the turn failed once for Codex; it sent {count}, the last answered with HTTP {last.status}"
    reason = f" ({last.error_type})" if last.error_type else ""
    tries = "" if sent == 1 else ": Codex repeats refused requests before it gives up"
    ids = tuple(record.id for record in records)
    spent = TokenCounts.sum(record.tokens for record in records)
    return _difference("retried", entry, why + reason + tries, spent, ids)


def _failed_before(entry: Entry, ours: set[str | None]) -> Difference:
    name = entry.provider or "openai"
    if ours and entry.provider not in ours:
        return _difference("elsewhere", entry, f"a failed turn of provider `{name}`, not through this gateway")
    return _difference("failed-before", entry, "the turn failed before any request of it reached this gateway")


def _unknown(record: RequestRecord, threads: set[str]) -> Difference:
    """A request of the gateway that is in no rollout."""
    client = record.client or "an unknown client"
    if record.thread_id in threads and _failed(record):
        why = "a failed request of a turn that went on: Codex notes only how a turn ends"
    elif record.thread_id in threads:
        why = "Codex noted no usage for it: the stream broke before its end, or the turn was interrupted"
    elif "codex" in client.lower() and record.endpoint.endswith("/chat/completions"):
        why = "Codex 0.94 and older notes no tokens for turns over Chat Completions"
    elif "codex" in client.lower():
        why = (
            "its thread is in no rollout: the title of a new session, `codex exec --ephemeral`, a test request, "
            "another CODEX_HOME or another machine"
        )
    else:
        why = f"not sent by Codex, but by {client}"
    if record.status == 499:
        why += " (the client went away)"
    return Difference(
        kind="unknown-to-codex",
        time=parse_time(record.time),
        explanation=why,
        thread=record.thread_id,
        response=record.upstream_id,
        provider=record.provider,
        model=record.model_used or record.model,
        codex=None,
        gateway=record.tokens,
        requests=(record.id,),
    )


def _told_otherwise(record: RequestRecord) -> Difference:
    """A request of which Codex's telemetry told other counts than the gateway has."""
    told = dict(part.rsplit(" ", 1) for part in (record.differs or "").split(", ") if " " in part)
    codex = {
        name: int(told[name]) if told.get(name, "").isdecimal() else own for name, own in record.tokens.named().items()
    }
    return Difference(
        kind="telemetry-differs",
        time=parse_time(record.time),
        explanation=f"Codex's telemetry says {record.differs}; the gateway's figures hold",
        thread=record.thread_id,
        response=record.upstream_id,
        provider=record.provider,
        model=record.model_used or record.model,
        codex=TokenCounts(*codex.values()),
        gateway=record.tokens,
        requests=(record.id,),
    )


def _difference(
    kind: DifferenceKind, entry: Entry, why: str, gateway: TokenCounts | None = None, requests: tuple[str, ...] = ()
) -> Difference:
    return Difference(
        kind=kind,
        time=datetime.fromtimestamp(entry.ms / 1000, UTC),
        explanation=why,
        thread=entry.thread,
        response=entry.response,
        provider=entry.provider,
        model=entry.model,
        codex=entry.tokens,
        gateway=gateway,
        requests=requests,
    )


def _failed(record: RequestRecord) -> bool:
    return record.error_type is not None or (record.status or 0) >= 400


def _ms(record: RequestRecord) -> int:
    return int(parse_time(record.time).timestamp() * 1000)


def _end(record: RequestRecord) -> int:
    return _ms(record) + int(record.latency_ms or 0)
