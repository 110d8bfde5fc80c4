"""What must hold of every rendered screen: amounts stand at their point, no label is cut, no time is without its day.

`faults` reads the screen in front as it is drawn and says what is wrong with it, in words; nothing is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget

from joytui.tui.charts.plot import Plot
from joytui.tui.logs.view import LogView
from joytui.tui.usage.panes import ChartPane
from joytui.tui.widgets.sorted_table import SortedTable
from tests.tui.picture import take

AMOUNT = re.compile(r"(?<![\w.])[~<]?\d[\d,]*\.\d\d(?!\d)")
TIME = re.compile(r"(?<![\d:])\d\d:\d\d(?!\d)")
DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|today)"
PROSE = ("#detail-text", "#about", "#insight", "#context", "#empty", "#differences", "#turns", "#patterns")
"""Where times stand in sentences and cells; the log's own column and the charts' axes are looked at by themselves."""


def faults(app: Any) -> list[str]:
    """In reading order; none of a screen that is as it should be."""
    lines = [line.ljust(app.size.width) for line in take(app).lines]
    screen = app.screen
    found = [*_tables(screen, lines), *_titles(screen, lines), *_prose(screen, lines)]
    for view in screen.query(LogView):
        found += _log(view, lines)
    for pane in screen.query(ChartPane):
        found += _chart(pane, app)
    return found


def _text(lines: list[str], region: Region) -> list[str]:
    return [line[region.x : region.right] for line in lines[region.y : region.bottom]]


def _shown(widget: Widget) -> bool:
    return bool(
        widget.display
        and widget.region.area
        and all(node.display for node in widget.ancestors_with_self if isinstance(node, Widget))
    )


def _letters(text: str) -> str:
    """Without signs, which ASCII mode writes otherwise."""
    return re.sub(r"[^A-Za-z0-9]+", " ", text).strip()


def _tables(screen: Any, lines: list[str]) -> Iterator[str]:
    """Amounts end where their column's title ends; titles are whole; nothing scrolls sideways."""
    for table in screen.query(SortedTable):
        if not _shown(table) or not table.row_count:
            continue
        head, *rows = _text(lines, table.region)
        ends = {found.end() for found in re.finditer(r"\S+", head)}
        for column in table._shown:
            if column.title not in head:
                yield f"the title {column.title!r} is cut: {head.strip()!r}"
        for row in rows:
            for amount in AMOUNT.finditer(row):
                if amount.end() not in ends:
                    yield f"{amount[0]} is not under its title: {row.strip()!r}"
        if table.max_scroll_x or "…" in head:
            yield f"a table is wider than its place: {head.strip()!r}"


def _titles(screen: Any, lines: list[str]) -> Iterator[str]:
    """Frames' titles, the context and the names of totals are whole."""
    for widget in screen.query("*"):
        if not _shown(widget):
            continue
        for title in (widget.border_title, widget.border_subtitle):
            top = "".join(_text(lines, widget.region)[:1] + _text(lines, widget.region)[-1:])
            plain = Content.from_markup(title).plain if title else ""
            if _letters(plain) not in _letters(top):
                yield f"the title {plain!r} is cut"
    for name in ("#context", "#totals", "#titles", "#legend"):
        for widget in screen.query(name):
            if _shown(widget) and any(line.rstrip().endswith("…") for line in _text(lines, widget.region)):
                yield f"{name} is cut: {' / '.join(line.strip() for line in _text(lines, widget.region))!r}"


def _prose(screen: Any, lines: list[str]) -> Iterator[str]:
    """A time in a sentence or a cell has its day before it, ends a span that has, or says how far it is."""
    for name in PROSE:
        for widget in screen.query(name):
            if not _shown(widget):
                continue
            text = " ".join(line.strip() for line in _text(lines, widget.region))
            for time in TIME.finditer(text):
                before = text[max(0, time.start() - 22) : time.start()]
                if not re.search(rf"{DAY}\b[^:]*(?:\d\d:\d\d[–-])?$|\bin \d+ (?:min|h|days) \($", before):
                    yield f"a time without its day in {name}: {before + time[0]!r}"


def _log(view: LogView, lines: list[str]) -> Iterator[str]:
    """The rows of each day stand under its line, or under its name in the titles; reasons begin in one cell; amounts end in
    one."""
    if not _shown(view) or not len(view.shown):
        return
    text = _text(lines, view.region)
    titles = lines[view.region.y - 1]
    told: date | None = None
    reasons, amounts = set(), set()
    for y, line in enumerate(text):
        place = view.days.place(y + int(view.scroll_y))
        if place is None:
            told = (
                None
                if not re.match(rf" {DAY} \d\d ", line)
                else _day(
                    view, min(view.days.starts, key=lambda p: abs(view.days.line(p) - 1 - y - int(view.scroll_y)))
                )
            )
        elif place < len(view.shown):
            here = _day(view, place)
            if told is None and y == 0:
                today = datetime.fromtimestamp(view._now_ms() / 1000, view.zone).date()
                told = here if here == today or f"{here:%d %b}" in titles else None
            if here != told:
                yield f"a time without its day: {line.strip()!r}"
            store, row = view.shown.at(place)
            cause = store.text["cause"].get(row)
            if cause and cause[:6] in line:
                reasons.add(line.index(cause[:6]))
            elif store.status[row] < 400:
                amounts |= {amount.end() for amount in AMOUNT.finditer(line)}
    if len(reasons) > 1:
        yield f"reasons begin in the cells {sorted(reasons)}"
    if len(amounts) > 1:
        yield f"amounts end in the cells {sorted(amounts)}"


def _day(view: LogView, place: int) -> date:
    return datetime.fromtimestamp(view.shown.time(place) / 1000, view.zone).date()


def _chart(pane: ChartPane, app: Any) -> Iterator[str]:
    """Where a chart's hours are of two days, each label names its own."""
    days = {step[:10] for step in pane.drawn.steps if "T" in step}
    plot = pane.query_one(Plot)
    if len(days) > 1 and _shown(plot):
        last = plot.render().plain.split("\n")[-1]
        for time in TIME.finditer(last):
            if not re.search(rf"{DAY} $", last[: time.start()]):
                yield f"an hour without its day under the chart: {last.strip()!r}"
