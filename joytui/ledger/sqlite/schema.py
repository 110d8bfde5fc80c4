"""The tables of the SQLite ledger, as migrations: step N brings `PRAGMA user_version` from N to N + 1. Never edit a
step that was released; add one.

Times are milliseconds since 1970, amounts nano-credits, hours and days counted from 1970 in UTC.
"""
# ruff: noqa: S608 - the SQL is put together from this module's own words

from __future__ import annotations

import sqlite3

from joytui.core.errors import UnreachableError


def _lifetimes(name: str, event: str, row: str, change: str) -> str:
    """The trigger that adds a change of a summed day's sums to the lifetimes (`ledger.sql.lifetimes`)."""
    sums = f"{row}.day, {row}.day, {change.format('requests')}, {change.format('cost_nano')}"
    lives = ", ".join(f"('{field}', {row}.{field}, {sums})" for field in ("thread", "task", "commit_hash"))
    return f"""
    CREATE TRIGGER lifetime_{name} AFTER {event} ON part_day
    WHEN {row}.part = 'thread' AND {row}.day < (SELECT day FROM lifetime_fill) BEGIN
        INSERT INTO lifetime VALUES {lives}
        ON CONFLICT (field, value) DO UPDATE SET
            first_day = min(first_day, excluded.first_day), last_day = max(last_day, excluded.last_day),
            requests = requests + excluded.requests, cost_nano = cost_nano + excluded.cost_nano;
    END;
    """


