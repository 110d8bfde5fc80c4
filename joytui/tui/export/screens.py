"""What each screen exports: the same data as its command (`joytui logs`, `usage`, `keys list`, `doctor`), as far as it is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from joytui.core.sheet import Sheet
from joytui.tui.export.exported import Exported

if TYPE_CHECKING:
    from joytui.core.columnar import Block
    from joytui.core.records import Report
    from joytui.core.request import RequestRecord
    from joytui.core.wire import AuditEntry, KeyView
    from joytui.tui.budgets.reading import BudgetsSnapshot, Limit
    from joytui.tui.logs.histogram import Counts
    from joytui.tui.logs.shown import Shown
    from joytui.tui.usage.snapshot import UsageSnapshot

Colours = Mapping[str, str]


def named(screen: str, now: datetime) -> str:
    """A file's name without its ending: "joytui-usage-2026-11-30"."""
    return f"joytui-{screen}-{now:%Y-%m-%d}"


# --- Logs -------------------------------------------------------------------------------------------------------------


def requests_exported(
    shown: Shown, filter_text: str, counts: Counts | None, now: datetime, zone: tzinfo | None, colours: Colours
) -> Exported | None:
    """The requests that are listed, oldest first. Their columns are copied here and now: the list goes on meanwhile."""
    many = len(shown)
    if not many:
        return None
    runs = groupby(map(shown.at, range(many)), key=lambda at: at[0] is shown.front)
    blocks = [(shown.front if front else shown.store).block([row for _, row in run]) for front, run in runs]
    records = partial(_records, blocks)
    what = f"{many:,} request{'' if many == 1 else 's'}" + (f" · {filter_text}" if filter_text else "")
    older = (
        ""
        if shown.older == "end"
        else "Does not include older requests that are not loaded: `joytui logs --limit 0 --csv`."
    )
    return Exported(
        name=named("logs", now),
        what=what,
        left_out=older,
        sheet=lambda: _request_sheet(records()),
        data=lambda: _request_data(records()),
        svg=partial(_counts_svg, counts, zone, colours) if counts is not None else None,
    )


def _records(blocks: Sequence[Block]) -> list[RequestRecord]:
    from joytui.tui.logs.store import LogStore

    found = []
    for block in blocks:
        store = LogStore()
        store.held = True  # or the oldest would leave
        store.append_block(block)
        found += [store.record(row) for row in range(len(store))]
    return found


def _request_sheet(records: Sequence[RequestRecord]) -> Sheet:
    from joytui.core.request_lines import request_sheet

    return request_sheet(records)


def _request_data(records: Sequence[RequestRecord]) -> list[dict[str, Any]]:
    from joytui.core.request_lines import as_json

    return [as_json(record) for record in records]


def _counts_svg(counts: Counts, zone: tzinfo | None, colours: Colours) -> str:
    from joytui.tui.export.svg import Bars, bars_svg
    from joytui.tui.figures import when

    many = len(counts.requests)
    begin, width = counts.end_ms - counts.span_s * 1000, counts.span_s * 1000 / max(1, many)
    form = "%H:%M" if counts.span_s < 86400 else "%d %b %H:00" if counts.span_s <= 3 * 86400 else "%d %b"
    labels = [
        datetime.fromtimestamp((begin + i * width) / 1000, UTC).astimezone(zone).strftime(form) for i in range(many)
    ]
    good = [requests - failed for requests, failed in zip(counts.requests, counts.errors, strict=True)]
    series = [("failed", colours["error"], counts.errors), ("answered", colours["series-2"], good)]
    end = datetime.fromtimestamp(counts.end_ms / 1000, UTC)
    span = f"{when(end - timedelta(seconds=counts.span_s), zone, end)} to {when(end, zone, end)}"
    return bars_svg(Bars(f"Requests, {span}", "requests", labels, series), colours)


# --- Usage ------------------------------------------------------------------------------------------------------------


def usage_exported(snapshot: UsageSnapshot, now: datetime, zone: tzinfo | None, colours: Colours) -> Exported | None:
    """The rows behind the chart, by time and group, and the chart."""
    from joytui.usage.rows import usage_sheet, usage_view

    if snapshot.empty:
        return None
    asked = snapshot.asked
    sources = ("gateway", "codex") if snapshot.source == "both" else (snapshot.source,)
    told = {"gateway": snapshot.totals} if snapshot.totals is not None and asked.group == "label" else None
    return Exported(
        name=named("usage", now),
        what=f"Usage by {asked.bucket} and {asked.group}, {asked.window(now, zone).words}",
        sheet=lambda: usage_sheet(snapshot.rows, [asked.bucket, asked.group]),
        data=lambda: usage_view(snapshot.rows, sources, told),
        svg=partial(_usage_svg, snapshot, now, zone, colours),
    )


