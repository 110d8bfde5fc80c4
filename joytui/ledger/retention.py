"""How long a store keeps what, and which clock that is judged by: the policy of every engine.

KEPT says it of each table; an engine's `tidy` runs through it. The time is one that the clock has kept on from (`believed`):
a clock that was set ahead, or that is wrong when the gateway starts, removes nothing until it has run steadily for STEADY_MS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from joytui.ledger.records import DAY_MS, HOUR_MS

KEYLESS_ROWS = 1_000
"""Rows of refusals without a valid key: the newest ones, of KEYLESS_MS at most."""
KEYLESS_MS = DAY_MS
SUMS_DAYS = 400
"""A year and a month: the months of last year are exact in every time zone."""
WINDOW_DAYS = 35
MOVEMENT_DAYS = 90
CLIENT_DAYS = 30
LESSON_DAYS = 7
ALERT_DAYS = 90
WATCHED_DAYS = 1
STOPPED_TASKS = 10_000
"""Stopped tasks, which every gateway has in memory: the newest ones."""
PIECE_DAYS = 7
"""What Codex's telemetry told, piece by piece: so late may a piece complete its request."""
STEADY_MS = HOUR_MS
SLICE = 2_000
"""Rows of one slice of a longer work, so that requests get their turn in between."""


class Keeping(NamedTuple):
    """The settings. `rows_days` 0: forever. `ids_s`: the duplicate guard's seconds."""

    rows_days: int
    ids_s: int


class Kept(NamedTuple):
    """What is in `tables`, in words how much of it there can be, and after how many ms `tidy` removes it or folds it.
    None: forever, or until its owner ends."""

    what: str
    tables: tuple[str, ...]
    bound: str
    after_ms: Callable[[Keeping], int | None] = lambda keeping: None


def _days(days: int) -> Callable[[Keeping], int | None]:
    return lambda keeping: days * DAY_MS


KEPT = (
    Kept(
        "requests",
        ("request",),
        "retention_days (0: forever), oldest first",
        lambda keeping: keeping.rows_days * DAY_MS or None,
    ),
    Kept(
        "refusals without a valid key",
        ("request",),
        f"the newest {KEYLESS_ROWS:,} of {KEYLESS_MS // HOUR_MS} hours",
        lambda keeping: KEYLESS_MS,
    ),
    Kept("client ids", ("spent_id",), "duplicate_window_s", lambda keeping: keeping.ids_s * 1000),
    Kept("hours", ("rollup_hour", "part_hour", "latency_hour"), f"{SUMS_DAYS} days", _days(SUMS_DAYS)),
    Kept(
        "days",
        ("rollup_day", "part_day"),
        f"{SUMS_DAYS} days; then a row for each day, key, and model that cost something",
        _days(SUMS_DAYS),
    ),
    Kept(
        "months",
        ("rollup_month", "part_month", "whole_month"),
        "what the days of months that are over add up to, without threads, tasks and commits",
    ),
    Kept("lifetimes of threads, tasks and commits", ("lifetime",), "as long as their days"),
    Kept(
        "budget windows",
        ("budget",),
        f"{WINDOW_DAYS} days, a task's total so long after it asked last; made anew from the days",
        _days(WINDOW_DAYS),
    ),
    Kept(
        "limits of nodes",
        ("node_limit", "node_raise"),
        f"what administrators set; a task's {SUMS_DAYS} days, and what raises a limit so long after its end",
        _days(SUMS_DAYS),
    ),
    Kept(
        "movements of wallets",
        ("wallet_entry",),
        f"{MOVEMENT_DAYS} days; then those of requests are one row for each day and tier",
        _days(MOVEMENT_DAYS),
    ),
    Kept("clients of keys", ("key_client",), f"{CLIENT_DAYS} days after the last use", _days(CLIENT_DAYS)),
    Kept("what upstreams taught", ("lesson",), f"{LESSON_DAYS} days", _days(LESSON_DAYS)),
    Kept(
        "pieces of telemetry",
        ("piece",),
        f"{PIECE_DAYS + 1} days, not longer than requests; a session 30 days more",
        lambda keeping: min(PIECE_DAYS + 1, keeping.rows_days or PIECE_DAYS + 1) * DAY_MS,
    ),
    Kept("who changed what", ("audit",), f"{SUMS_DAYS} days", _days(SUMS_DAYS)),
    Kept("alerts", ("alert",), f"{ALERT_DAYS} days", _days(ALERT_DAYS)),
    Kept(
        "stopped tasks",
        ("stopped_task",),
        f"until they are resumed; the newest {STOPPED_TASKS:,} of {SUMS_DAYS} days",
        _days(SUMS_DAYS),
    ),
    Kept("what breakers count", ("watched_turn",), f"{WATCHED_DAYS} day", _days(WATCHED_DAYS)),
    Kept("holds", ("hold",), "until the request ends, or its lease"),
    Kept(
        "keys, policies, tokens, teams",
        ("api_key", "policy", "console_token", "sender", "team", "team_owner"),
        "what administrators made",
    ),
    Kept("wallets", ("wallet",), "one row for each tier"),
    Kept(
        "state of the store",
        ("access", "part_fill", "client_fill", "lifetime_fill", "uncleaned", "clock_reading", "alert_watch"),
        "one row; what is left to do of an older store, a row a table; days to sum again; readings of the last hour",
    ),
)


# --- which time is believed -------------------------------------------------------------------------------------------


class Reading(NamedTuple):
    """What the clock said (ms) when gateways on this store had run for `ran_ms` in all."""

    ran_ms: int
    at: int


def read_on(readings: Sequence[Reading], ran_ms: int, at: int) -> list[Reading]:
    """The readings, oldest first, with one of now: `ran_ms` of running after the last. Without those that the clock went
    back behind, and those before the one that is believed."""
    ran = readings[-1].ran_ms + ran_ms if readings else 0
    kept = [reading for reading in readings if reading.at <= at and reading.ran_ms < ran]
    believable = [place for place, reading in enumerate(kept) if reading.ran_ms <= ran - STEADY_MS]
    return [*kept[believable[-1] if believable else 0 :], Reading(ran, at)]


def believed(readings: Sequence[Reading]) -> int | None:
    """The newest time from which on the clock kept on for STEADY_MS of running; None: it has not yet. How long the store was
    left alone, or the machine slept, says nothing for a clock, and nothing against it."""
    first, last = readings[0], readings[-1]
    return first.at if last.ran_ms - first.ran_ms >= STEADY_MS else None