MIGRATIONS = (
    """
    CREATE TABLE api_key (
        id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, name TEXT NOT NULL, hint TEXT NOT NULL, owner TEXT,
        labels TEXT NOT NULL DEFAULT '[]', state TEXT NOT NULL DEFAULT 'active', created_at INTEGER NOT NULL,
        expires_at INTEGER, revoked_at INTEGER, last_used_at INTEGER, policy TEXT NOT NULL, policy_name TEXT,
        policy_version INTEGER NOT NULL DEFAULT 1, budget_id TEXT NOT NULL, replaced_by TEXT
    ) STRICT;
    CREATE INDEX api_key_budget ON api_key (budget_id);

    CREATE TABLE key_client (
        key_id TEXT NOT NULL, client TEXT NOT NULL, last_used_at INTEGER NOT NULL, requests INTEGER NOT NULL,
        PRIMARY KEY (key_id, client)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE policy (
        name TEXT NOT NULL, version INTEGER NOT NULL, created_at INTEGER NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (name, version)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE console_token (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, created_at INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE request (
        n INTEGER PRIMARY KEY, seq INTEGER NOT NULL, key_id TEXT, model TEXT, model_used TEXT, provider TEXT, tier TEXT,
        endpoint TEXT NOT NULL, status INTEGER, error_type TEXT, error_message TEXT, cause TEXT, finish TEXT,
        input_tokens INTEGER NOT NULL DEFAULT 0, cached_input_tokens INTEGER NOT NULL DEFAULT 0,
        output_tokens INTEGER NOT NULL DEFAULT 0, reasoning_tokens INTEGER NOT NULL DEFAULT 0,
        cost_nano INTEGER NOT NULL DEFAULT 0, cost_source TEXT NOT NULL DEFAULT 'none',
        ttft_ms REAL, latency_ms REAL, stream INTEGER NOT NULL, request_id TEXT, upstream_id TEXT, billing_id TEXT,
        thread_id TEXT, project TEXT, client TEXT, ip TEXT, notes TEXT
    ) STRICT;
    CREATE UNIQUE INDEX request_seq ON request (seq);
    CREATE INDEX request_key ON request (key_id, n);
    CREATE INDEX request_open ON request (n) WHERE status IS NULL;
    CREATE INDEX request_error ON request (n) WHERE status >= 400;
    CREATE INDEX request_client_id ON request (request_id) WHERE request_id IS NOT NULL;
    CREATE INDEX request_upstream ON request (upstream_id) WHERE upstream_id IS NOT NULL;
    CREATE INDEX request_thread ON request (thread_id, n) WHERE thread_id IS NOT NULL;

    CREATE TABLE spent_id (
        key_id TEXT NOT NULL, request_id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (key_id, request_id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE rollup_hour (
        hour INTEGER NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, tier TEXT NOT NULL, provider TEXT NOT NULL,
        requests INTEGER NOT NULL, errors INTEGER NOT NULL, refused INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
        cached_input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
        cost_nano INTEGER NOT NULL, PRIMARY KEY (hour, key_id, model, tier, provider)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE rollup_day (
        day INTEGER NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, tier TEXT NOT NULL, provider TEXT NOT NULL,
        requests INTEGER NOT NULL, errors INTEGER NOT NULL, refused INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
        cached_input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
        cost_nano INTEGER NOT NULL, PRIMARY KEY (day, key_id, model, tier, provider)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX rollup_day_key ON rollup_day (key_id, day);
    CREATE TABLE latency_hour (
        hour INTEGER NOT NULL, kind TEXT NOT NULL, bucket INTEGER NOT NULL, requests INTEGER NOT NULL,
        PRIMARY KEY (hour, kind, bucket)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE budget (
        budget_id TEXT NOT NULL, period TEXT NOT NULL, window INTEGER NOT NULL, spent INTEGER NOT NULL, held INTEGER NOT NULL,
        PRIMARY KEY (budget_id, period, window)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE wallet (tier TEXT PRIMARY KEY, balance INTEGER, held INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
    INSERT INTO wallet (tier) VALUES ('economy'), ('standard'), ('premium');
    CREATE TABLE wallet_entry (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, tier TEXT NOT NULL, kind TEXT NOT NULL,
        amount INTEGER NOT NULL, held INTEGER NOT NULL, n INTEGER, note TEXT
    ) STRICT;
    CREATE TABLE hold (
        n INTEGER NOT NULL, kind TEXT NOT NULL, ref TEXT NOT NULL, window INTEGER NOT NULL, amount INTEGER NOT NULL,
        lease_until INTEGER NOT NULL, PRIMARY KEY (n, kind, ref, window)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    ALTER TABLE request ADD COLUMN queue_ms REAL;
    ALTER TABLE request ADD COLUMN first_byte_ms REAL;
    """,
    """
    CREATE TABLE part_hour (
        part TEXT NOT NULL, hour INTEGER NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, tier TEXT NOT NULL,
        provider TEXT NOT NULL, project TEXT NOT NULL, thread TEXT NOT NULL,
        requests INTEGER NOT NULL, errors INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
        cached_input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
        cost_nano INTEGER NOT NULL, PRIMARY KEY (part, hour, key_id, model, tier, provider, project, thread)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO part_hour
        SELECT 'route', hour, '', model, tier, provider, '', '', sum(requests), sum(errors), sum(input_tokens),
            sum(cached_input_tokens), sum(output_tokens), sum(reasoning_tokens), sum(cost_nano)
        FROM rollup_hour GROUP BY hour, model, tier, provider;
    INSERT INTO part_hour
        SELECT 'key', hour, key_id, '', '', '', '', '', sum(requests), sum(errors), sum(input_tokens),
            sum(cached_input_tokens), sum(output_tokens), sum(reasoning_tokens), sum(cost_nano)
        FROM rollup_hour GROUP BY hour, key_id;
    CREATE TABLE part_day (
        part TEXT NOT NULL, day INTEGER NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, tier TEXT NOT NULL,
        provider TEXT NOT NULL, project TEXT NOT NULL, thread TEXT NOT NULL,
        requests INTEGER NOT NULL, errors INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
        cached_input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
        cost_nano INTEGER NOT NULL, PRIMARY KEY (part, day, key_id, model, tier, provider, project, thread)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO part_day
        SELECT 'route', day, '', model, tier, provider, '', '', sum(requests), sum(errors), sum(input_tokens),
            sum(cached_input_tokens), sum(output_tokens), sum(reasoning_tokens), sum(cost_nano)
        FROM rollup_day GROUP BY day, model, tier, provider;
    INSERT INTO part_day
        SELECT 'key', day, key_id, '', '', '', '', '', sum(requests), sum(errors), sum(input_tokens),
            sum(cached_input_tokens), sum(output_tokens), sum(reasoning_tokens), sum(cost_nano)
        FROM rollup_day GROUP BY day, key_id;
    CREATE TABLE part_fill (n INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT;
    INSERT INTO part_fill SELECT max(n) + 1, max(seq) FROM request HAVING max(n) IS NOT NULL;
    """,
    """
    ALTER TABLE request ADD COLUMN started_at INTEGER NOT NULL DEFAULT 0;
    UPDATE request SET started_at = n >> 21; -- until then the number carried the time
    CREATE INDEX request_started ON request (started_at);

    CREATE TABLE access (version INTEGER NOT NULL) STRICT;
    INSERT INTO access VALUES (1);
    CREATE TRIGGER key_made AFTER INSERT ON api_key BEGIN UPDATE access SET version = version + 1; END;
    CREATE TRIGGER key_changed AFTER UPDATE OF digest, name, hint, owner, labels, state, expires_at, revoked_at, policy,
        policy_name, policy_version, budget_id, replaced_by ON api_key BEGIN UPDATE access SET version = version + 1; END;
    CREATE TRIGGER key_gone AFTER DELETE ON api_key BEGIN UPDATE access SET version = version + 1; END;
    CREATE TRIGGER token_made AFTER INSERT ON console_token BEGIN UPDATE access SET version = version + 1; END;
    CREATE TRIGGER token_gone AFTER DELETE ON console_token BEGIN UPDATE access SET version = version + 1; END;
    CREATE TRIGGER wallet_set AFTER UPDATE OF balance ON wallet WHEN (old.balance IS NULL) != (new.balance IS NULL)
        BEGIN UPDATE access SET version = version + 1; END;
    """,
    """
    ALTER TABLE request ADD COLUMN turn_id TEXT;
    """,
    """
    ALTER TABLE request ADD COLUMN keyless INTEGER NOT NULL DEFAULT 0;
    UPDATE request SET keyless = 1 WHERE key_id IS NULL; -- nothing is admitted without a key
    CREATE INDEX request_keyless ON request (n) WHERE keyless = 1;
    CREATE TABLE clock_reading (ran_ms INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
    """,
    """
    CREATE TABLE lesson (
        upstream TEXT NOT NULL, model TEXT NOT NULL, lesson TEXT NOT NULL, learned_at INTEGER NOT NULL,
        PRIMARY KEY (upstream, model, lesson)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE uncleaned (place TEXT PRIMARY KEY, below INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO uncleaned SELECT 'request', max(n) + 1 FROM request HAVING max(n) IS NOT NULL;
    INSERT INTO uncleaned SELECT column1, 9223372036854775807
        FROM (VALUES ('rollup_hour'), ('rollup_day'), ('part_hour'), ('part_day'), ('key_client'))
        WHERE EXISTS (SELECT 1 FROM rollup_day) OR EXISTS (SELECT 1 FROM key_client);
    """,
    """
    ALTER TABLE request ADD COLUMN doctor INTEGER NOT NULL DEFAULT 0; -- those from before stay counted as they were
    CREATE INDEX request_doctor ON request (n) WHERE doctor = 1;
    """,
    """
    ALTER TABLE request ADD COLUMN root_thread TEXT;
    ALTER TABLE request ADD COLUMN parent_thread TEXT;
    ALTER TABLE request ADD COLUMN root_turn TEXT;
    ALTER TABLE request ADD COLUMN subagent TEXT;
    ALTER TABLE request ADD COLUMN repo TEXT;
    ALTER TABLE request ADD COLUMN commit_hash TEXT;
    ALTER TABLE request ADD COLUMN dirty INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX request_task ON request (root_thread, n) WHERE root_thread IS NOT NULL;
    ALTER TABLE part_hour RENAME TO former_part;
    CREATE TABLE part_hour (
        part TEXT NOT NULL, hour INTEGER NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, tier TEXT NOT NULL,
        provider TEXT NOT NULL, project TEXT NOT NULL, thread TEXT NOT NULL, task TEXT NOT NULL, repo TEXT NOT NULL,
        commit_hash TEXT NOT NULL, client TEXT NOT NULL,
        requests INTEGER NOT NULL, errors INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
        cached_input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
        cost_nano INTEGER NOT NULL,
        PRIMARY KEY (part, hour, key_id, model, tier, provider, project, thread, task, repo, commit_hash, client)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO part_hour
        SELECT part, hour, key_id, model, tier, provider, project, thread, '', '', '', '', requests, errors, input_tokens,
            cached_input_tokens, output_tokens, reasoning_tokens, cost_nano
        FROM former_part;
    INSERT INTO part_hour
        SELECT 'client', hour, key_id, '', '', '', '', '', '', '', '', '', requests, errors, input_tokens,
            cached_input_tokens, output_tokens, reasoning_tokens, cost_nano
        FROM former_part WHERE part = 'key';
    DROP TABLE former_part;
    ALTER TABLE part_day RENAME TO former_part;
    CREATE TABLE part_day (
        part TEXT NOT NULL, day INTEGER NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, tier TEXT NOT NULL,
        provider TEXT NOT NULL, project TEXT NOT NULL, thread TEXT NOT NULL, task TEXT NOT NULL, repo TEXT NOT NULL,
        commit_hash TEXT NOT NULL, client TEXT NOT NULL,
        requests INTEGER NOT NULL, errors INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
        cached_input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
        cost_nano INTEGER NOT NULL,
        PRIMARY KEY (part, day, key_id, model, tier, provider, project, thread, task, repo, commit_hash, client)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO part_day
        SELECT part, day, key_id, model, tier, provider, project, thread, '', '', '', '', requests, errors, input_tokens,
            cached_input_tokens, output_tokens, reasoning_tokens, cost_nano
        FROM former_part;
    INSERT INTO part_day
        SELECT 'client', day, key_id, '', '', '', '', '', '', '', '', '', requests, errors, input_tokens,
            cached_input_tokens, output_tokens, reasoning_tokens, cost_nano
        FROM former_part WHERE part = 'key';
    DROP TABLE former_part;
    CREATE TABLE client_fill (n INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT;
    INSERT INTO client_fill SELECT max(n) + 1, max(seq) FROM request HAVING max(n) IS NOT NULL;
    """,
    """
    ALTER TABLE request ADD COLUMN source TEXT NOT NULL DEFAULT 'gateway';
    ALTER TABLE request ADD COLUMN sources TEXT NOT NULL DEFAULT 'gateway';
    ALTER TABLE request ADD COLUMN attempts INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE request ADD COLUMN differs TEXT;
    ALTER TABLE request ADD COLUMN sender_id TEXT;
    ALTER TABLE request ADD COLUMN told INTEGER; -- the first piece of a request that telemetry alone told of
    CREATE INDEX request_told ON request (thread_id, told) WHERE source = 'telemetry';

    CREATE TABLE sender (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, owner TEXT, team TEXT,
        created_at INTEGER NOT NULL, revoked_at INTEGER, last_at INTEGER, told INTEGER NOT NULL DEFAULT 0,
        codex_version TEXT, provider TEXT
    ) STRICT;
    CREATE TRIGGER sender_made AFTER INSERT ON sender BEGIN UPDATE access SET version = version + 1; END;
    CREATE TRIGGER sender_changed AFTER UPDATE OF revoked_at ON sender BEGIN UPDATE access SET version = version + 1; END;
    CREATE TABLE piece (
        thread TEXT NOT NULL, told INTEGER NOT NULL, kind TEXT NOT NULL, sender_id TEXT NOT NULL, n INTEGER, facts TEXT NOT NULL,
        PRIMARY KEY (thread, told, kind)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX piece_sender ON piece (sender_id, told);
    CREATE INDEX piece_told ON piece (told);
    CREATE INDEX piece_request ON piece (n) WHERE n IS NOT NULL;
    """,
    """
    CREATE INDEX request_turn ON request (turn_id) WHERE turn_id IS NOT NULL;
    """,
    """
    ALTER TABLE console_token ADD COLUMN role TEXT NOT NULL DEFAULT 'viewer'; -- those from before read only
    """,
    """
    CREATE TABLE team (name TEXT PRIMARY KEY, created_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE team_owner (owner TEXT PRIMARY KEY, team TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TRIGGER team_made AFTER INSERT ON team BEGIN UPDATE access SET version = version + 1; END;
    CREATE TRIGGER owner_added AFTER INSERT ON team_owner BEGIN UPDATE access SET version = version + 1; END;
    CREATE TRIGGER owner_removed AFTER DELETE ON team_owner BEGIN UPDATE access SET version = version + 1; END;
    ALTER TABLE console_token ADD COLUMN teams TEXT NOT NULL DEFAULT '[]';
    """,
    """
    CREATE TABLE audit (
        id TEXT PRIMARY KEY, at INTEGER NOT NULL, token TEXT, actor TEXT NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL,
        called TEXT, before TEXT, after TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX audit_at ON audit (at);
    """,
    """
    CREATE TABLE alert (
        id TEXT PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, team TEXT, facts TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'waiting', tries INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL DEFAULT 0,
        claimed_until INTEGER NOT NULL DEFAULT 0, sent_at INTEGER, error TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX alert_at ON alert (at);
    CREATE INDEX alert_waiting ON alert (at) WHERE state = 'waiting';
    CREATE TABLE alert_watch (what TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    """,
    """
    DROP INDEX request_error;
    CREATE INDEX request_failed ON request (n) WHERE status >= 400 OR status = 0; -- 0: telemetry told of no answer
    """,
    """
    CREATE TABLE stopped_task (
        task TEXT NOT NULL, scope TEXT NOT NULL, reason TEXT NOT NULL, why TEXT, at INTEGER NOT NULL, PRIMARY KEY (task, scope)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER task_stopped AFTER INSERT ON stopped_task BEGIN UPDATE access SET version = version + 1; END;
    CREATE TRIGGER task_resumed AFTER DELETE ON stopped_task BEGIN UPDATE access SET version = version + 1; END;
    CREATE TABLE watched_turn (
        n INTEGER PRIMARY KEY, scope TEXT NOT NULL, task TEXT NOT NULL, thread TEXT NOT NULL, at INTEGER NOT NULL, digest TEXT,
        items INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX watched_turn_task ON watched_turn (scope, task, at);
    CREATE INDEX watched_turn_thread ON watched_turn (scope, task, thread, n);
    CREATE INDEX watched_turn_at ON watched_turn (at);
    """,
    """
    CREATE TABLE node_limit (
        node TEXT NOT NULL, period TEXT NOT NULL, amount INTEGER NOT NULL, set_at INTEGER NOT NULL, PRIMARY KEY (node, period)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER limit_set AFTER INSERT ON node_limit BEGIN UPDATE access SET version = version + 1; END;
    CREATE TRIGGER limit_changed AFTER UPDATE ON node_limit BEGIN UPDATE access SET version = version + 1; END;
    CREATE TRIGGER limit_gone AFTER DELETE ON node_limit BEGIN UPDATE access SET version = version + 1; END;
    CREATE TABLE node_raise (node TEXT PRIMARY KEY, amount INTEGER NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TRIGGER raise_set AFTER INSERT ON node_raise BEGIN UPDATE access SET version = version + 1; END;
    CREATE TRIGGER raise_gone AFTER DELETE ON node_raise BEGIN UPDATE access SET version = version + 1; END;
    CREATE INDEX part_day_task ON part_day (task, day) WHERE task != '';
    """,
    """
    CREATE TABLE rollup_month (
        month INTEGER NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, tier TEXT NOT NULL, provider TEXT NOT NULL,
        requests INTEGER NOT NULL, errors INTEGER NOT NULL, refused INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
        cached_input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
        cost_nano INTEGER NOT NULL,
        PRIMARY KEY (month, key_id, model, tier, provider)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE part_month (
        part TEXT NOT NULL, month INTEGER NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, tier TEXT NOT NULL,
        provider TEXT NOT NULL, project TEXT NOT NULL, thread TEXT NOT NULL, task TEXT NOT NULL, repo TEXT NOT NULL,
        commit_hash TEXT NOT NULL, client TEXT NOT NULL,
        requests INTEGER NOT NULL, errors INTEGER NOT NULL, input_tokens INTEGER NOT NULL,
        cached_input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
        cost_nano INTEGER NOT NULL,
        PRIMARY KEY (part, month, key_id, model, tier, provider, project, thread, task, repo, commit_hash, client)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE whole_month (
        month INTEGER PRIMARY KEY, begins INTEGER NOT NULL, ends INTEGER NOT NULL, summed INTEGER NOT NULL
    ) STRICT;
    """,
    """
    ALTER TABLE request ADD COLUMN seen INTEGER NOT NULL DEFAULT 1; -- how many attempts came to gateways
    """,
    f"""
    CREATE TABLE lifetime (
        field TEXT NOT NULL, value TEXT NOT NULL, first_day INTEGER NOT NULL, last_day INTEGER NOT NULL,
        requests INTEGER NOT NULL, cost_nano INTEGER NOT NULL, PRIMARY KEY (field, value)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX lifetime_dearest ON lifetime (field, cost_nano, value, first_day, last_day);
    CREATE INDEX lifetime_ended ON lifetime (field) WHERE requests = 0;
    CREATE TABLE lifetime_fill (day INTEGER NOT NULL) STRICT;
    CREATE INDEX part_day_lives_thread ON part_day (thread, part, day) WHERE part = 'thread';
    CREATE INDEX part_day_lives_task ON part_day (task, part, day) WHERE part = 'thread';
    CREATE INDEX part_day_lives_commit_hash ON part_day (commit_hash, part, day) WHERE part = 'thread';
    {_lifetimes("added", "INSERT", "new", "new.{}")}
    {_lifetimes("changed", "UPDATE OF requests, cost_nano", "new", "new.{0} - old.{0}")}
    {_lifetimes("taken", "DELETE", "old", "-old.{}")}
    """,
    """
    DROP TRIGGER lifetime_added; -- whoever changes a day has the lifetimes forget it
    DROP TRIGGER lifetime_changed;
    DROP TRIGGER lifetime_taken;
    """,
)


def migrate(connection: sqlite3.Connection, where: str, *, half: bool = False) -> None:
    """Brings a store to this version's tables. A newer store is refused (UnreachableError), never touched; so is one that a copy
    has not finished, unless that goes on (`half`)."""
    version = version_of(connection, where)
    if is_half(connection) and not half:
        raise UnreachableError(
            "the store is an unfinished copy", where=where, hint="`joytui store copy FROM TO` continues it"
        )
    for step in range(version, len(MIGRATIONS)):
        connection.executescript(f"BEGIN IMMEDIATE; {MIGRATIONS[step]}; PRAGMA user_version = {step + 1}; COMMIT;")


def version_of(connection: sqlite3.Connection, where: str) -> int:
    """Which tables a store has. Raises UnreachableError for a newer one."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise UnreachableError(
            f"the store was written by a newer joytui (schema {version}, this one knows {len(MIGRATIONS)})",
            where=where,
            hint="use that version, or name another store with --store PATH",
        )
    return version


def is_half(connection: sqlite3.Connection) -> bool:
    """Whether a copy into this store has not come to its end."""
    return has_table(connection, "half_copy")


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (name,))
    return found.fetchone() is not None
