"""The words and numbers of the Usage screen. Pure: snapshot in, Content out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text
from textual.content import Content

from joytui.core.amounts import count
from joytui.core.money import parse_credits
from joytui.tui.charts.cells import PATTERNS, bar_parts, share
from joytui.tui.logs.format import fit
from joytui.tui.no_gateway import no_gateway
from joytui.tui.shown import visible
from joytui.tui.state import LinkState
from joytui.tui.theme import SERIES_NAMES
from joytui.tui.usage.snapshot import Metric, Question, UsageSnapshot
from joytui.tui.usage.sums import Chart, Line, amount_text

SOURCES = {"gateway": "the gateway", "codex": "Codex's files here", "both": "the gateway and Codex's files"}


def context(snapshot: UsageSnapshot, state: LinkState) -> Content:
    asked = snapshot.asked
    parts = [
        Content.styled(asked.words, "bold"),
        Content.assemble(("by ", "$quiet"), (asked.group, "bold")),
        Content.assemble(("in ", "$quiet"), ({"spend": "credits"}.get(snapshot.metric, snapshot.metric), "bold")),
        Content.assemble(("from ", "$quiet"), (SOURCES[snapshot.source], "bold")),
    ]
    if snapshot.loading and state.connected:
        parts.insert(0, Content.styled("◌ loading", "$warning"))
    return Content.styled("  ·  ", "$quiet").join(parts)


def totals(snapshot: UsageSnapshot, width: int) -> Content:
    """Two lines: names over numbers, side by side; a third where Codex's own files are asked too."""
    tiles = _tiles(snapshot.totals or {}, snapshot.source)
    more = _tiles(snapshot.codex_totals, "codex") if snapshot.codex_totals is not None else [("", "", "")] * len(tiles)
    each = max(9, width // len(tiles)) if width >= 90 else 0
    names, values, below = Content(""), Content(""), Content("")
    for (name, value, style), (_, other, _) in zip(tiles, more, strict=True):
        room = each or max(len(name), len(value), len(other)) + 3
        if names.cell_length + room > width + 3:
            break
        names += Content.styled(fit(name, room), "$quiet")
        values += Content.styled(fit(value, room), f"bold {style}")
        below += Content.styled(fit(other, room), "$quiet")
    return names + "\n" + values + ("\n" + below if snapshot.codex_totals is not None else "")


def _tiles(numbers: Mapping[str, Any], source: str) -> list[tuple[str, str, str]]:
    """Name, value and style of each total."""
    incoming, cached = int(numbers.get("input_tokens") or 0), int(numbers.get("cached_input_tokens") or 0)
    requests, errors = int(numbers.get("requests") or 0), int(numbers.get("errors") or 0)
    outgoing = int(numbers.get("output_tokens") or 0)
    spend = ("SPEND", amount_text(parse_credits(numbers.get("cost_credits") or "0"), "spend"), "$primary")
    failed = f"{errors:,} ({share(errors, requests):.0%})" if errors else "0"
    fed = f"{count(incoming)} ({share(cached, incoming):.0%} cached)" if cached else count(incoming)
    return [
        ("TOKENS", count(incoming + outgoing), "$primary") if source == "codex" else spend,
        ("REQUESTS", f"{requests:,}", "$foreground"),
        ("FAILED", failed, "$error" if errors else "$foreground"),
        ("INPUT", fed, "$foreground"),
        ("OUTPUT", count(outgoing), "$foreground"),
    ]


def legend(chart: Chart, plain: bool, width: int) -> Content:
    """The series' names in their colours, outside the data; each with its sign, so colour never stands alone."""
    line = Content("")
    for index, series in enumerate(chart.series):
        sign = PATTERNS[index] if plain else "■"
        item = Content.assemble(
            (f"{sign} {index + 1} ", f"${SERIES_NAMES[index]}"), (f"{series.name}   ", "$foreground")
        )
        if line.cell_length + item.cell_length > width:
            return line + Content.styled("…", "$quiet")
        line += item
    return line


def burn_legend(plain: bool, width: int) -> Content:
    """The names of the burn-down's two series."""
    one, two = SERIES_NAMES[:2]
    first, second = (PATTERNS[0], PATTERNS[1]) if plain else ("■", "■")
    words = [
        (f"{first} 1 ", f"${one}"),
        ("left at the end   ", "$foreground"),
        (f"{second} 2 ", f"${two}"),
        ("expected", "$foreground"),
    ]
    return Content.assemble(*words)


def ranking_text(lines: Sequence[Line], metric: Metric, cursor: int, order: Sequence[str], width: int) -> Content:
    """Who has how much, as bars with their numbers; the chosen one is marked. `order`: the chart's series, for their colours."""
    whole = sum(line.amount(metric) for line in lines)
    top = max((line.amount(metric) for line in lines), default=0)
    rows: list[Content] = []
    for index, line in enumerate(lines[:40]):
        value = amount_text(line.amount(metric), metric)
        percent = f"{share(line.amount(metric), whole):.0%}"
        colour = f"${SERIES_NAMES[order.index(line.name) if line.name in order else -1]}"
        mark = "▸ " if index == cursor else ""
        name = mark + fit(line.name, max(4, width - len(value) - 1 - len(mark)))
        failed = f"  ✗ {line.totals.errors:,}" if line.totals.errors else ""
        room = max(4, width - len(percent) - len(failed) - 1)
        chosen = " on $block-cursor-background" if index == cursor else ""
        rows.append(Content.assemble((name, f"bold{chosen}"), (f" {value}", chosen.strip())))
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
    if snapshot.asked.source == "codex":
        return Content.assemble(
            (f"Codex wrote of no turn in the {snapshot.asked.words}.\n\n", "bold"),
            ("Codex keeps a file of each session below its home; they are counted here, without any gateway.\n", ""),
            ("s", "bold $primary"),
            (" shows the gateway's numbers; ", ""),
            *_longer(snapshot.asked),
        )
    if (words := no_gateway(state)) is not None:
        return words
    if snapshot.loading:
        return Content.styled("Loading…", "bold")
    return Content.assemble(
        (f"Nothing was spent in the {snapshot.asked.words}.\n\n", "bold"),
        ("Every request that passes the gateway is counted here by model, key, owner and tier.\n", ""),
        ("2", "bold $primary"),
        (" and ", ""),
        ("t", "bold $primary"),
        (" send one real Codex turn; ", ""),
        ("s", "bold $primary"),
        (" shows what Codex's own files on this machine say; ", ""),
        *_longer(snapshot.asked),
    )


def _longer(asked: Question) -> list[tuple[str, str]]:
    if asked.range == "months":
        return [("d", "bold $primary"), (" shows the last day.", "")]
    return [("M", "bold $primary"), (" shows the whole year.", "")]


def table_titles(asked: Question) -> tuple[Text, ...]:
    """The two names, and the numbers, whose titles stand over their ends."""
    numbers = ("requests", "failed", "input", "cached", "output", "credits")
    return (Text(asked.bucket), Text(asked.group), *(right(name) for name in numbers))


def right(text: str) -> Text:
    return Text(text, justify="right")
