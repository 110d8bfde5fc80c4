"""Usage by all its sources: a gateway, Codex's telemetry where no gateway saw the request, and this machine's rollouts. What
two of them tell is counted once.

Telemetry and rollouts are both Codex's word: of a thread of which a rollout is here, the rollout tells all, the retries of
telemetry too; of any other thread telemetry does. Against a gateway a thread is compared by its sums: the gateway's figures hold,
and what a rollout has beyond them is added where it tells of more requests than the gateway saw.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from joytui.core.periods import PERIODS
from joytui.core.token_counts import OTHERS, UsageRow, UsageTotals

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient

THREAD = "thread"


class Told(NamedTuple):
    """What a gateway knows. `alone`: the sums of requests that only telemetry reported, each with its thread; `seen`: by thread,
    the sums of what the gateway saw."""

    alone: Sequence[tuple[str | None, UsageRow]] = ()
    seen: Mapping[str | None, UsageTotals] = {}


async def ask_told(
    console: ConsoleClient, by: Sequence[str], since: str | None, until: str | None, *, seen: bool = False
) -> Told:
    """`by`: the grouping that is wanted. `seen`: also what the gateway saw. Raises what the client raises."""
    fields = [*dict.fromkeys([*by, THREAD])]
    view = await console.usage(fields, since=since, until=until, source="telemetry")
    told = [
        row for row in view.rows if row.get("source") == "codex"
    ]  # an older gateway knows no other source than its own
    alone = [
        (row.get(THREAD), UsageRow({name: row.get(name) for name in by}, "codex", UsageTotals.of(row))) for row in told
    ]
    if not seen:
        return Told(alone)
    own = await console.usage([THREAD], since=since, until=until, tests="out")
    return Told(alone, {row.get(THREAD): UsageTotals.of(row) for row in own.rows})


def of_codex(rollouts: Sequence[UsageRow], told: Told, here: Collection[str | None]) -> list[UsageRow]:
    """Codex's side: the rollouts' rows, and telemetry's of threads that have no rollout `here`."""
    groups: dict[tuple[str | None, ...], list[UsageRow]] = {}
    for row in [*rollouts, *(row for thread, row in told.alone if thread is None or thread not in here)]:
        groups.setdefault(tuple(row.by.values()), []).append(row)
    made = [UsageRow(rows[0].by, "codex", UsageTotals.sum(row.totals for row in rows)) for rows in groups.values()]
    return sorted(made, key=_order)


def topped(rows: Sequence[UsageRow], top: int | None) -> list[UsageRow]:
    """This many values of the one field that is not a time, those with the most tokens; all others are OTHERS."""
    if top is None or not rows:
        return list(rows)
    (field,) = (name for name in rows[0].by if name not in PERIODS)
    sums: dict[str | None, list[UsageTotals]] = {}
    for row in rows:
        sums.setdefault(row.by[field], []).append(row.totals)
    ranked = sorted(sums, key=lambda value: (-_tokens(UsageTotals.sum(sums[value])), value or ""))
    kept = {*ranked[:top]}
    named = [
        row if row.by[field] in kept else UsageRow({**row.by, field: OTHERS}, row.source, row.totals) for row in rows
    ]
    return of_codex(named, Told(), ())


def joined_totals(gateway: UsageTotals, told: Told, rollouts: Mapping[str, UsageTotals]) -> UsageTotals:
    """All that was used, each request once. `gateway`: the sums of all that the gateway saw; `rollouts`: by thread."""
    known: dict[str | None, list[UsageTotals]] = {thread: [sums] for thread, sums in told.seen.items()}
    for thread, row in told.alone:
        known.setdefault(thread, []).append(row.totals)
    whole = [gateway, *(row.totals for _, row in told.alone)]
    for thread, mine in rollouts.items():
        theirs = UsageTotals.sum(known[thread]) if thread in known else UsageTotals()
        if mine.requests > theirs.requests:
            whole.append(UsageTotals._make(max(0, more) for more in mine.less(theirs)))
    return UsageTotals.sum(whole)


def _tokens(totals: UsageTotals) -> int:
    return totals.input_tokens + totals.output_tokens


def _order(row: UsageRow) -> tuple[object, ...]:
    times = tuple(row.by[name] or "" for name in row.by if name in PERIODS)
    return (*times, OTHERS in row.by.values(), -_tokens(row.totals), *(value or "" for value in row.by.values()))
