"""A request as the commands show it: a line of JSON (its members are frozen by tests/contract), a row of a table, a page that explains it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from typing import Literal

from joytui.cli import amounts
from joytui.cli.columns import Column, cut, lines, screen_width
from joytui.cli.output import emit, emit_json_line, paint
from joytui.core.amounts import count, span
from joytui.core.clock import now
from joytui.core.redaction import visible
from joytui.core.request import FIELDS, TELEMETRY, RequestRecord, folder_name
from joytui.core.request_lines import as_json, request_sheet
from joytui.core.sheet import csv_text

COLUMNS = (
    Column("time"),
    Column("status"),
    Column("key", least=8),
    Column("model", least=10),
    Column("project", least=8, rank=6),
    Column("in", right=True, rank=2),
    Column("out", right=True, rank=3),
    Column("cost", right=True, rank=1),
    Column("ttft", right=True, rank=5),
    Column("total", right=True, rank=4),
    Column("reason", least=40, style="red"),
)
Form = Literal["table", "json", "csv"]
WIDE = 130
FEED_WIDTHS = {
    "time": 8, "status": 6, "key": 14, "model": 16, "project": 12, "in": 5, "out": 5, "cost": 10, "ttft": 5, "total": 5, "reason": 40
}  # fmt: skip
DATED_WIDTH = len("2026-11-23 14:03:22")


def row(record: RequestRecord, *, dated: bool) -> list[str]:
    """The cells of COLUMNS; `dated`: the time with its date."""
    return [
        amounts.date_and_time(record.time) if dated else amounts.time_of_day(record.time),
        status_text(record),
        record.key or "-",
        model_text(record),
        folder_name(record.project),
        count(record.input_tokens),
        count(record.output_tokens),
        amounts.cost(record),
        span(record.ttft_ms),
        span(record.latency_ms),
        reason(record),
    ]


def table_lines(
    records: Sequence[RequestRecord], *, width: int | None, fixed: bool = False, day: date | None = None
) -> list[str]:
    """Head and rows. On a narrow terminal the reason of a failure is on its own line, below the request.

    On a terminal the rows hold the time of day, and its own line names the day where it changes: `day` is that of
    the row before the first (today unless given), which needs no line. In a pipe (`width` None), where a row may end up
    alone, each has its date.

    `fixed`: the columns do not depend on these records, for a table that grows gradually.
    """
    if width is None:
        widths = {**FEED_WIDTHS, "time": DATED_WIDTH} if fixed else None
        return lines(COLUMNS, [row(record, dated=True) for record in records], width=None, fixed=widths)
    columns = COLUMNS if width >= WIDE else COLUMNS[:-1]
    widths = {column.title: FEED_WIDTHS[column.title] for column in columns} if fixed else None
    cells = [row(record, dated=False)[: len(columns)] for record in records]
    head, *body = lines(columns, cells, width=width, fixed=widths)
    shown, day = [head], day or now().astimezone().date()
    for record, line in zip(records, body, strict=True):
        if (own := amounts.local_day(record.time) or day) != day:
            shown.append(paint(f"── {own:%a %Y-%m-%d} ──", "dim"))
            day = own
        shown.append(line)
        if width < WIDE and (why := visible(reason(record)).replace("\n", " ")):
            shown.append(paint(cut(f"{'':8}  {why}", width), "red"))
    return shown


def status_text(record: RequestRecord) -> str:
    """The HTTP status; "…" while the request runs, "–" where no answer came or none is known."""
    return "…" if record.running else str(record.status or "–")


def model_text(record: RequestRecord) -> str:
    """ "auto → gpt-5.5" where another answered than was asked for."""
    asked, used = record.model or "-", record.model_used
    return f"{asked} → {used}" if used and used != record.model else asked


def reason(record: RequestRecord) -> str:
    """Why it failed, after how often it was sent where that is more than once; nothing for what went well."""
    if record.running or ((record.status or 0) < 400 and not record.error_type):
        return ""
    return attempts(record) + ": ".join(part for part in (record.error_type, record.error_message) if part)


def attempts(record: RequestRecord) -> str:
    return f"{record.attempts}× " if (record.attempts or 1) > 1 else ""


def describe(record: RequestRecord) -> str:
    """One request as a page: what it was, what it cost, and, where it was refused, why and what to do."""
    width = max(len(name) for name, _ in _facts(record))
    page = [f"{paint(name.ljust(width), 'dim')}  {visible(text)}" for name, text in _facts(record) if text]
    return "\n".join([*page, *_explained(record)])


def _facts(record: RequestRecord) -> list[tuple[str, str]]:
    stream = " (stream)" if record.stream else ""
    cached = f" ({record.cached_input_tokens} cached)" if record.cached_input_tokens else ""
    thought = f" ({record.reasoning_tokens} reasoning)" if record.reasoning_tokens else ""
    sources = {"upstream": "the upstream's figure", "estimated": "estimated", "none": "nothing was charged"}
    times = (
        ("sent on after", record.queue_ms),
        ("first byte after", record.first_byte_ms),
        ("first token after", record.ttft_ms),
        ("ended after", record.latency_ms),
    )
    key_id = f" ({record.key_id})" if record.key_id else ""
    return [
        ("id", record.id),
        ("time", amounts.full_time(record.time)),
        ("status", "still running" if record.running else str(record.status or "not known")),
        ("attempts", str(record.attempts) if (record.attempts or 1) > 1 else ""),
        ("error", reason(record).removeprefix(attempts(record))),
        ("key", f"{record.key or '(none)'}{key_id}"),
        ("endpoint", f"{record.endpoint}{stream}"),
        ("model", model_text(record)),
        ("route", " / ".join(part for part in (record.provider, record.tier) if part)),
        ("tokens", f"{record.input_tokens} in{cached}, {record.output_tokens} out{thought}"),
        ("cost", f"{amounts.cost(record) or '0'} Cr, {sources[record.cost_source]}"),
        ("took", ", ".join(f"{what} {span(ms)}" for what, ms in times if ms is not None)),
        ("request id", record.request_id),
        *((field.label, _text(record, field.name)) for field in FIELDS if field.label),
    ]


def _text(record: RequestRecord, name: str) -> str:
    if name == "client":  # and where it asked from, on one line
        return " from ".join(part for part in (record.client, record.ip) if part)
    return "" if name == "ip" else str(getattr(record, name) or "")


def _explained(record: RequestRecord) -> list[str]:
    from joytui.causes import CAUSES, ROW_TEXTS

    cause = CAUSES.get(record.cause or "")
    if cause is None:
        return []
    text = ROW_TEXTS[cause.row]
    page = ["", f"{paint(cause.title, 'bold', 'red')} ({cause.id})", cause.explanation]
    page.append(f"{paint('fix:', 'cyan')} {cause.remedy}")
    if cause.row != "other":
        page.append(f"{paint('the guide says', 'dim')}  {text.symptom}: {text.check}")
    return page


def emit_records(records: Sequence[RequestRecord], form: Form, *, headed: bool = True) -> None:
    """For other programs, on stdout: an object a line, or CSV rows below their head (`headed`)."""
    if form == "json":
        for record in records:
            emit_json_line(as_json(record))
    elif text := csv_text(request_sheet(records), headed=headed).rstrip("\r\n"):
        emit(text)


class Feed:
    """Prints each ended request once; one that Codex's telemetry tells of again where a later piece changed its outcome (a retry
    that went well). The columns keep their widths, so that later rows line up with earlier ones; a
    feed that runs past midnight names the new day."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._shown: dict[str, object] = {}
        self._headed = False
        self._day = now().astimezone().date()

    def show(self, records: Sequence[RequestRecord]) -> None:
        fresh = []
        for record in records:
            outcome = (record.status, record.tokens) if record.source == TELEMETRY else None
            if not record.running and self._shown.get(record.id, self) != outcome:
                self._shown[record.id] = outcome
                fresh.append(record)
        while len(self._shown) > 20_000:
            del self._shown[next(iter(self._shown))]
        if not fresh:
            return
        if self._form == "table":
            self._print(fresh)
        else:
            emit_records(fresh, self._form, headed=not self._headed)
            sys.stdout.flush()
        self._headed = True

    def _print(self, records: Sequence[RequestRecord]) -> None:
        head, *body = table_lines(records, width=screen_width(), fixed=True, day=self._day)
        self._day = amounts.local_day(records[-1].time) or self._day
        if not self._headed:
            emit(head)
        for line in body:
            emit(line)
        sys.stdout.flush()