def _usage_svg(snapshot: UsageSnapshot, now: datetime, zone: tzinfo | None, colours: Colours) -> str:
    from joytui.tui.export.svg import Bars, bars_svg
    from joytui.tui.theme import SERIES_NAMES
    from joytui.tui.usage.sums import chart

    drawn = chart(snapshot, now, zone)
    series = [
        (one.name, colours[SERIES_NAMES[place % len(SERIES_NAMES)]], one.values)
        for place, one in enumerate(drawn.series)
    ]
    title = f"{drawn.unit.capitalize()} by {snapshot.asked.group}, {snapshot.asked.window(now, zone).words}"
    return bars_svg(Bars(title, drawn.unit, drawn.labels, series), colours)


# --- Keys -------------------------------------------------------------------------------------------------------------

KEY_HEAD = (
    "name", "id", "key", "state", "owner", "model", "tiers", "addresses", "spent", "daily limit", "weekly limit", "total limit",
    "requests", "refused today", "last used", "expires",
)  # fmt: skip


def keys_exported(keys: Sequence[KeyView], now: datetime) -> Exported | None:
    """All keys as they are known: never a plain key, for nobody has it."""
    if not keys:
        return None
    return Exported(
        name=named("keys", now),
        what=f"{len(keys)} key{'' if len(keys) == 1 else 's'}",
        sheet=lambda: Sheet(KEY_HEAD, [_key_row(key) for key in keys]),
        data=lambda: {"keys": [key.model_dump(mode="json") for key in keys]},
    )


def _key_row(key: KeyView) -> tuple[object, ...]:
    rules = key.policy
    return (
        key.name, key.id, key.hint, key.state, key.owner, rules.fixed_model, ", ".join(rules.tiers), ", ".join(rules.ip_allow),
        key.spent, rules.daily_limit, rules.weekly_limit, rules.total_limit,
        key.requests, key.refused_today, key.last_used_at, key.expires_at,
    )  # fmt: skip


# --- Audit ------------------------------------------------------------------------------------------------------------

AUDIT_HEAD = ("time", "token", "what", "name", "subject", "fact", "before", "after")


def changes_exported(found: Sequence[AuditEntry], filter_text: str, now: datetime) -> Exported | None:
    """The changes that are listed, newest first: in a table a line for each fact, as JSON what `joytui audit --json` tells."""
    if not found:
        return None
    many = f"{len(found):,} change{'' if len(found) == 1 else 's'}"
    return Exported(
        name=named("audit", now),
        what=many + (f" · {filter_text.strip()}" if filter_text.strip() else ""),
        sheet=lambda: Sheet(AUDIT_HEAD, [row for one in found for row in _audit_rows(one)]),
        data=lambda: {"entries": [one.model_dump(mode="json") for one in found]},
    )


def _audit_rows(one: AuditEntry) -> list[tuple[object, ...]]:
    from joytui.core.audit_words import Fact, facts

    start = (one.time, one.token, one.what, one.name, one.subject)
    return [(*start, *told) for told in facts(one) or [Fact("", "", "")]]


# --- Budgets ----------------------------------------------------------------------------------------------------------

BUDGET_HEAD = (
    "node", "name", "parent", "period", "limit", "base limit", "raised until", "spent", "held", "left", "resets", "credits an hour",
    "gone at",
)  # fmt: skip


def budgets_exported(snapshot: BudgetsSnapshot, now: datetime) -> Exported | None:
    """The tree with its limits; as JSON what the gateway told."""
    found = snapshot.limits(now)
    if not found:
        return None
    return Exported(
        name=named("budgets", now),
        what=f"{len(found)} limit{'' if len(found) == 1 else 's'}",
        sheet=lambda: Sheet(BUDGET_HEAD, [_budget_row(one) for one in found]),
        data=lambda: {"budgets": [node.model_dump(mode="json") for node in snapshot.nodes]},
    )


def _budget_row(one: Limit) -> tuple[object, ...]:
    from joytui.core.clock import rfc3339
    from joytui.core.money import format_credits

    node, limit, burn = one.node, one.limit, one.burn
    gone = rfc3339(burn.runs_out) if burn.runs_out and burn.will_be_over else None
    return (
        node.node, node.name, node.parent, limit.period, limit.limit_credits, limit.base_limit_credits, limit.raised_until,
        limit.spent_credits, limit.held_credits, limit.left_credits, limit.resets_at, format_credits(burn.rate), gone,
    )  # fmt: skip


# --- Doctor -----------------------------------------------------------------------------------------------------------


def report_exported(report: Report, now: datetime) -> Exported:
    """The verdict as a ticket's text, the report as JSON, the walk as a table."""
    from joytui.doctor.report import report_json
    from joytui.tui.doctor.ticket import ticket_text

    steps = [(step.id, step.row, step.title, step.status, step.duration_ms, step.summary) for step in report.steps]
    return Exported(
        name=named("doctor", now),
        what="The doctor's report",
        sheet=lambda: Sheet(("step", "row", "title", "status", "milliseconds", "summary"), steps),
        data=lambda: report_json(report),
        page=lambda: ticket_text(report),
    )
