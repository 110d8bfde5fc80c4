"""The times under the chart of Logs: round local ones, with their day where it is not today's alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo

MINUTE, HOUR, DAY = 60, 3600, 86_400
STEPS_S = (
    MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
    HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY,
)  # fmt: skip
TICK = "│"
ROOM = len(f"{TICK}Sat 13:40  ")


def axis(end_ms: int, span_s: int, width: int, zone: tzinfo | None) -> str:
    """One line of `width` cells for the time that ends at `end_ms`: a tick at each round time, its label behind it."""
    begin = datetime.fromtimestamp(end_ms / 1000 - span_s, zone)
    step = next((step for step in STEPS_S if step * width >= ROOM * span_s), STEPS_S[-1])
    line = [" "] * width
    free, told = 0, datetime.fromtimestamp(end_ms / 1000, zone).date()
    for moment in _round_times(begin, step, span_s):
        at = round((moment - begin).total_seconds() / span_s * width)
        label = TICK + _label(moment, step, same_day=moment.date() == told)
        if free <= at and at + len(label) <= width:
            line[at : at + len(label)] = label
            free, told = at + len(label) + 1, moment.date()
    return "".join(line)


def _round_times(begin: datetime, step: int, span_s: int) -> Iterator[datetime]:
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    first = -(-int((begin - midnight).total_seconds()) // step)
    for number in range(first, first + span_s // step + 2):
        moment = midnight + timedelta(seconds=number * step)
        if begin <= moment < begin + timedelta(seconds=span_s):
            yield moment


def _label(moment: datetime, step: int, *, same_day: bool) -> str:
    """The day where it begins, or where it is another than the label before it told."""
    if step >= DAY:
        return f"{moment:%d %b}"
    if moment.hour == moment.minute == 0:
        return f"{moment:%a %d}"
    return f"{moment:%H:%M}" if same_day else f"{moment:%a %H:%M}"
