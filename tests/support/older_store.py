"""A store of this version made into one of an older version, with its rows."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from joytui.ledger.sql.lifetimes import FIELDS
from joytui.ledger.sqlite.schema import MIGRATIONS

TRIGGERS = ("key_made", "key_changed", "key_gone", "token_made", "token_gone", "wallet_set")
TOLD = ("seen", "source", "sources", "attempts", "differs", "sender_id", "told")
TREE = ("root_thread", "parent_thread", "root_turn", "subagent", "repo", "commit_hash", "dirty")


def as_before_parts(path: Path) -> None:
    """As a store was before it had sums by project and thread: then a request's number carried its time."""
    with sqlite3.connect(path) as connection:
        for name in TRIGGERS:
            connection.execute(f"DROP TRIGGER {name}")
        _without_tree(connection)
        for name in ("access", "part_hour", "part_day", "part_fill", "clock_reading", "lesson", "uncleaned"):
            connection.execute(f"DROP TABLE {name}")
        for name in ("request_started", "request_keyless", "request_doctor", "request_turn"):
            connection.execute(f"DROP INDEX {name}")
        for name in ("started_at", "turn_id", "keyless", "doctor"):
            connection.execute(f"ALTER TABLE request DROP COLUMN {name}")
        connection.execute("PRAGMA user_version = 2")
    connection.close()


def as_before_cleaning(path: Path) -> None:
    """As a store was before its texts had all passed the door."""
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE uncleaned")
        _without_tree(connection)
        connection.execute("DROP INDEX request_doctor")
        connection.execute("DROP INDEX request_turn")
        connection.execute("ALTER TABLE request DROP COLUMN doctor")
        connection.execute("PRAGMA user_version = 7")
    connection.close()


def _without_tree(connection: sqlite3.Connection) -> None:
    """Without what tells where in the tree of agents a request stands, and what telemetry told."""
    _without_teams(connection)
    for table in ("sender", "piece"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("DROP INDEX request_told")
    for name in TOLD:
        connection.execute(f"ALTER TABLE request DROP COLUMN {name}")
    connection.execute("DROP INDEX request_task")
    connection.execute("DROP TABLE client_fill")
    for name in TREE:
        connection.execute(f"ALTER TABLE request DROP COLUMN {name}")
    for unit in ("hour", "day"):
        made = next(sql for sql in MIGRATIONS[2].split(";") if f"CREATE TABLE part_{unit} " in sql)
        connection.execute(f"ALTER TABLE part_{unit} RENAME TO newer_part")
        connection.execute(made)
        connection.execute(
            f"INSERT INTO part_{unit} SELECT {_OLDER.format(unit=unit)} FROM newer_part WHERE part != 'client' GROUP BY {_PLACE.format(unit=unit)}"
        )
        connection.execute("DROP TABLE newer_part")


def _without_teams(connection: sqlite3.Connection) -> None:
    """Without teams, limits of nodes, alerts, audit log and stopped tasks, sums by month and by lifetime, and with tokens that all
    read only."""
    for field in FIELDS:
        connection.execute(f"DROP INDEX part_day_lives_{field}")
    connection.execute("DROP INDEX part_day_task")
    connection.execute("DROP INDEX request_failed")
    connection.execute("CREATE INDEX request_error ON request (n) WHERE status >= 400")
    tables = (
        "team",
        "team_owner",
        "audit",
        "alert",
        "alert_watch",
        "node_limit",
        "node_raise",
        "stopped_task",
        "watched_turn",
        "rollup_month",
        "part_month",
        "whole_month",
        "lifetime",
        "lifetime_fill",
    )
    for table in tables:
        connection.execute(f"DROP TABLE {table}")
    for name in ("role", "teams"):
        connection.execute(f"ALTER TABLE console_token DROP COLUMN {name}")


_PLACE = "part, {unit}, key_id, model, tier, provider, project, thread"
_SUMMED = (
    "requests",
    "errors",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_nano",
)
_OLDER = ", ".join([_PLACE, *(f"sum({name})" for name in _SUMMED)])
