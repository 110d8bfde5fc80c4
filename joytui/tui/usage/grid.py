"""The table behind the chart: a line for each step and group, and in what room is left a bar that compares them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo

from rich.text import Text

from joytui.core.amounts import count
from joytui.core.token_counts import UsageRow, UsageTotals
from joytui.tui.charts.cells import low_bar, percent, share
from joytui.tui.figures import credits
from joytui.tui.theme import SERIES_NAMES
from joytui.tui.usage.colours import REST
from joytui.tui.usage.snapshot import UsageSnapshot
from joytui.tui.usage.sums import UNITS, group_name, measure, step_of
from joytui.tui.widgets.sorted_table import Entry, Filler, TableColumn

LEAST_BAR = 17
MOST_BAR = 60
BAR_RANK = 5
"""The bars say more than the columns above it."""
ROOMY = 110
"""From this width on tokens are written out; below they are rounded."""
NUMBERS = (
    TableColumn("requests", rank=1, numeric=True),
    TableColumn("failed", rank=2, numeric=True),
    TableColumn("input", rank=3, numeric=True),
    TableColumn("cached", rank=5, numeric=True),
    TableColumn("output", rank=4, numeric=True),
    TableColumn("reasoning", rank=6, numeric=True),
    TableColumn("credits", numeric=True),
    TableColumn("a request", rank=7, numeric=True),
)


def columns(snapshot: UsageSnapshot) -> tuple[TableColumn, ...]:
    """The step and the group, then the numbers."""
    asked = snapshot.asked
    return (TableColumn(asked.bucket, always=True), TableColumn(asked.group, least=22, always=True), *NUMBERS)


def entries(snapshot: UsageSnapshot, now: datetime, zone: tzinfo | None, width: int) -> tuple[list[Entry], Entry]:
    """Every step and group, newest step first, and their totals. An entry's `item` is the step's name and the group as the
    rows call it, its `id` both together."""
    asked = snapshot.asked
    window = asked.window(now, zone)
    sums: dict[tuple[str, str], list[UsageRow]] = {}
    for row in snapshot.rows:
        if (step := step_of(row, asked, zone)) in window.names:
            sums.setdefault((step, group_name(row, snapshot)), []).append(row)
    made = []
    for (step, name), rows in sums.items():
        totals = UsageTotals.sum(row.totals for row in rows)
        first = {asked.bucket: Text(window.step_words(step, now)), asked.group: Text(name)}
        keys = {asked.bucket: step, **_keys(totals), "": measure(totals, snapshot.metric)}
        numbers = _numbers(totals, priced=rows[0].source != "codex", rounded=width < ROOMY)
        made.append(Entry(f"{step} {name}", first | numbers, keys, (step, rows[0].by.get(asked.group))))
    made.sort(key=lambda entry: str(entry.keys[asked.bucket]), reverse=True)
    whole = UsageTotals.sum(row.totals for rows in sums.values() for row in rows)
    if asked.group == "label" and snapshot.totals is not None:
        whole = snapshot.totals  # a key with two labels is in both lines
    return made, _totals(snapshot, whole, width)


def _totals(snapshot: UsageSnapshot, totals: UsageTotals, width: int) -> Entry:
    priced = snapshot.source != "codex"
    numbers = _numbers(totals, priced=priced, rounded=width < ROOMY)
    blank = snapshot.source == "both"  # both sources see the same work: their sum is nothing that anybody used
    words = {title: Text("" if blank else cell.plain, "bold") for title, cell in numbers.items()}
    return Entry("", {snapshot.asked.bucket: Text("all", "bold"), snapshot.asked.group: Text(""), **words}, {"": 0})


def filler(snapshot: UsageSnapshot, made: list[Entry], slots: Mapping[str, int], colours: Mapping[str, str]) -> Filler:
    """The bars, on one scale: what each line has of the whole. `slots`: the names' colours."""
    whole = sum(entry.keys[""] for entry in made)

    def draw(entry: Entry, room: int) -> Text:
        colour = colours[SERIES_NAMES[slots.get(entry.cells[snapshot.asked.group].plain, REST)]]
        part = share(entry.keys[""], whole)
        return Text(f"{percent(part):>4} ", colours["quiet"]).append(low_bar(part, room - 5), colour)

    return Filler(f"share of {UNITS[snapshot.metric]}", LEAST_BAR, MOST_BAR, BAR_RANK, draw)


def _keys(one: UsageTotals) -> dict[str, int]:
    return {
        "requests": one.requests,
        "failed": one.errors,
        "input": one.input_tokens,
        "cached": one.cached_input_tokens,
        "output": one.output_tokens,
        "reasoning": one.reasoning_tokens,
        "credits": one.cost_nano,
        "a request": one.cost_nano // one.requests if one.requests else 0,
    }


def _numbers(one: UsageTotals, *, priced: bool, rounded: bool) -> dict[str, Text]:
    """By column. Codex's own files know no prices."""
    words = {}
    for title, number in _keys(one).items():
        if title in ("credits", "a request"):
            words[title] = credits(number) if priced else "–"
        else:
            words[title] = count(number) if rounded and title not in ("requests", "failed") else f"{number:,}"
    return {title: Text(text) for title, text in words.items()}
