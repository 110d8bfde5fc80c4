"""Two requests side by side: what differs stands out, what is the same is quiet. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo
from textwrap import wrap

from textual.content import Content

from joytui.core.amounts import span
from joytui.core.columnar import milliseconds
from joytui.core.request import RequestRecord
from joytui.tui.figures import clock, exact_credits, local_times
from joytui.tui.logs.columns import NO_STATUS
from joytui.tui.logs.format import fit, status_cell

LABEL = 14


def compare(left: RequestRecord, right: RequestRecord, *, width: int, zone: tzinfo | None = None) -> Content:
    """A line for each fact for a width in cells; "≠" before those that differ."""
    room = max(8, (width - LABEL - 4) // 2)
    lines = []
    for (name, one), (_, other) in zip(facts(left, zone), facts(right, zone), strict=True):
        if one == other == "–":
            continue
        same = one == other
        for index, (a, b) in enumerate(_pieces(one, other, room)):
            label = f"{' ' if same else '≠'} {name:<{LABEL - 2}}" if index == 0 else " " * LABEL
            lines.append(
                Content.assemble(
                    (label, "$quiet" if same else "bold $warning"),
                    (f"{fit(a, room)}  ", "$quiet" if same else "$foreground"),
                    (fit(b, room), "$quiet" if same else "bold $foreground"),
                )
            )
    return Content("\n").join(lines)


def _pieces(one: str, other: str, room: int) -> list[tuple[str, str]]:
    """Both texts in lines of the room; at most four lines."""
    ones, others = wrap(one, room)[:4], wrap(other, room)[:4]
    many = max(len(ones), len(others))
    ones, others = ones + [""] * (many - len(ones)), others + [""] * (many - len(others))
    return list(zip(ones, others, strict=True))


def facts(record: RequestRecord, zone: tzinfo | None) -> list[tuple[str, str]]:
    """Name and value of all that can be compared, "–" for what is not there."""
    total, first = record.latency_ms, record.ttft_ms
    streaming = span(total - first) if total is not None and first is not None else ""
    pairs = [
        ("status", status_cell(NO_STATUS if record.status is None and not record.running else record.status or 0)[0]),
        ("day", f"{datetime.fromtimestamp(milliseconds(record.time) / 1000, zone):%a %d %b %Y}"),
        ("time", clock(milliseconds(record.time), zone, precise=True)),
        ("key", record.key),
        ("asked", record.model),
        ("used", record.model_used),
        ("provider", record.provider),
        ("tier", record.tier),
        ("endpoint", record.endpoint),
        ("streamed", "yes" if record.stream else "no"),
        ("cause", record.cause),
        ("error", local_times(record.error_message or "", zone)),
        ("input", _count(record.input_tokens)),
        ("cached", _count(record.cached_input_tokens)),
        ("output", _count(record.output_tokens)),
        ("reasoning", _count(record.reasoning_tokens)),
        ("cost", _cost(record)),
        ("first token", span(first) if first is not None else ""),
        ("streaming", streaming),
        ("took", span(total) if total is not None else ""),
        ("client", record.client),
        ("from", record.ip),
        ("thread", record.thread_id),
        ("request id", record.request_id),
    ]
    return [(name, value or "–") for name, value in pairs]


def _cost(record: RequestRecord) -> str:
    estimated = "~" if record.cost_source == "estimated" else ""
    return f"{estimated}{exact_credits(record.cost_nano)} Cr" if record.cost_nano else ""


def _count(number: int) -> str:
    return f"{number:,}" if number else ""
