"""One request explained: its life as a timeline, tokens, cost, ids, and a refusal with its row and remedy."""

from __future__ import annotations

from datetime import tzinfo

from textual.content import Content

from joytui.core.money import format_credits
from joytui.core.records import RequestRecord
from joytui.tui.amounts import span
from joytui.tui.logs.format import clock
from joytui.tui.logs.store import milliseconds
from joytui.tui.shown import visible

COST_WORDS = {
    "upstream": "as the upstream billed it",
    "estimated": "estimated from the catalog's prices",
    "none": "no cost known",
}


def detail(record: RequestRecord, *, width: int, zone: tzinfo | None = None) -> Content:
    """The whole pane for a width in cells."""
    parts = [_head(record, zone)]
    if record.status is not None and record.status >= 400:
        parts.append(explained(record))
    parts += [_timeline(record, width), _money(record), _ids(record)]
    return Content("\n\n").join(part for part in parts if part.plain)


def _head(record: RequestRecord, zone: tzinfo | None) -> Content:
    status = "running" if record.status is None else str(record.status)
    bad = (record.status or 0) >= 400
    glyph, colour = ("✗", "$error") if bad else ("◌", "$secondary") if record.status is None else ("✓", "$success")
    return Content.assemble(
        (f"{glyph} {status}  ", f"bold {colour}"),
        (visible(record.endpoint), "bold"),
        (f"\n{clock(milliseconds(record.time), zone, precise=True)}", "$quiet"),
        (f" · {'streamed' if record.stream else 'in one piece'}", "$quiet"),
    )


def explained(record: RequestRecord) -> Content:
    """What a refusal means in the guide's words, and what to do about it."""
    from joytui.core.causes import CAUSES, ROW_TEXTS

    said = visible(record.error_message or record.error_type or "no message", limit=1000)
    cause = CAUSES.get(record.cause or "")
    if cause is None:
        return Content.styled(said, "$error")
    row = "not in the guide's table" if cause.row == "other" else ROW_TEXTS[cause.row].symptom
    return Content.assemble(
        (cause.title, "bold $error"),
        (f"\n{row} · {cause.id}", "$quiet"),
        (f"\n{said}", ""),
        (f"\n{cause.explanation}", "$foreground 85%"),
        (f"\n→ {cause.remedy}", "$primary"),
    )


def _timeline(record: RequestRecord, width: int) -> Content:
    """Waiting until the first token, then streaming until the end, to scale."""
    total, first = record.latency_ms, record.ttft_ms
    if total is None:
        return Content("")
    room = max(10, min(48, width - 4))
    share = min(1.0, first / total) if first is not None and total > 0 else 1.0
    waiting = max(1, min(room, round(room * share)))
    legend = f"{span(first)} to the first token, " if first is not None else ""
    return Content.assemble(
        ("TIME\n", "bold $quiet"),
        ("░" * waiting, "$quiet"),
        ("█" * (room - waiting), "$primary"),
        (f"\n{legend}{span(total)} to the end", ""),
    )


def _money(record: RequestRecord) -> Content:
    if (record.status or 0) >= 400 and not record.input_tokens and not record.cost_nano:
        return Content("")  # refused before anything was spent
    cached = f"{record.cached_input_tokens:,} cached" if record.cached_input_tokens else ""
    reasoning = f"{record.reasoning_tokens:,} reasoning" if record.reasoning_tokens else ""
    cost = "~" * (record.cost_source == "estimated") + format_credits(record.cost_nano)
    rows = [
        ("input", f"{record.input_tokens:,}", cached),
        ("output", f"{record.output_tokens:,}", reasoning),
        ("cost", f"{cost} Cr", COST_WORDS[record.cost_source]),
    ]
    lines = [
        Content.assemble((f"{name:<8}", "$quiet"), (f"{value:>12}", "bold"), (f"  {more}" if more else "", "$quiet"))
        for name, value, more in rows
    ]
    return Content("\n").join([Content.styled("TOKENS AND COST", "bold $quiet"), *lines])


def _ids(record: RequestRecord) -> Content:
    pairs = [
        ("key", record.key),
        ("asked", record.model),
        ("used", record.model_used),
        ("provider", record.provider),
        ("tier", record.tier),
        ("request id", record.request_id),
        ("own id", record.id if record.id != record.request_id else None),
        ("upstream id", record.upstream_id),
        ("thread", record.thread_id),
        ("client", record.client),
        ("from", record.ip),
        ("notes", record.notes),
    ]
    lines = [
        Content.assemble((f"{name:<12}", "$quiet"), (visible(value, limit=300), ""))
        for name, value in pairs
        if value is not None
    ]
    return Content("\n").join([Content.styled("WHO AND WHAT", "bold $quiet"), *lines])
