"""From a bar or a line of Usage to the filter of Logs that finds its requests. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

from joytui.core.token_counts import OTHERS
from joytui.tui.usage.snapshot import STEP_NAMES, Group, Question

FILTERS: dict[Group, str] = {
    "model": "used",
    "key": "key",
    "owner": "owner",
    "tier": "tier",
    "provider": "provider",
    "thread": "thread",
    "project": "project",
}


def requests_filter(
    asked: Question, step: str | None, value: str | None, *, named: bool, now: datetime, zone: tzinfo | None
) -> tuple[str, str]:
    """The filter, and what it had to leave out ("" mostly). `step` is a step's name, None: the whole range.

    `named`: whether a value was chosen at all; None as a value is what has no key, model or thread.
    """
    begin, end = _bounds(asked, step, now, zone)
    words = [f"since:{_when(begin)}"] + ([f"until:{_when(end)}"] if end else [])
    if not named:
        return " ".join(words), ""
    if value == OTHERS:
        return " ".join(words), f"{OTHERS} are many {asked.group}s: all requests of that time"
    if asked.group not in FILTERS or not value:
        return " ".join(words), f"Logs cannot be filtered by {asked.group}: all requests of that time"
    return " ".join([f"{FILTERS[asked.group]}:{_quoted(value)}", *words]), ""


def _bounds(asked: Question, step: str | None, now: datetime, zone: tzinfo | None) -> tuple[datetime, datetime | None]:
    moments = asked.moments(now, zone)
    names = [moment.strftime(STEP_NAMES[asked.bucket]) for moment in moments]
    if step not in names:
        return moments[0], None
    place = names.index(step)
    return moments[place], moments[place + 1] if place + 1 < len(moments) else None


def _when(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _quoted(value: str) -> str:
    return f'"{value}"' if re.search(r"[\s,\"]", value) else value
