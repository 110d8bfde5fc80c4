"""The tables of the PostgreSQL ledger, as migrations: step N brings `schema_version` from N to N + 1. Never edit a step that
was released; add one.

Times are milliseconds since 1970, amounts nano-credits, hours and days counted from 1970 in UTC; flags are 0 and 1. What
SQLite has under the same name is the same, but for requests: those that run are in `running`, one that ends moves to `ended`
(or to `keyless`, if it showed no valid key), and `request` is a view of the three. So history is written once, by day: `ended`
has a partition for each day of its numbers, which retention drops whole.
"""
# ruff: noqa: S608 - the SQL is put together from this module's own words

from __future__ import annotations

from joytui.core.errors import UnreachableError
from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.postgres.connections import Link
from joytui.ledger.postgres.functions import FUNCTIONS
from joytui.ledger.postgres.url import StoreUrl
from joytui.ledger.records import DAY_MS
from joytui.ledger.sql.connection import Connection

OLDEST_SERVER = 14
MIGRATION_LIMIT_S = 120
DAYS_AHEAD = 3
REST = "ended_rest"
"""The partition of what no day has."""
REQUEST_TABLES = ("running", "ended", "keyless")
_SUMS = """input_tokens bigint NOT NULL, cached_input_tokens bigint NOT NULL, output_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL, cost_nano bigint NOT NULL"""


def request_column(definition: str) -> str:
    """The part of a migration that gives requests another column."""
    return "; ".join(f"ALTER TABLE {table} ADD COLUMN {definition}" for table in REQUEST_TABLES)


def _parts_with_clients(unit: str) -> str:
    """Sums also by task, repository, commit and client; what was summed before is of no client."""
    sums = "requests, errors, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_nano"
    return f"""
    ALTER TABLE part_{unit} RENAME TO former_part;
    ALTER TABLE former_part DROP CONSTRAINT part_{unit}_pkey;
    CREATE TABLE part_{unit} (
        part TEXT NOT NULL, {unit} bigint NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, tier TEXT NOT NULL,
        provider TEXT NOT NULL, project TEXT NOT NULL, thread TEXT NOT NULL, task TEXT NOT NULL, repo TEXT NOT NULL,
        commit_hash TEXT NOT NULL, client TEXT NOT NULL, requests bigint NOT NULL, errors bigint NOT NULL, {_SUMS},
        PRIMARY KEY (part, {unit}, key_id, model, tier, provider, project, thread, task, repo, commit_hash, client)
    );
    INSERT INTO part_{unit} SELECT part, {unit}, key_id, model, tier, provider, project, thread, '', '', '', '', {sums}
        FROM former_part;
    INSERT INTO part_{unit} SELECT 'client', {unit}, key_id, '', '', '', '', '', '', '', '', '', {sums}
        FROM former_part WHERE part = 'key';
    DROP TABLE former_part;
    """


