"""The life of a request, to scale: what each part of it took, as one bar and its legend. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from textual.content import Content

from joytui.core.amounts import span
from joytui.core.request import RequestRecord

WIDEST = 60


@dataclass(frozen=True, slots=True)
class Part:
    """From the end of the part before to `end_ms` (both from when the request came). Each has its own pattern, so the
    bar reads without colour."""

    name: str
    cell: str
    style: str
    start_ms: float
    end_ms: float
    what: str

    @property
    def took_ms(self) -> float:
        return self.end_ms - self.start_ms


def parts(record: RequestRecord) -> list[Part]:
    """In their order; none while it runs. What the gateway did not measure (older rows, refusals) has no part of its own:
    its time belongs to the next that was measured."""
    if record.latency_ms is None:
        return []
    refused = (record.status or 0) >= 400
    last = (
        ("refused", "the gateway's own answer") if refused and record.first_byte_ms is None else ("end", "the answer")
    )
    marks = [
        ("queue", "▒", "$warning", record.queue_ms, "in the gateway, until it was forwarded"),
        ("first byte", "░", "$quiet", record.first_byte_ms, "until the upstream answered"),
        ("first token", "▓", "$series-2", record.ttft_ms, "until the first token"),
        (last[0], "█", "$error" if refused else "$primary", record.latency_ms, last[1]),
    ]
    return list(_parts(marks, record.latency_ms))


def _parts(marks: list[tuple[str, str, str, float | None, str]], total: float) -> Iterator[Part]:
    before = 0.0
    for name, cell, style, at, what in marks:
        if at is not None:
            end = min(max(at, before), total)  # two clocks' roundings must not make a part that ends before it starts
            yield Part(name, cell, style, before, end, what)
            before = end


def timeline(record: RequestRecord, width: int) -> Content:
    """The bar over a line for each part: when it ended, what it took."""
    found = parts(record)
    if not found:
        return Content("")
    room = max(10, min(WIDEST, width - 1))
    bar = Content.assemble(
        *((part.cell * cells, part.style) for part, cells in zip(found, cells_of(found, room), strict=True))
    )
    lines = [_line(part, _speed(record, part) or part.what, width) for part in found]
    return Content("\n").join([Content.styled("TIME", "bold $quiet"), bar, *lines])


def cells_of(found: list[Part], room: int) -> list[int]:
    """The cells of each part in a bar of `room` cells: to scale, at least one for what took any time, all used."""
    total = sum(part.took_ms for part in found)
    if total <= 0:
        return [0] * (len(found) - 1) + [room]
    cells = [max(1 if part.took_ms > 0 else 0, round(part.took_ms / total * room)) for part in found]
    cells[cells.index(max(cells))] += room - sum(cells)
    return cells


def _line(part: Part, what: str, width: int) -> Content:
    head = [(f"{part.cell} ", part.style), (f"{part.name:<12}", "$quiet"), (f"{span(part.end_ms):>7}", "bold")]
    took = f"  +{span(part.took_ms)}"
    used = 2 + 12 + 7 + len(took)
    more = f"  {what}" if used + 2 + len(what) <= width else ""
    return Content.assemble(*head, (took if part.start_ms > 0 else " " * len(took), ""), (more, "$quiet"))


def _speed(record: RequestRecord, part: Part) -> str:
    """How fast the answer came, where it came token by token."""
    streamed = part.name == "end" and record.ttft_ms is not None and part.took_ms >= 50 and record.output_tokens
    return f"{record.output_tokens / part.took_ms * 1000:,.0f} tokens/s" if streamed else ""
