"""The words and numbers of the Usage screen. Pure: snapshot in, Content out."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.content import Content

from joytui.core.money import parse_credits
from joytui.tui.amounts import count
from joytui.tui.charts.cells import bar_parts, share
from joytui.tui.logs.format import fit
from joytui.tui.no_gateway import no_gateway
from joytui.tui.shown import visible
from joytui.tui.state import LinkState
from joytui.tui.theme import SERIES_NAMES
from joytui.tui.usage.snapshot import Metric, Question, UsageSnapshot
from joytui.tui.usage.sums import Chart, Line, amount_text


def context(snapshot: UsageSnapshot) -> Content:
    asked = snapshot.asked
    parts = [
        Content.styled(asked.words, "bold"),
        Content.assemble(("by ", "$quiet"), (asked.group, "bold")),
        Content.assemble(("in ", "$quiet"), ({"spend": "credits"}.get(asked.metric, asked.metric), "bold")),
    ]
    if snapshot.loading:
        parts.append(Content.styled("◌ loading", "$warning"))
    if snapshot.problem:
        parts.append(Content.styled(f"✗ {visible(snapshot.problem, limit=120)}", "$error"))
    return Content.styled("  ·  ", "$quiet").join(parts)


def totals(snapshot: UsageSnapshot, width: int) -> Content:
    """Two lines: names over numbers, side by side."""
    numbers = snapshot.totals or {}
    incoming, cached = int(numbers.get("input_tokens") or 0), int(numbers.get("cached_input_tokens") or 0)
    requests, errors = int(numbers.get("requests") or 0), int(numbers.get("errors") or 0)
    spend = amount_text(parse_credits(numbers.get("cost_credits") or "0"), "spend")
    tiles = [
        ("SPEND", spend, "$primary"),
        ("REQUESTS", f"{requests:,}", "$foreground"),
        (
            "FAILED",
            f"{errors:,} ({share(errors, requests):.0%})" if errors else "0",
            "$error" if errors else "$foreground",
        ),
        (
            "INPUT",
            f"{count(incoming)} ({share(cached, incoming):.0%} cached)" if cached else count(incoming),
            "$foreground",
        ),
        ("OUTPUT", count(int(numbers.get("output_tokens") or 0)), "$foreground"),
    ]
    each = max(9, width // len(tiles)) if width >= 90 else 0
    names, values = Content(""), Content("")
    for name, value, style in tiles:
        room = each or max(len(name), len(value)) + 3
        if names.cell_length + room > width + 3:
            break
        names += Content.styled(fit(name, room), "$quiet")
        values += Content.styled(fit(value, room), f"bold {style}")
    return names + "\n" + values


def legend(chart: Chart, width: int) -> Content:
    """The series' names in their colours, outside the data; each with its sign, so colour never stands alone."""
    line = Content("")
    for index, series in enumerate(chart.series):
        item = Content.assemble((f"■ {index + 1} ", f"${SERIES_NAMES[index]}"), (f"{series.name}   ", "$foreground"))
        if line.cell_length + item.cell_length > width:
            return line + Content.styled("…", "$quiet")
        line += item
    return line


def ranking_text(lines: Sequence[Line], metric: Metric, width: int) -> Content:
    """Who has how much, as bars with their numbers."""
    whole = sum(line.amount(metric) for line in lines)
    top = max((line.amount(metric) for line in lines), default=0)
    rows: list[Content] = []
    for index, line in enumerate(lines[:40]):
        value = amount_text(line.amount(metric), metric)
        percent = f"{share(line.amount(metric), whole):.0%}"
        colour = f"${SERIES_NAMES[min(index, 5)]}"
        name = fit(line.name, max(4, width - len(value) - 1))
        failed = f"  ✗ {line.errors:,}" if line.errors else ""
        room = max(4, width - len(percent) - len(failed) - 1)
        rows.append(Content.assemble((name, "bold"), (f" {value}", "")))
        rows.append(
            Content.assemble(
                *bar_parts(share(line.amount(metric), top), room, colour, "$background"),
                (f" {percent}", "$quiet"),
                (failed, "$error"),
            )
        )
    return Content("\n").join(rows)


def empty(snapshot: UsageSnapshot, state: LinkState) -> Content:
    """Why there is nothing, and what would appear here."""
    if snapshot.problem:
        return Content.assemble(("Usage could not be read.\n\n", "bold $error"), (visible(snapshot.problem), ""))
    if (words := no_gateway(state)) is not None:
        return words
    if snapshot.loading:
        return Content.styled("Loading…", "bold")
    return Content.assemble(
        (f"Nothing was spent in the {snapshot.asked.words}.\n\n", "bold"),
        ("Every request that passes the gateway is counted here by model, key, owner and tier.\n", ""),
        ("t", "bold $primary"),
        (" on Logs sends one real Codex turn; ", ""),
        ("m", "bold $primary"),
        (" shows the whole month.", ""),
    )


def table_titles(asked: Question) -> tuple[str, ...]:
    return (asked.bucket, asked.group, "requests", "failed", "input", "cached", "output", "credits")


def right(text: str) -> Text:
    return Text(text, justify="right")