MIGRATIONS = (
    f"""
    CREATE TABLE api_key (
        id TEXT PRIMARY KEY, digest bytea NOT NULL UNIQUE, name TEXT NOT NULL, hint TEXT NOT NULL, owner TEXT,
        labels TEXT NOT NULL DEFAULT '[]', state TEXT NOT NULL DEFAULT 'active', created_at bigint NOT NULL,
        expires_at bigint, revoked_at bigint, last_used_at bigint, policy TEXT NOT NULL, policy_name TEXT,
        policy_version bigint NOT NULL DEFAULT 1, budget_id TEXT NOT NULL, replaced_by TEXT
    );
    CREATE INDEX api_key_budget ON api_key (budget_id);
    CREATE TABLE key_client (
        key_id TEXT NOT NULL, client TEXT NOT NULL, last_used_at bigint NOT NULL, requests bigint NOT NULL,
        PRIMARY KEY (key_id, client)
    );
    CREATE TABLE policy (
        name TEXT NOT NULL, version bigint NOT NULL, created_at bigint NOT NULL, body TEXT NOT NULL, PRIMARY KEY (name, version)
    );
    CREATE TABLE console_token (id TEXT PRIMARY KEY, name TEXT NOT NULL, digest bytea NOT NULL UNIQUE, created_at bigint NOT NULL);
    CREATE TABLE lesson (
        upstream TEXT NOT NULL, model TEXT NOT NULL, lesson TEXT NOT NULL, learned_at bigint NOT NULL,
        PRIMARY KEY (upstream, model, lesson)
    );
    CREATE TABLE clock_reading (ran_ms bigint NOT NULL, at bigint NOT NULL);
    CREATE TABLE part_fill (n bigint NOT NULL, seq bigint NOT NULL);

    CREATE TABLE gateway (
        id TEXT PRIMARY KEY, slot bigint NOT NULL UNIQUE, url TEXT NOT NULL DEFAULT '', version TEXT NOT NULL DEFAULT '', since bigint NOT NULL,
        heartbeat bigint NOT NULL, lease_until bigint NOT NULL, gone boolean NOT NULL DEFAULT false
    );
    CREATE TABLE turn (seq bigint NOT NULL, notified_at bigint NOT NULL) WITH (fillfactor = 10);
    INSERT INTO turn VALUES (0, 0);
    CREATE SEQUENCE change;

    CREATE TABLE running (
        n bigint PRIMARY KEY, seq bigint NOT NULL, gateway TEXT, started_at bigint NOT NULL, key_id TEXT, model TEXT,
        model_used TEXT, provider TEXT, tier TEXT, endpoint TEXT NOT NULL, status bigint, error_type TEXT, error_message TEXT,
        cause TEXT, finish TEXT, input_tokens bigint NOT NULL DEFAULT 0, cached_input_tokens bigint NOT NULL DEFAULT 0,
        output_tokens bigint NOT NULL DEFAULT 0, reasoning_tokens bigint NOT NULL DEFAULT 0,
        cost_nano bigint NOT NULL DEFAULT 0, cost_source TEXT NOT NULL DEFAULT 'none',
        ttft_ms double precision, latency_ms double precision, stream smallint NOT NULL, request_id TEXT, upstream_id TEXT,
        billing_id TEXT, thread_id TEXT, project TEXT, client TEXT, ip TEXT, notes TEXT, queue_ms double precision,
        first_byte_ms double precision, turn_id TEXT, doctor smallint NOT NULL DEFAULT 0
    );
    CREATE TABLE ended (LIKE running INCLUDING DEFAULTS, PRIMARY KEY (n)) PARTITION BY RANGE (n);
    CREATE INDEX ended_seq ON ended (seq);
    CREATE INDEX ended_started ON ended (started_at);
    CREATE INDEX ended_key ON ended (key_id, n);
    CREATE INDEX ended_error ON ended (n) WHERE status >= 400;
    CREATE INDEX ended_client_id ON ended (request_id) WHERE request_id IS NOT NULL;
    CREATE INDEX ended_upstream ON ended (upstream_id) WHERE upstream_id IS NOT NULL;
    CREATE INDEX ended_thread ON ended (thread_id, n) WHERE thread_id IS NOT NULL;
    CREATE TABLE ended_rest PARTITION OF ended DEFAULT;
    CREATE TABLE keyless (LIKE running INCLUDING ALL);
    CREATE TABLE lapsed (n bigint PRIMARY KEY, at bigint NOT NULL);
    CREATE TABLE spent_id (
        key_id TEXT NOT NULL, request_id TEXT NOT NULL, at bigint NOT NULL, PRIMARY KEY (key_id, request_id)
    );
    CREATE INDEX spent_id_at ON spent_id (at);

    CREATE TABLE rollup_hour (
        hour bigint NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, tier TEXT NOT NULL, provider TEXT NOT NULL,
        requests bigint NOT NULL, errors bigint NOT NULL, refused bigint NOT NULL, {_SUMS},
        PRIMARY KEY (hour, key_id, model, tier, provider)
    );
    CREATE TABLE rollup_day (
        day bigint NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, tier TEXT NOT NULL, provider TEXT NOT NULL,
        requests bigint NOT NULL, errors bigint NOT NULL, refused bigint NOT NULL, {_SUMS},
        PRIMARY KEY (day, key_id, model, tier, provider)
    );
    CREATE INDEX rollup_day_key ON rollup_day (key_id, day);
    CREATE TABLE part_hour (
        part TEXT NOT NULL, hour bigint NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, tier TEXT NOT NULL,
        provider TEXT NOT NULL, project TEXT NOT NULL, thread TEXT NOT NULL, requests bigint NOT NULL, errors bigint NOT NULL,
        {_SUMS}, PRIMARY KEY (part, hour, key_id, model, tier, provider, project, thread)
    );
    CREATE TABLE part_day (
        part TEXT NOT NULL, day bigint NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, tier TEXT NOT NULL,
        provider TEXT NOT NULL, project TEXT NOT NULL, thread TEXT NOT NULL, requests bigint NOT NULL, errors bigint NOT NULL,
        {_SUMS}, PRIMARY KEY (part, day, key_id, model, tier, provider, project, thread)
    );
    CREATE TABLE latency_hour (
        hour bigint NOT NULL, kind TEXT NOT NULL, bucket bigint NOT NULL, requests bigint NOT NULL,
        PRIMARY KEY (hour, kind, bucket)
    );

    CREATE TABLE budget (
        budget_id TEXT NOT NULL, period TEXT NOT NULL, "window" bigint NOT NULL, spent bigint NOT NULL, held bigint NOT NULL,
        PRIMARY KEY (budget_id, period, "window")
    ) WITH (fillfactor = 50);
    CREATE TABLE wallet (tier TEXT PRIMARY KEY, balance bigint, held bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);
    INSERT INTO wallet (tier) VALUES ('economy'), ('standard'), ('premium');
    CREATE TABLE wallet_entry (
        id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, at bigint NOT NULL, tier TEXT NOT NULL, kind TEXT NOT NULL,
        amount bigint NOT NULL, held bigint NOT NULL, n bigint, note TEXT
    );
    CREATE TABLE hold (
        n bigint NOT NULL, kind TEXT NOT NULL, ref TEXT NOT NULL, "window" bigint NOT NULL, amount bigint NOT NULL,
        lease_until bigint NOT NULL, most bigint, PRIMARY KEY (n, kind, ref, "window")
    );
    CREATE TABLE lapsed_hold (LIKE hold INCLUDING ALL);

    CREATE TABLE access (version bigint NOT NULL, changed_at bigint NOT NULL);
    INSERT INTO access VALUES (1, 0);
    CREATE FUNCTION access_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE access SET version = version + 1, changed_at = extract(epoch FROM clock_timestamp()) * 1000;
        PERFORM pg_notify('joytui:' || TG_TABLE_SCHEMA, 'access');
        RETURN NULL;
    END $$;
    CREATE TRIGGER key_made AFTER INSERT OR DELETE ON api_key FOR EACH STATEMENT EXECUTE FUNCTION access_changed();
    CREATE TRIGGER key_changed AFTER UPDATE OF digest, name, hint, owner, labels, state, expires_at, revoked_at, policy,
        policy_name, policy_version, budget_id, replaced_by ON api_key FOR EACH STATEMENT EXECUTE FUNCTION access_changed();
    CREATE TRIGGER token_made AFTER INSERT OR DELETE ON console_token FOR EACH STATEMENT EXECUTE FUNCTION access_changed();
    CREATE TRIGGER wallet_set AFTER UPDATE OF balance ON wallet FOR EACH ROW
        WHEN ((old.balance IS NULL) != (new.balance IS NULL)) EXECUTE FUNCTION access_changed();

    CREATE TYPE used AS (key_id text, client text, at bigint);

    CREATE FUNCTION printf(text, bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
        $$ SELECT 'req-' || lpad(to_hex($2), 16, '0') $$;
    CREATE FUNCTION strftime(text, bigint, text) RETURNS text LANGUAGE sql IMMUTABLE AS
        $$ SELECT to_char(to_timestamp($2) AT TIME ZONE 'UTC', 'YYYY-MM') $$;
    CREATE FUNCTION json_each(text) RETURNS TABLE (value text) LANGUAGE sql IMMUTABLE AS
        $$ SELECT jsonb_array_elements_text($1::jsonb) $$;
    """,
    f"""
    {request_column("root_thread TEXT")};
    {request_column("parent_thread TEXT")};
    {request_column("root_turn TEXT")};
    {request_column("subagent TEXT")};
    {request_column("repo TEXT")};
    {request_column("commit_hash TEXT")};
    {request_column("dirty smallint NOT NULL DEFAULT 0")};
    CREATE INDEX ended_task ON ended (root_thread, n) WHERE root_thread IS NOT NULL;
    """,
    f"""
    {request_column("source TEXT NOT NULL DEFAULT 'gateway'")};
    {request_column("sources TEXT NOT NULL DEFAULT 'gateway'")};
    {request_column("attempts bigint NOT NULL DEFAULT 1")};
    {request_column("differs TEXT")};
    {request_column("sender_id TEXT")};
    {request_column("told bigint")};
    CREATE INDEX ended_told ON ended (thread_id, told) WHERE source = 'telemetry';
    CREATE TABLE sender (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, digest bytea NOT NULL UNIQUE, owner TEXT, team TEXT,
        created_at bigint NOT NULL, revoked_at bigint, last_at bigint, told bigint NOT NULL DEFAULT 0,
        codex_version TEXT, provider TEXT
    );
    CREATE TRIGGER sender_made AFTER INSERT ON sender FOR EACH STATEMENT EXECUTE FUNCTION access_changed();
    CREATE TRIGGER sender_changed AFTER UPDATE OF revoked_at ON sender FOR EACH STATEMENT EXECUTE FUNCTION access_changed();
    CREATE TABLE piece (
        thread TEXT NOT NULL, told bigint NOT NULL, kind TEXT NOT NULL, sender_id TEXT NOT NULL, n bigint, facts TEXT NOT NULL,
        PRIMARY KEY (thread, told, kind)
    );
    CREATE INDEX piece_sender ON piece (sender_id, told);
    CREATE INDEX piece_told ON piece (told);
    CREATE INDEX piece_request ON piece (n) WHERE n IS NOT NULL;
    CREATE FUNCTION printf(text, text, bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
        $$ SELECT 'codex-' || $2 || '-' || lpad(to_hex($3), 16, '0') $$;
    """,
    """
    CREATE INDEX ended_turn ON ended (turn_id) WHERE turn_id IS NOT NULL;
    """,
    f"""
    {_parts_with_clients("hour")}
    {_parts_with_clients("day")}
    CREATE FUNCTION instr(text, text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT strpos($1, $2) $$;
    """,
    """
    ALTER TABLE console_token ADD COLUMN role TEXT NOT NULL DEFAULT 'viewer'; -- those from before read only
    """,
    """
    CREATE TABLE team (name TEXT PRIMARY KEY, created_at bigint NOT NULL);
    CREATE TABLE team_owner (owner TEXT PRIMARY KEY, team TEXT NOT NULL);
    CREATE TRIGGER team_made AFTER INSERT ON team FOR EACH STATEMENT EXECUTE FUNCTION access_changed();
    CREATE TRIGGER owner_moved AFTER INSERT OR DELETE ON team_owner FOR EACH STATEMENT EXECUTE FUNCTION access_changed();
    ALTER TABLE console_token ADD COLUMN teams TEXT NOT NULL DEFAULT '[]';
    """,
    """
    CREATE TABLE audit (
        id TEXT PRIMARY KEY, at bigint NOT NULL, token TEXT, actor TEXT NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL,
        called TEXT, before TEXT, after TEXT
    );
    CREATE INDEX audit_at ON audit (at);
    """,
    """
    CREATE TABLE alert (
        id TEXT PRIMARY KEY, at bigint NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, team TEXT, facts TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'waiting', tries bigint NOT NULL DEFAULT 0, next_at bigint NOT NULL DEFAULT 0,
        claimed_until bigint NOT NULL DEFAULT 0, sent_at bigint, error TEXT
    );
    CREATE INDEX alert_at ON alert (at);
    CREATE INDEX alert_waiting ON alert (at) WHERE state = 'waiting';
    CREATE TABLE alert_watch (what TEXT PRIMARY KEY, holder TEXT NOT NULL, until bigint NOT NULL);
    """,
    """
    DROP INDEX ended_error;
    CREATE INDEX ended_failed ON ended (n) WHERE status >= 400 OR status = 0; -- 0: telemetry told of no answer
    """,
    """
    CREATE TABLE stopped_task (
        task TEXT NOT NULL, scope TEXT NOT NULL, reason TEXT NOT NULL, why TEXT, at bigint NOT NULL, PRIMARY KEY (task, scope)
    );
    CREATE TRIGGER task_moved AFTER INSERT OR DELETE ON stopped_task FOR EACH STATEMENT EXECUTE FUNCTION access_changed();
    CREATE TABLE watched_turn (
        n bigint PRIMARY KEY, scope TEXT NOT NULL, task TEXT NOT NULL, thread TEXT NOT NULL, at bigint NOT NULL, digest TEXT,
        items bigint NOT NULL
    );
    CREATE INDEX watched_turn_task ON watched_turn (scope, task, at);
    CREATE INDEX watched_turn_thread ON watched_turn (scope, task, thread, n);
    CREATE INDEX watched_turn_at ON watched_turn (at);
    """,
    """
    CREATE TABLE node_limit (
        node TEXT NOT NULL, period TEXT NOT NULL, amount bigint NOT NULL, set_at bigint NOT NULL, PRIMARY KEY (node, period)
    );
    CREATE TRIGGER limit_set AFTER INSERT OR UPDATE OR DELETE ON node_limit
        FOR EACH STATEMENT EXECUTE FUNCTION access_changed();
    CREATE TABLE node_raise (node TEXT PRIMARY KEY, amount bigint NOT NULL, until bigint NOT NULL);
    CREATE TRIGGER raise_set AFTER INSERT OR DELETE ON node_raise FOR EACH STATEMENT EXECUTE FUNCTION access_changed();
    CREATE INDEX part_day_task ON part_day (task, day) WHERE task != '';
    """,
    f"""
    CREATE TABLE rollup_month (
        month bigint NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, tier TEXT NOT NULL, provider TEXT NOT NULL,
        requests bigint NOT NULL, errors bigint NOT NULL, refused bigint NOT NULL, {_SUMS},
        PRIMARY KEY (month, key_id, model, tier, provider)
    );
    CREATE TABLE part_month (
        part TEXT NOT NULL, month bigint NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL, tier TEXT NOT NULL,
        provider TEXT NOT NULL, project TEXT NOT NULL, thread TEXT NOT NULL, task TEXT NOT NULL, repo TEXT NOT NULL,
        commit_hash TEXT NOT NULL, client TEXT NOT NULL, requests bigint NOT NULL, errors bigint NOT NULL, {_SUMS},
        PRIMARY KEY (part, month, key_id, model, tier, provider, project, thread, task, repo, commit_hash, client)
    );
    CREATE TABLE whole_month (
        month bigint PRIMARY KEY, begins bigint NOT NULL, ends bigint NOT NULL, summed bigint NOT NULL
    );
    """,
    request_column("seen bigint NOT NULL DEFAULT 1"),
    """
    CREATE TABLE lifetime (
        field TEXT NOT NULL, value TEXT NOT NULL, first_day bigint NOT NULL, last_day bigint NOT NULL, requests bigint NOT NULL,
        cost_nano bigint NOT NULL, PRIMARY KEY (field, value)
    );
    CREATE INDEX lifetime_dearest ON lifetime (field, cost_nano, value, first_day, last_day);
    CREATE INDEX lifetime_ended ON lifetime (field) WHERE requests = 0;
    CREATE TABLE lifetime_fill (day bigint NOT NULL);
    CREATE INDEX part_day_lives_thread ON part_day (thread, part, day) WHERE part = 'thread';
    CREATE INDEX part_day_lives_task ON part_day (task, part, day) WHERE part = 'thread';
    CREATE INDEX part_day_lives_commit_hash ON part_day (commit_hash, part, day) WHERE part = 'thread';
    CREATE FUNCTION lifetime_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE one part_day;
    BEGIN
        IF TG_OP = 'DELETE' THEN one := OLD; ELSE one := NEW; END IF;
        IF (one.day < (SELECT f.day FROM lifetime_fill f)) IS NOT TRUE THEN RETURN NULL; END IF;
        IF TG_OP = 'DELETE' THEN
            one.requests := -one.requests;
            one.cost_nano := -one.cost_nano;
        ELSIF TG_OP = 'UPDATE' THEN
            one.requests := one.requests - OLD.requests;
            one.cost_nano := one.cost_nano - OLD.cost_nano;
        END IF;
        INSERT INTO lifetime AS l VALUES
            ('commit_hash', one.commit_hash, one.day, one.day, one.requests, one.cost_nano),
            ('task', one.task, one.day, one.day, one.requests, one.cost_nano),
            ('thread', one.thread, one.day, one.day, one.requests, one.cost_nano)
        ON CONFLICT (field, value) DO UPDATE SET
            first_day = least(l.first_day, excluded.first_day), last_day = greatest(l.last_day, excluded.last_day),
            requests = l.requests + excluded.requests, cost_nano = l.cost_nano + excluded.cost_nano;
        RETURN NULL;
    END $$;
    CREATE TRIGGER lifetime_added AFTER INSERT OR UPDATE ON part_day FOR EACH ROW WHEN (NEW.part = 'thread')
        EXECUTE FUNCTION lifetime_changed();
    CREATE TRIGGER lifetime_taken AFTER DELETE ON part_day FOR EACH ROW WHEN (OLD.part = 'thread')
        EXECUTE FUNCTION lifetime_changed();
    """,
    """
    DROP TRIGGER lifetime_added ON part_day; -- whoever changes a day has the lifetimes forget it
    DROP TRIGGER lifetime_taken ON part_day;
    DROP FUNCTION lifetime_changed;
    """,
)
"""`printf`, `strftime`, `json_each` and `instr` are what the shared SQL asks of SQLite's, and no more."""

