"""The words and numbers of the Usage screen. Pure: snapshot in, Content out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.content import Content

from joytui.core.amounts import count
from joytui.core.token_counts import UsageTotals
from joytui.tui.charts.cells import PATTERNS, bar_parts, percent, share
from joytui.tui.lines import filled, fitting, keyed
from joytui.tui.logs.format import fit
from joytui.tui.no_gateway import no_gateway, older
from joytui.tui.shown import visible
from joytui.tui.state import LinkState
from joytui.tui.theme import SERIES_NAMES
from joytui.tui.usage.colours import REST
from joytui.tui.usage.snapshot import Metric, Question, UsageSnapshot
from joytui.tui.usage.sums import UNITS, Chart, Line, amount_text, measure

SOURCE_NAMES = ("the gateway", "Codex's files")
Tile = tuple[str, str, str]
"""Name, value and style of a total."""
SOURCES = {"gateway": "the gateway", "codex": "Codex's files here", "both": "the gateway and Codex's files"}


def context(snapshot: UsageSnapshot, state: LinkState, crumbs: Sequence[str], width: int) -> Content:
    """`crumbs`: the words of the windows that were opened, the one that is shown last."""
    asked = snapshot.asked
    if snapshot.problem and not snapshot.empty:
        return older(snapshot.problem, width)
    parts = [
        Content.assemble(*((f"{words} › ", "$quiet") for words in crumbs[:-1]), (crumbs[-1], "bold")),
        Content.assemble(("by ", "$quiet"), (asked.group, "bold")),
        Content.assemble(("in ", "$quiet"), (UNITS[snapshot.metric], "bold")),
        Content.assemble(("from ", "$quiet"), (SOURCES["both" if _in_neither(snapshot) else snapshot.source], "bold")),
    ]
    if snapshot.left_out and snapshot.left_out.requests:
        many = snapshot.left_out.requests
        parts.append(Content.styled(f"{many:,} doctor test{'s' * (many != 1)} left out (T)", "$quiet"))
    if snapshot.loading and state.connected:
        parts.insert(0, Content.styled("◌ loading", "$warning"))
    return fitting(parts, width)


def totals(snapshot: UsageSnapshot, width: int) -> Content:
    """Names over numbers, side by side; a line for each source where Codex's own files are asked too, else one for the
    window before."""
    lines = [_tiles(snapshot.totals or UsageTotals(), snapshot.source)]
    starts = [""]
    if snapshot.codex_totals is not None:
        lines.append(_tiles(snapshot.codex_totals, "both: codex"))
        starts = list(SOURCE_NAMES)
    elif snapshot.before is not None:
        lines = [_compared(lines[0], snapshot), _tiles(snapshot.before, snapshot.source)]
        starts = ["now", "before"]
    label = max(len(start) for start in starts) + 3 if len(starts) > 1 else 0
    names, *rows = [Content.styled(start.ljust(label), "$quiet") for start in ("", *starts)]
    each = max(9, (width - label) // len(lines[0])) if width >= 90 else 0
    quiet = [False, snapshot.codex_totals is None]
    for tiles in zip(*lines, strict=True):
        needed = max(len(text) for tile in tiles for text in tile[:2])
        if names.cell_length + needed > width:
            break
        room = min(each or needed + 3, width - names.cell_length)
        names += Content.styled(fit(tiles[0][0], room), "$quiet")
        cells = [
            Content.styled(fit(value, room), "$quiet" if faint else f"bold {style}")
            for faint, (_, value, style) in zip(quiet, tiles, strict=False)
        ]
        rows = [row + cell for row, cell in zip(rows, cells, strict=True)]
    return Content("\n").join([names, *rows])


def _compared(tiles: list[Tile], snapshot: UsageSnapshot) -> list[Tile]:
    """The spending (or what stands for it) with how much more or less it is than before."""
    name, value, style = tiles[0]
    metric: Metric = "tokens" if snapshot.source == "codex" else "spend"
    now, before = (measure(sums or UsageTotals(), metric) for sums in (snapshot.totals, snapshot.before))
    if not before:
        return tiles
    change = (now - before) / before
    sign = "▲" if change > 0 else "▼" if change < 0 else "="
    words = f"{now / before:,.1f}×" if change >= 1 else f"{abs(change):.0%}"
    return [(name, f"{value} {sign} {words}", style), *tiles[1:]]


def _tiles(numbers: UsageTotals, source: str) -> list[Tile]:
    incoming, cached, outgoing = numbers.input_tokens, numbers.cached_input_tokens, numbers.output_tokens
    requests, errors = numbers.requests, numbers.errors
    spend = amount_text(numbers.cost_nano, "spend")
    failed = f"{errors:,} ({percent(share(errors, requests))})" if errors else "0"
    fed = f"{count(incoming)} ({percent(share(cached, incoming))} cached)" if cached else count(incoming)
    first = {
        "codex": ("TOKENS", count(incoming + outgoing), "$primary"),
        "both: codex": ("SPEND", "–", "$quiet"),  # its files know no prices
    }.get(source, ("SPEND", spend, "$primary"))
    return [
        first,
        ("REQUESTS", f"{requests:,}", "$foreground"),
        ("FAILED", failed, "$error" if errors else "$foreground"),
        ("INPUT", fed, "$foreground"),
        ("OUTPUT", count(outgoing), "$foreground"),
    ]


def legend(chart: Chart, plain: bool, width: int) -> Content:
    """The series' names in their colours, outside the data; each with its sign, so colour never stands alone."""
    line = Content("")
    for index, series in enumerate(chart.series):
        sign = PATTERNS[series.slot] if plain else "■"
        item = Content.assemble(
            (f"{sign} {index + 1} ", f"${SERIES_NAMES[series.slot]}"), (f"{series.name}   ", "$foreground")
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


def ranking_text(lines: Sequence[Line], metric: Metric, cursor: int, slots: Mapping[str, int], width: int) -> Content:
    """Who has how much, as bars with their numbers; the chosen one is marked. `slots`: the names' colours."""
    whole = sum(line.amount(metric) for line in lines)
    failed = [f"  ✗ {line.totals.errors:,}" if line.totals.errors else "" for line in lines]
    beside = max((len(text) for text in failed), default=0)
    room = max(4, width - 5 - beside)  # one scale: all bars end where the same column of numbers begins
    rows: list[Content] = []
    for index, line in enumerate(lines[:40]):
        value = amount_text(line.amount(metric), metric)
        part = percent(share(line.amount(metric), whole))
        colour = f"${SERIES_NAMES[slots.get(line.name, REST)]}"
        mark = "▸ " if index == cursor else ""
        name = mark + fit(line.name, max(4, width - len(value) - 1 - len(mark)))
        chosen = " on $block-cursor-background" if index == cursor else ""
        rows.append(Content.assemble((name, f"bold{chosen}"), (f" {value}", chosen.strip())))
        rows.append(
            Content.assemble(
                *bar_parts(share(line.amount(metric), whole), room, colour, "$background"),
                (f" {part:>4}", "$quiet"),
                (f"{failed[index]:>{beside}}", "$error"),
            )
        )
    return Content("\n").join(rows)


def empty(snapshot: UsageSnapshot, state: LinkState, words: str, width: int) -> Content:
    """Why there is nothing, and what would appear here. `words`: the window."""
    if snapshot.problem:
        return Content.assemble(("Usage could not be read.\n\n", "bold $error"), (visible(snapshot.problem), ""))
    if snapshot.asked.source == "codex":
        return _advice(
            f"No Codex turns: {words}.",
            "Codex keeps a file for each session; they are counted here, without any gateway.",
            [("s", "shows the gateway's numbers"), *_elsewhen(snapshot.asked)],
            width,
        )
    if (without := no_gateway(state)) is not None:
        return without
    if snapshot.loading:
        return Content.styled("Loading…", "bold")
    if _in_neither(snapshot):
        return _advice(
            f"Nothing yet: {words}.",
            "Requests through the gateway and Codex's turns on this machine are counted here.",
            [("2", "opens Logs, where t sends one real Codex turn"), *_elsewhen(snapshot.asked)],
            width,
        )
    return _advice(
        f"Nothing spent: {words}.",
        "Every request through the gateway is counted here by model, key, owner and tier.",
        [
            ("2", "opens Logs, where t sends one real Codex turn"),
            ("s", "shows Codex's own files on this machine"),
            *_elsewhen(snapshot.asked),
        ],
        width,
    )


def _in_neither(snapshot: UsageSnapshot) -> bool:
    """Whether the gateway has nothing, and then Codex's files had nothing either."""
    return snapshot.empty and snapshot.asked.source == "auto" and snapshot.source == "codex"


def _advice(head: str, why: str, keys: Sequence[tuple[str, str]], width: int) -> Content:
    text = Content("\n").join(Content(line) for line in filled(why, width))
    return Content.assemble(
        (f"{head}\n\n", "bold"), text, "\n\n", Content("\n").join(keyed(*key, width) for key in keys)
    )


def _elsewhen(asked: Question) -> list[tuple[str, str]]:
    longer = ("d", "shows the last day") if asked.range == "months" else ("M", "shows the whole year")
    return [("[", "shows the previous window"), longer]
