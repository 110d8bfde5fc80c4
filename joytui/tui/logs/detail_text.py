"""One request explained: its life as a timeline, tokens, cost, ids, and a refusal with its row and remedy."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from textual.content import Content

from joytui.core.columnar import milliseconds
from joytui.core.money import parse_credits
from joytui.core.request import FIELDS, ROLLOUT, RequestRecord
from joytui.tui.figures import at_the_point, exact_credits, moment_with_day, refusal, resets
from joytui.tui.lines import fact
from joytui.tui.logs.columns import NO_STATUS
from joytui.tui.logs.format import status_cell
from joytui.tui.logs.timeline import timeline
from joytui.tui.shown import visible

if TYPE_CHECKING:
    from joytui.core.wire import BudgetView, KeyView
    from joytui.tui.logs.surroundings import Surroundings

MOODS = {"good": "$success", "bad": "$error", "warn": "$warning", "running": "$secondary"}
LABEL = 12
TOLD_BY = {
    ("rollout",): "Codex's own file on this machine; not through a gateway",
    ("gateway", "rollout"): "the gateway, and Codex's own file on this machine",
    ("telemetry",): "Codex's telemetry; not through a gateway",
    ("telemetry", "rollout"): "Codex's telemetry, and its own file on this machine",
    ("gateway", "telemetry"): "the gateway, and Codex's telemetry",
    ("gateway", "telemetry", "rollout"): "the gateway, Codex's telemetry, and its own file on this machine",
}
COST_WORDS = {
    "upstream": "as the upstream billed it",
    "estimated": "estimated from the catalog",
    "none": "no cost known",
}


def detail(
    record: RequestRecord,
    *,
    width: int,
    now: datetime,
    zone: tzinfo | None = None,
    around: Surroundings | None = None,
) -> Content:
    """The whole pane for a width in cells. `around`: what the gateway says beside the record, once it has said it."""
    if around is not None and around.record is not None and around.record.status == record.status:
        record = around.record
    parts = [_head(record, zone)]
    if (record.status or 0) >= 400 or (record.status is None and record.error_type):
        parts.append(explained(record, now, zone))
    parts += [timeline(record, width), _money(record)]
    parts += [_decision(record, around, width, now, zone), _wallet(around), _ids(record, width)]
    return Content("\n\n").join(part for part in parts if part.plain)


def _head(record: RequestRecord, zone: tzinfo | None) -> Content:
    words, mood = status_cell(NO_STATUS if record.status is None and not record.running else record.status or 0)
    words = words.replace("…", "running")
    return Content.assemble(
        (f"{words}  ", f"bold {MOODS[mood]}"),
        (visible(record.endpoint), "bold"),
        (f"\n{moment_with_day(milliseconds(record.time), zone)}", "$quiet"),
        (f" · {'streamed' if record.stream else 'not streamed'}", "$quiet"),
    )


def explained(record: RequestRecord, now: datetime, zone: tzinfo | None) -> Content:
    """What a refusal means in the guide's words, and what to do about it."""
    from joytui.causes import CAUSES, ROW_TEXTS

    said = refusal(visible(record.error_message or record.error_type or "no message", limit=1000), zone, now)
    cause = CAUSES.get(record.cause or "")
    if cause is None:
        return Content.styled(said, "$error")
    row = "not in the guide's table" if cause.row == "other" else ROW_TEXTS[cause.row].symptom
    return Content.assemble(
        (cause.title, "bold $error"),
        (f"\n{row} · {cause.id}", "$quiet"),
        (f"\n\n{said}", ""),
        (f"\n{cause.explanation}", "$foreground 85%"),
        (f"\n→ {cause.remedy}", "$primary"),
    )


def _decision(
    record: RequestRecord, around: Surroundings | None, width: int, now: datetime, zone: tzinfo | None
) -> Content:
    """Which way the gateway chose, and the policy of the key as it stands now."""
    if record.source == ROLLOUT:
        return Content("")  # no gateway chose anything
    lines = [Content.styled("POLICY", "bold $quiet")]
    asked, used = record.model or "–", record.model_used
    if used:
        lines.append(fact("route", visible(_route(asked, used, record), limit=300), width, LABEL))
    elif (record.status or 0) >= 400:
        lines.append(fact("route", "none: refused before a model was chosen", width, LABEL))
    if around is not None and around.key is not None:
        lines += [fact(name, visible(value, limit=300), width, LABEL) for name, value in policy(around.key, now, zone)]
    if around is not None and around.problem:
        lines.append(Content.styled(visible(around.problem, limit=200), "$warning"))
    return Content("\n").join(lines) if len(lines) > 1 else Content("")