_VIEW = f"""
DROP VIEW IF EXISTS request;
CREATE VIEW request AS
    {" UNION ALL ".join(f"SELECT *, {int(table == 'keyless')}::smallint AS keyless FROM {table}" for table in REQUEST_TABLES)};
CREATE OR REPLACE FUNCTION put_request() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE r running;
BEGIN
    IF TG_OP != 'INSERT' THEN
        DELETE FROM running WHERE n = OLD.n;
        DELETE FROM keyless WHERE n = OLD.n;
        DELETE FROM ended WHERE n = OLD.n;
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    END IF;
    r := jsonb_populate_record(NULL::running, to_jsonb(NEW));
    IF NEW.keyless = 1 THEN INSERT INTO keyless VALUES (r.*);
    ELSIF NEW.status IS NULL THEN INSERT INTO running VALUES (r.*);
    ELSE INSERT INTO ended VALUES (r.*);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER put INSTEAD OF INSERT OR UPDATE OR DELETE ON request FOR EACH ROW EXECUTE FUNCTION put_request();
DO $$
DECLARE a record;
BEGIN
    ALTER VIEW request ALTER COLUMN keyless SET DEFAULT 0;
    FOR a IN SELECT attname, pg_get_expr(adbin, adrelid) AS value FROM pg_attribute JOIN pg_attrdef
        ON adrelid = attrelid AND adnum = attnum WHERE attrelid = 'running'::regclass
    LOOP
        EXECUTE format('ALTER VIEW request ALTER COLUMN %I SET DEFAULT %s', a.attname, a.value);
    END LOOP;
    EXECUTE (
        SELECT format(
            'CREATE OR REPLACE FUNCTION blank() RETURNS running LANGUAGE sql IMMUTABLE AS $f$ SELECT ROW(%s)::running $f$',
            string_agg(coalesce(pg_get_expr(adbin, adrelid), 'NULL'), ', ' ORDER BY attnum)
        ) FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = 'running'::regclass AND attnum > 0 AND NOT attisdropped
    );
END $$;
"""
"""All requests, as SQLite has them in a table. A row that is put into it, or changed there, goes where it belongs. `blank`: a
row of defaults, which every new one is made from: also by a gateway that does not know the newest columns."""


