"""The card about an owner as text: the answer first, then keys, refusals and the last turn. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo

from textual.content import Content

from joytui.core.clock import parse_time
from joytui.core.request import RequestRecord
from joytui.tui.charts.cells import bar_parts, columns, percent
from joytui.tui.figures import credits
from joytui.tui.keys.table import STATES, ago
from joytui.tui.people.owner import DAYS, MOST_REFUSALS, OwnedKey, OwnerCard
from joytui.tui.shown import fit_line, visible

NAME = 20
BARRED = 80
"""From this width on there is room for a bar beside the limit."""
MOST_KEYS = 8


def card(card: OwnerCard, now: datetime, zone: tzinfo | None, width: int) -> Content:
    """The whole card for a width in cells."""
    parts = [_spend(card), _keys(card, now, zone, width), _refusals(card), _last(card.last, now, zone)]
    lines = [line.truncate(width, ellipsis=True) for part in parts for line in [*part.split("\n"), Content("")]]
    return Content("\n").join(lines[:-1])


def _spend(card: OwnerCard) -> Content:
    """What was spent, against the week before, and day by day."""
    trend, chart = _trend(card.week, card.week_before), columns(card.days, 2)
    head = Content.assemble(
        ("SPEND  ", "bold $quiet"),
        (f"{credits(card.week)} Cr", "bold"),
        (" in 7 days  ", "$quiet"),
        trend,
    )
    bars = [Content.styled(line, "$series-2") for line in chart]
    axis = f"{DAYS - 1} days ago".ljust(DAYS - 5) + "today"
    today = Content.styled(f"{axis}   {credits(sum(card.days))} Cr in {DAYS} days", "$quiet")
    return Content("\n").join([head, *bars, today])


def _trend(week: int, before: int) -> tuple[str, str]:
    """How this week compares with the one before; a colour never alone."""
    if not before:
        return ("nothing in the previous 7 days" if week else "", "$quiet")
    change = round(100 * (week - before) / before)
    if change > 999:
        return f"▲ {week // before}× the previous 7 days", "bold $warning"
    sign, style = ("▲", "$warning") if change >= 25 else ("▼", "$success") if change <= -25 else ("=", "$quiet")
    return f"{sign} {change:+d}% on the previous 7 days", style


def _keys(card: OwnerCard, now: datetime, zone: tzinfo | None, width: int) -> Content:
    shown = card.keys[:MOST_KEYS]
    active = sum(one.key.state == "active" for one in card.keys)
    count = f"{len(card.keys)} key{'' if len(card.keys) == 1 else 's'}, {active} active"
    more = [Content.styled(f"and {len(card.keys) - MOST_KEYS} more", "$quiet")] if len(card.keys) > MOST_KEYS else []
    head = Content.assemble(("KEYS  ", "bold $quiet"), (count, "$quiet"))
    return Content("\n").join([head, *(_key(one, now, zone, width) for one in shown), *more])


def _key(one: OwnedKey, now: datetime, zone: tzinfo | None, width: int) -> Content:
    glyph, colour = STATES.get(one.key.state, ("?", "warning"))
    room = max(10, min(NAME, width - 52))
    return Content.assemble(
        (f"{glyph} ", f"${colour}"),
        (f"{fit_line(one.key.name, room):<{room}}", "bold"),
        (f"{credits(one.week) + ' Cr':>11} ", ""),
        *_limit(one, now, zone, barred=width >= BARRED),
    )


def _limit(one: OwnedKey, now: datetime, zone: tzinfo | None, *, barred: bool) -> list[tuple[str, str]]:
    """The tightest limit, and whether it lasts."""
    budget = one.key.tightest
    if one.key.state != "active":
        return [(one.key.state, "$quiet")]
    if budget is None:
        return [("no limit", "$quiet")]
    used, moment = budget.used, one.used_up(now)
    colour = "$error" if used >= 1 else "$warning" if used >= 0.8 or moment else "$primary"
    parts = [*(bar_parts(used, 8, colour, "$rule") if barred else ()), (f" {percent(used):>4} {budget.period}", "")]
    if used >= 1:
        return [*parts, ("  ✗ used up", "bold $error")]
    return [*parts, (f"  ▲ used up {_soon(moment, now, zone)}", "$warning") if moment else ("  ✓ lasts", "$success")]


def _soon(moment: datetime, now: datetime, zone: tzinfo | None) -> str:
    local = moment.astimezone(zone)
    return f"today {local:%H:%M}" if local.date() == now.astimezone(zone).date() else f"{local:%a %d %b}"


def _refusals(card: OwnerCard) -> Content:
    many = sum(count for _, count in card.refused)
    title = ("REFUSED  ", "bold $quiet")
    if not many:
        return Content.assemble(title, ("✓ nothing in 7 days", "$success"))
    at_least = "+" if many >= MOST_REFUSALS else ""
    causes = " · ".join(f"{cause} {count}" for cause, count in card.refused[:4])
    return Content.assemble(title, (f"✗ {many}{at_least}", "bold $error"), (" in 7 days  ", "$quiet"), (causes, ""))


def _last(record: RequestRecord | None, now: datetime, zone: tzinfo | None) -> Content:
    title = ("LAST TURN  ", "bold $quiet")
    if record is None:
        return Content.assemble(title, ("none yet", "$quiet"))
    status = "◌ running" if record.status is None else f"{'✓' if record.status < 400 else '✗'} {record.status}"
    when = f"{parse_time(record.time).astimezone(zone):%a %d %b %H:%M}, {ago(record.time, now)}"
    facts = [record.key, record.model_used or record.model, record.project, record.thread_id]
    first = Content.assemble(title, (when, ""), (f"  {status}  {credits(record.cost_nano)} Cr", "bold"))
    rest = visible(" · ".join(fact for fact in facts if fact)).replace("\n", " ")
    return Content("\n").join([first, Content.styled(f"  {rest}", "$quiet")])