def _route(asked: str, used: str, record: RequestRecord) -> str:
    place = " / ".join(part for part in (record.provider, record.tier) if part)
    how = "as asked" if asked == used else "the router chose" if asked == "auto" else "the key's model"
    return f"{asked} → {used} ({how}){f', {place}' if place else ''}"


def policy(key: KeyView, now: datetime, zone: tzinfo | None) -> list[tuple[str, str]]:
    """The policy of a key and what is left of its budgets, now: it may have been another when the request came."""
    rules = key.policy
    pairs = [
        ("key now", key.state + (f": {rules.block_reason}" if rules.blocked and rules.block_reason else "")),
        ("model", f"only {rules.fixed_model}" if rules.fixed_model else ""),
        ("tiers", ", ".join(rules.tiers)),
        ("not", ", ".join(rules.model_blacklist)),
        ("from", ", ".join(rules.ip_allow)),
    ]
    pairs += [(budget.period, _left(budget, now, zone)) for budget in key.budgets]
    return [(name, value) for name, value in pairs if value]


def _left(budget: BudgetView, now: datetime, zone: tzinfo | None) -> str:
    left = f"{exact_credits(parse_credits(budget.left))} of {exact_credits(parse_credits(budget.limit))} Cr left"
    return f"{left}, resets {resets(budget.resets_at, now, zone)}" if budget.resets_at else left


def _wallet(around: Surroundings | None) -> Content:
    """What the request froze, paid and gave back."""
    if around is None or around.moves == ():
        return Content("")
    title = Content.styled("WALLET", "bold $quiet")
    if around.moves is None:
        return Content("\n").join([title, Content.styled("its movements are too far back", "$quiet")])
    amounts = at_the_point([move.amount for move in around.moves])
    held = at_the_point([move.held for move in around.moves])
    lines = [
        Content.assemble((f"{move.kind:<9}", "$quiet"), (f"{amount} Cr", "bold"), (f"  held {kept}", "$quiet"))
        for move, amount, kept in zip(around.moves, amounts, held, strict=True)
    ]
    return Content("\n").join([title, *lines])


def _money(record: RequestRecord) -> Content:
    if record.running:
        return Content.styled("◌ still running: tokens and cost come at its end", "$quiet")
    if (record.status or 400) >= 400 and not record.input_tokens and not record.cost_nano:
        return Content("")  # refused before anything was spent
    cached = f"{record.cached_input_tokens:,} cached" if record.cached_input_tokens else ""
    reasoning = f"{record.reasoning_tokens:,} reasoning" if record.reasoning_tokens else ""
    cost = "~" * (record.cost_source == "estimated") + exact_credits(record.cost_nano)
    known = record.source != ROLLOUT or record.cost_nano
    rows = [
        ("input", f"{record.input_tokens:,}", cached),
        ("output", f"{record.output_tokens:,}", reasoning),
        *([("cost", f"{cost} Cr", COST_WORDS[record.cost_source])] if known else []),
    ]
    lines = [
        Content.assemble((f"{name:<8}", "$quiet"), (f"{value:>12}", "bold"), (f"  {more}" if more else "", "$quiet"))
        for name, value, more in rows
    ]
    return Content("\n").join([Content.styled("TOKENS AND COST", "bold $quiet"), *lines])


def _ids(record: RequestRecord, width: int) -> Content:
    pairs = [
        ("told by", TOLD_BY.get(record.sources)),
        ("key", record.key),
        ("provider", record.provider if record.source == ROLLOUT else None),
        ("asked", record.model if record.model_used is None else None),
        ("tier", record.tier if record.model_used is None else None),
        ("attempts", str(record.attempts) if (record.attempts or 1) > 1 else None),
        ("request id", record.request_id),
        ("own id", record.id if record.id != record.request_id else None),
        *((field.label, getattr(record, field.name)) for field in FIELDS if field.label),
    ]
    lines = [fact(name, visible(value, limit=300), width, LABEL) for name, value in pairs if value is not None]
    return Content("\n").join([Content.styled("WHO AND WHAT", "bold $quiet"), *lines])