def migrate(link: Link, url: StoreUrl, *, half: bool = False) -> None:
    """Makes the schema, or brings it to this version; one gateway at a time does. A newer store is refused (UnreachableError),
    never touched, and so is one that a copy has not finished, unless that goes on (`half`), and a server that is too old. Raises
    psycopg.Error."""
    server = link.raw.info.server_version // 10_000
    if server < OLDEST_SERVER:
        raise UnreachableError(
            f"the store needs PostgreSQL {OLDEST_SERVER} or newer, and this is {server}", where=url.masked
        )
    patience, link.raw.patience = link.raw.patience, MIGRATION_LIMIT_S + 1
    with link.raw.transaction():
        link.execute(f"SET LOCAL statement_timeout = {MIGRATION_LIMIT_S * 1000}")
        link.execute("SELECT pg_advisory_xact_lock(hashtext(?))", (f"joytui {url.schema}",))
        _make_schema(link, url)
        version = version_of(link, url)
        if is_half(link) and not half:
            raise UnreachableError(
                "the store is an unfinished copy", where=url.masked, hint="`joytui store copy FROM TO` continues it"
            )
        for step in MIGRATIONS[version:]:
            link.raw.execute(step.replace("TEXT", 'text COLLATE "C"').encode())
        if version < len(MIGRATIONS):
            link.raw.execute(_VIEW.encode())
            link.execute("UPDATE schema_version SET version = ?", (len(MIGRATIONS),))
        if link.execute("SELECT to_regproc(?)", (FUNCTIONS.write,)).fetchone() == (None,):
            link.raw.execute(FUNCTIONS.text.encode())
    link.raw.patience = patience


