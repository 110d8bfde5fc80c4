"""A ledger with very many requests, written by SQL in seconds: the same shape as the gateway's own, sums included.

Forty keys, eight models, sixty projects, threads of some twenty-five requests; one request in fifty fails.
"""

from __future__ import annotations

import sqlite3
import time
from datetime import datetime
from pathlib import Path

from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.records import NewKey
from joytui.ledger.sql import keys
from joytui.ledger.sqlite.engine import SqliteLedger

MODELS = (
    "auto-mini",
    "auto",
    "gpt-5.5",
    "gpt-5.5-mini",
    "joy/claude-sonnet",
    "joy/claude-haiku",
    "joy/qwen",
    "joy/deepseek",
)
KEYS = 40
_PLACE = "coalesce(key_id, ''), coalesce(model_used, model, ''), coalesce(tier, ''), coalesce(provider, '')"
_NUMBERS = (
    "count(*), sum(status >= 400), sum(status IN (402, 403)), sum(input_tokens), sum(cached_input_tokens),"
    " sum(output_tokens), sum(reasoning_tokens), sum(cost_nano)"
)


def write_ledger(path: Path, requests: int, days: int, until: datetime) -> float:
    """Makes a store with so many requests over the `days` before `until`; gives the seconds that it took."""
    began = time.perf_counter()
    ledger = SqliteLedger.open_store(path)
    for number in range(KEYS):
        name, owner = f"dev-{number:02d}", f"team-{number % 6}"
        ledger.write_now(keys.create_key, NewKey(name.encode(), name, "jt_…abcd", owner, (), None, {}, None), False)
    ledger.close()
    end = int(until.timestamp() * 1000)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TEMP TABLE model_of (i INTEGER PRIMARY KEY, model, tier, provider)")
        tiers = ("economy", "standard", "premium")
        listed = [(i, model, tiers[i % 3], f"provider-{i % 3}") for i, model in enumerate(MODELS)]
        connection.executemany("INSERT INTO model_of VALUES (?, ?, ?, ?)", listed)
        connection.execute("CREATE TEMP TABLE key_of (i INTEGER PRIMARY KEY, id)")
        connection.execute("INSERT INTO key_of SELECT row_number() OVER (ORDER BY id) - 1, id FROM api_key")
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE name LIKE 'request_%' AND type = 'index'"
        ).fetchall()
        for name, _ in indexes:  # its own tree for each: faster made at the end
            connection.execute(f"DROP INDEX {name}")
        connection.execute(_ROWS, {"many": requests, "end": end, "step": days * 86_400_000 / requests})
        for unit, size in (("hour", 3_600_000), ("day", 86_400_000)):
            connection.execute(
                f"INSERT INTO rollup_{unit} SELECT started_at / {size}, {_PLACE}, {_NUMBERS} FROM request GROUP BY 1, 2, 3, 4, 5"
            )
        for _, sql in indexes:
            connection.execute(sql)
    connection.close()
    return time.perf_counter() - began


_ROWS = f"""
    WITH RECURSIVE
        counted (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM counted WHERE i < :many - 1),
        placed AS (SELECT i, i / 375 * 15 + i % 15 AS t, i * 2654435761 % 4294967296 AS r FROM counted),
        made AS (SELECT i, t, r, t * 7919 % {KEYS} AS k, CASE WHEN r % 5 THEN t % 8 ELSE r % 8 END AS m,
                 r % 90000 + 500 AS spent, r % 1500 + 20 AS answered FROM placed)
    INSERT INTO request (n, started_at, seq, key_id, model, model_used, provider, tier, endpoint, status, error_type, finish,
        input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_nano, cost_source, ttft_ms, latency_ms,
        stream, request_id, upstream_id, thread_id, project, client, ip)
    SELECT (CAST(:end - (:many - made.i) * :step AS INTEGER) << {COUNTER_BITS}) + made.i % 1000,
        CAST(:end - (:many - made.i) * :step AS INTEGER), made.i + 1, key_of.id, 'auto',
        model, provider, tier, '/openai/v1/responses', CASE WHEN r % 50 THEN 200 WHEN r % 100 THEN 402 ELSE 500 END,
        CASE WHEN r % 50 THEN NULL ELSE 'upstream_error' END, 'stop', spent, spent / 2, answered, answered / 3,
        spent * 300 + answered * 1200, 'upstream', 200 + r % 900, 900 + r % 9000, 1, printf('req_%016x', made.i),
        printf('resp_%016x', made.i), printf('0199%04x-7000-7000-8000-%012x', t % 65536, t),
        '/home/dev-' || k || '/project-' || (t % 3 % 2), 'codex_cli_rs/0.169.0', '10.0.0.' || k
    FROM made JOIN model_of ON model_of.i = m JOIN key_of ON key_of.i = k
"""
