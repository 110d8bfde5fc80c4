"""One request explained: its life as a timeline, tokens, cost, ids, and a refusal with its row and remedy."""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING

from textual.content import Content

from joytui.core.money import format_credits
from joytui.core.records import RequestRecord
from joytui.tui.amounts import span
from joytui.tui.logs.format import clock
from joytui.tui.logs.store import milliseconds
from joytui.tui.shown import visible

if TYPE_CHECKING:
    from joytui.core.wire import KeyView
    from joytui.tui.logs.surroundings import Surroundings

COST_WORDS = {
    "upstream": "as the upstream billed it",
    "estimated": "estimated from the catalog's prices",
    "none": "no cost known",
}


def detail(
    record: RequestRecord, *, width: int, zone: tzinfo | None = None, around: Surroundings | None = None
) -> Content:
    """The whole pane for a width in cells. `around`: what the gateway says beside the record, once it has said it."""
    parts = [_head(record, zone)]
    if record.status is not None and record.status >= 400:
        parts.append(explained(record))
    parts += [_timeline(record, width), _money(record)]
    parts += [_decision(record, around), _wallet(around), _ids(record)]
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
    """From admission over the first token to the end, to scale. The gateway measures these three and no more."""
    total, first = record.latency_ms, record.ttft_ms
    if total is None:
        return Content("")
    room = max(10, min(48, width - 2))
    share = min(1.0, first / total) if first is not None and total > 0 else 1.0
    waiting = max(1, min(room - (first is not None), round(room * share)))
    lines = [
        Content.styled("TIME", "bold $quiet"),
        Content.assemble(("░" * waiting, "$quiet"), ("█" * (room - waiting), "$primary")),
    ]
    if first is None:
        what = "refused after" if (record.status or 0) >= 400 else "answered after"
        return Content("\n").join([*lines, _pair(what, span(total))])
    streaming = total - first
    speed = (
        f"{record.output_tokens / streaming * 1000:,.0f} tokens/s" if streaming >= 50 and record.output_tokens else ""
    )
    lines += [
        _pair("░ first token", span(first), "waited for the model"),
        _pair("█ streaming", span(streaming), speed),
        _pair("  end", span(total)),
    ]
    return Content("\n").join(lines)


def _pair(name: str, value: str, more: str = "") -> Content:
    return Content.assemble((f"{name:<14}", "$quiet"), (f"{value:>8}", "bold"), (f"  {more}" if more else "", "$quiet"))


def _decision(record: RequestRecord, around: Surroundings | None) -> Content:
    """Which way the gateway chose, and the policy of the key as it stands now."""
    lines = [Content.styled("POLICY", "bold $quiet")]
    asked, used = record.model or "–", record.model_used
    if used:
        lines.append(Content.assemble(("route       ", "$quiet"), (visible(_route(asked, used, record)), "")))
    elif (record.status or 0) >= 400:
        lines.append(Content.assemble(("route       ", "$quiet"), ("none: refused before a model was chosen", "")))
    if around is not None and around.key is not None:
        lines += [
            Content.assemble((f"{name:<12}", "$quiet"), (visible(value, limit=300), ""))
            for name, value in policy(around.key)
        ]
    if around is not None and around.problem:
        lines.append(Content.styled(visible(around.problem, limit=200), "$warning"))
    return Content("\n").join(lines) if len(lines) > 1 else Content("")


def _route(asked: str, used: str, record: RequestRecord) -> str:
    place = " / ".join(part for part in (record.provider, record.tier) if part)
    how = "as asked" if asked == used else "the router chose" if asked == "auto" else "the key's model"
    return f"{asked} → {used} ({how}){f', {place}' if place else ''}"


def policy(key: KeyView) -> list[tuple[str, str]]:
    """The policy of a key and what is left of its budgets, now: it may have been another when the request came."""
    rules = key.policy
    pairs = [
        ("key now", key.state + (f": {rules.block_reason}" if rules.blocked and rules.block_reason else "")),
        ("model", f"only {rules.fixed_model}" if rules.fixed_model else ""),
        ("tiers", ", ".join(rules.tiers)),
        ("not", ", ".join(rules.model_blacklist)),
        ("from", ", ".join(rules.ip_allow)),
    ]
    pairs += [(budget.period, f"{budget.left} of {budget.limit} Cr left") for budget in key.budgets]
    return [(name, value) for name, value in pairs if value]


def _wallet(around: Surroundings | None) -> Content:
    """What the request froze, paid and gave back."""
    if around is None or around.moves == ():
        return Content("")
    title = Content.styled("WALLET", "bold $quiet")
    if around.moves is None:
        return Content("\n").join([title, Content.styled("its movements are too far back to be looked for", "$quiet")])
    lines = [
        Content.assemble(
            (f"{move.kind:<9}", "$quiet"), (f"{move.amount:>14} Cr", "bold"), (f"  held {move.held}", "$quiet")
        )
        for move in around.moves
    ]
    return Content("\n").join([title, *lines])


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
        ("asked", record.model if record.model_used is None else None),
        ("tier", record.tier if record.model_used is None else None),
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