def _make_schema(link: Link, url: StoreUrl) -> None:
    if link.execute("SELECT to_regnamespace(?)", (url.schema,)).fetchone() == (None,):
        link.raw.execute(f"CREATE SCHEMA {url.schema}".encode())
    if link.execute("SELECT to_regclass(?)", (f"{url.schema}.schema_version",)).fetchone() == (None,):
        link.execute("CREATE TABLE schema_version (version bigint NOT NULL)")
        link.execute("INSERT INTO schema_version VALUES (0)")


def version_of(link: Link, url: StoreUrl) -> int:
    """Which tables a store has; 0 for none. Raises UnreachableError for a newer one."""
    found = link.execute("SELECT version FROM schema_version").fetchone()
    version = int(found[0]) if found else 0
    if version > len(MIGRATIONS):
        raise UnreachableError(
            f"the store was written by a newer joytui (schema {version}, this one knows {len(MIGRATIONS)})",
            where=url.masked,
            hint="use that version, or name another store with --store",
        )
    return version


def is_half(link: Link) -> bool:
    """Whether a copy into this store has not come to its end."""
    return link.execute("SELECT to_regclass('half_copy')").fetchone() != (None,)


# --- a partition a day -----------------------------------------------------------------------------------------------


def partition(day: int) -> str:
    """The name of the partition for requests whose numbers were given on this day (since 1970)."""
    return f"ended_{day}"


