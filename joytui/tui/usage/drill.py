"""From a bar or a line of Usage to the filter of Logs that finds its requests. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo

from joytui.core.filters import worded
from joytui.core.token_counts import OTHERS
from joytui.tui.usage.snapshot import Group, Question

FILTERS: dict[Group, str] = {
    "model": "used",
    **{
        name: name
        for name in (
            "key",
            "owner",
            "team",
            "label",
            "tier",
            "provider",
            "thread",
            "project",
            "repo",
            "commit",
            "task",
            "client",
        )
    },
}


def requests_filter(
    asked: Question, step: str | None, value: str | None, *, named: bool, now: datetime, zone: tzinfo | None
) -> tuple[str, str]:
    """The filter, and what it had to leave out ("" mostly). `step` is a step's name, None: the whole range.

    `named`: whether a value was chosen at all; None as a value is what has no key, model or thread.
    """
    begin, end = asked.window(now, zone).bounds(step)
    words = [f"since:{_when(begin)}"] + ([f"until:{_when(end)}"] if end <= now else [])
    if not named:
        return " ".join(words), ""
    if value == OTHERS:
        return " ".join(words), f"{OTHERS} stands for several {asked.group}s: showing all requests of that time"
    if asked.group not in FILTERS or not value:
        return " ".join(words), f"Logs cannot filter by {asked.group}: showing all requests of that time"
    term = worded(FILTERS[asked.group], value)
    if asked.group == "client":
        term += f',"{value} *"'  # a program, on whatever machine
    return " ".join([term, *words]), ""


def _when(moment: datetime) -> str:
    """A local time with its offset, which every gateway reads alike."""
    return moment.isoformat(timespec="minutes").replace("+00:00", "Z")