def first_number(name: str) -> int:
    """The first number that belongs into a partition."""
    return int(name.removeprefix("ended_")) * DAY_MS << COUNTER_BITS


def partitions(link: Connection) -> list[str]:
    """The partitions of days, oldest first."""
    names = {name for (name,) in link.execute(_PARTITIONS).fetchall()} - {REST}
    return sorted(names, key=first_number)


_PARTITIONS = (
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'ended'::regclass"
)


def last_number(link: Connection) -> int:
    """The largest number of a request; 0: there is none. One day after the other: planning a question over all that are kept may take
    longer than a statement is given."""
    found = [link.execute(f"SELECT max(n) FROM {table}").fetchall()[0][0] for table in ("running", "keyless", REST)]
    for name in reversed(partitions(link)):
        newest = link.execute(f"SELECT max(n) FROM {name}").fetchall()[0][0]
        if newest is not None:
            found.append(newest)
            break
    return max((number for number in found if number is not None), default=0)


def make_partitions(link: Connection, at_ms: int) -> None:
    """The partitions of today and the next days, where they do not exist yet."""
    for day in range(at_ms // DAY_MS, at_ms // DAY_MS + DAYS_AHEAD + 1):
        make_partition(link, day)


def make_partition(link: Connection, day: int) -> None:
    """That of one day, if it is not there. A day that has rows in `ended_rest` already gets none."""
    low, high = (edge * DAY_MS << COUNTER_BITS for edge in (day, day + 1))
    if link.execute("SELECT to_regclass(?)", (partition(day),)).fetchone() != (None,):
        return
    if link.execute("SELECT 1 FROM ended_rest WHERE n >= ? AND n < ? LIMIT 1", (low, high)).fetchone():
        return
    link.execute(f"CREATE TABLE {partition(day)} PARTITION OF ended FOR VALUES FROM ({low}) TO ({high})")
