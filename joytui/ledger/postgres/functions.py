"""What requests do to the store, as functions inside the database: `write` takes an array of jobs and does them in order, as
one transaction. `joytui.ledger.postgres.jobs` makes the jobs and reads the answers.

The functions' names end with a digest of their text, so that gateways of two versions can share a store for the time of an
upgrade. Columns of requests are never listed here: rows are made from the jobs by their names.
"""
# ruff: noqa: S608 - the SQL is put together from this package's own words

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from joytui.core.joytoken import DOCTOR_OUTPUT
from joytui.core.money import NANO_PER_CREDIT
from joytui.core.nodes import KINDS, ORG
from joytui.ledger.alerts import THRESHOLDS
from joytui.ledger.ids import COUNTER_BITS
from joytui.ledger.records import (
    AGAIN_MOST_MS,
    AGAIN_MS,
    AGAIN_TURNLESS_MS,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    MONDAY_MS,
    PLENTY,
    REPEATED,
    REPEATS,
    WEEK_MS,
    Charge,
)
from joytui.ledger.retention import KEYLESS_ROWS
from joytui.ledger.sql import sums_of_days
from joytui.ledger.sql.nodes import FIRST_NODE, spent_query
from joytui.ledger.sql.parts import DOCTOR, PARTS, PROGRAM, ROLLUP_SUMS, TABLES, Place, Table

NOTIFY_MS = 50
"""Between two notices to the gateways; what changes in between they find by looking again (`listener`)."""
STALE_MS = 1_000
"""How long after a change of keys a gateway may admit requests by what it knew before."""
REAPED = 500
"""Requests of dead gateways that are ended at once."""


class Functions(NamedTuple):
    """`write`: the name of the function that is called. `text`: what makes it, and those that it needs."""

    write: str
    text: str


_NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_WINDOWS = f"""('daily', at - at % {DAY_MS}), ('weekly', at - (at - {MONDAY_MS}) % {WEEK_MS}), ('total', 0)"""


def _spent(kind: str) -> str:
    return spent_query(kind, "node_name", "low_day", "high_day")


_CHARGE = ", ".join(f"{name} = c.{name}" for name in Charge._fields)

# --- money ------------------------------------------------------------------------------------------------------------

_MONEY = f"""
-- Whether a limit that a job asks for has no row in `budget` yet.
CREATE FUNCTION lacks_budget(job jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE limit_ jsonb;
BEGIN
    FOR limit_ IN SELECT value FROM jsonb_array_elements(job -> 'limits') LOOP
        PERFORM FROM budget b
        WHERE b.budget_id = limit_ ->> 0 AND b.period = limit_ ->> 1 AND b."window" = (limit_ ->> 3)::bigint;
        IF NOT FOUND THEN RETURN true; END IF;
    END LOOP;
    RETURN false;
END $$;

-- What a node has spent from one day on and before another, by the sums.
CREATE FUNCTION spent_of(node text, low_day bigint, high_day bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE kind text := split_part(node, ':', 1); node_name text := substr(node, strpos(node, ':') + 1);
BEGIN
    RETURN CASE kind
        {" ".join(f"WHEN '{kind}' THEN ({_spent(kind)})" for kind in KINDS if kind != "key")}
        ELSE ({_spent("key")})
    END;
END $$;

-- The rows that it lacks. All that was spent has to be in the sums.
CREATE FUNCTION make_budgets(job jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO budget
    SELECT w.budget_id, w.period, w.low, spent_of(w.budget_id, w.low / {DAY_MS}, w.high / {DAY_MS}), 0
    FROM (
        SELECT l ->> 0 AS budget_id, l ->> 1 AS period, (l ->> 3)::bigint AS low, (l ->> 4)::bigint AS high
        FROM jsonb_array_elements(job -> 'limits') l
    ) w
    WHERE NOT EXISTS (
        SELECT 1 FROM budget b WHERE b.budget_id = w.budget_id AND b.period = w.period AND b."window" = w.low
    )
$$;

CREATE FUNCTION enter(tier text, kind text, amount bigint, held bigint, n bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO wallet_entry (at, tier, kind, amount, held, n) VALUES ({_NOW}, $1, $2, $3, $4, $5);
END $$;

-- Holds this much more for a request. `most`: the limit that it was held under.
CREATE FUNCTION hold_more(n bigint, kind text, ref text, "window" bigint, amount bigint, lease_ms bigint, most bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF kind = 'wallet' THEN
        UPDATE wallet w SET held = w.held + hold_more.amount WHERE w.tier = ref;
        PERFORM enter(ref, 'freeze', 0, amount, n);
    ELSE
        UPDATE budget b SET held = b.held + hold_more.amount
        WHERE b.budget_id = ref AND b.period = kind AND b."window" = hold_more."window";
    END IF;
    INSERT INTO hold AS h VALUES (n, kind, ref, "window", amount, {_NOW} + lease_ms, most)
    ON CONFLICT ON CONSTRAINT hold_pkey DO UPDATE
    SET amount = h.amount + excluded.amount, lease_until = greatest(h.lease_until, excluded.lease_until), most = excluded.most;
END $$;

-- Why a wallet cannot hold this much: its balance and what is held; NULL where it can.
CREATE FUNCTION short_wallet(tier text, estimate bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE balance bigint; held bigint;
BEGIN
    SELECT coalesce(w.balance, 0), w.held INTO balance, held FROM wallet w WHERE w.tier = short_wallet.tier;
    balance := coalesce(balance, 0);
    held := coalesce(held, 0);
    IF balance - held > 0 AND balance - held >= estimate THEN RETURN NULL; END IF;
    RETURN jsonb_build_array(NULL, tier, balance, 0, held, estimate, NULL);
END $$;

-- The first candidate that can pay, as {{"chosen": place}}, or {{"short": […]}}; holds nothing yet.
CREATE FUNCTION choose(job jsonb, wallets boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    place int; estimate bigint; lack jsonb; short jsonb; limit_ jsonb; spent bigint; held bigint; most bigint;
BEGIN
    FOR place IN 0 .. jsonb_array_length(job -> 'candidates') - 1 LOOP
        estimate := (job #>> ARRAY['candidates', place::text, '1'])::bigint;
        FOR limit_ IN SELECT value FROM jsonb_array_elements(job -> 'limits') LOOP
            most := (limit_ ->> 2)::bigint;
            SELECT b.spent, b.held INTO STRICT spent, held FROM budget b
            WHERE b.budget_id = limit_ ->> 0 AND b.period = limit_ ->> 1 AND b."window" = (limit_ ->> 3)::bigint;
            IF spent + held >= most OR spent + held + estimate > most THEN
                RETURN jsonb_build_object('short', coalesce(
                    lack, jsonb_build_array(limit_ ->> 1, NULL, most, spent, held, estimate, limit_ ->> 0)
                ));
            END IF;
        END LOOP;
        IF NOT wallets THEN RETURN jsonb_build_object('chosen', place); END IF;
        short := short_wallet(job #>> ARRAY['candidates', place::text, '0'], estimate);
        IF short IS NULL THEN RETURN jsonb_build_object('chosen', place); END IF;
        lack := coalesce(lack, short);
    END LOOP;
    RETURN jsonb_build_object('short', lack);
END $$;

-- Why a candidate's estimate cannot be held, so many times over what is held already; NULL where it can.
CREATE FUNCTION lacks(job jsonb, candidate jsonb, times bigint, wallets boolean) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE limit_ jsonb; rest bigint; spent bigint; held bigint; most bigint;
BEGIN
    FOR limit_ IN SELECT value FROM jsonb_array_elements(job -> 'limits') LOOP
        most := (limit_ ->> 2)::bigint;
        rest := times * still_to_hold(job, candidate, limit_ ->> 1, limit_ ->> 0);
        SELECT b.spent, b.held INTO STRICT spent, held FROM budget b
        WHERE b.budget_id = limit_ ->> 0 AND b.period = limit_ ->> 1 AND b."window" = (limit_ ->> 3)::bigint;
        IF rest > 0 AND spent + held + rest > most THEN
            RETURN jsonb_build_array(limit_ ->> 1, NULL, most, spent, held, rest, limit_ ->> 0);
        END IF;
    END LOOP;
    rest := times * still_to_hold(job, candidate, 'wallet', NULL);
    RETURN CASE WHEN wallets AND rest > 0 THEN short_wallet(candidate ->> 0, rest) END;
END $$;

-- How much more than it holds already, in that window of a budget or on a wallet, a request has to hold for a candidate.
CREATE FUNCTION still_to_hold(job jsonb, candidate jsonb, of_kind text, of_ref text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE held bigint := 0;
BEGIN
    IF job ->> 'do' = 'extend' THEN
        SELECT coalesce(sum(h.amount), 0) INTO held FROM hold h
        WHERE h.n = (job ->> 'n')::bigint AND h.kind = of_kind AND h.ref = coalesce(of_ref, h.ref);
    END IF;
    RETURN greatest(0, (candidate ->> 1)::bigint - held);
END $$;

-- Gives back what a request holds; its wallet pays. `keep`: so that it can be held again (`revive`).
CREATE FUNCTION release(request bigint, cost bigint, keep boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE h hold; left_ bigint; paid bigint;
BEGIN
    FOR h IN DELETE FROM hold WHERE n = request RETURNING * LOOP
        IF h.kind = 'wallet' THEN
            UPDATE wallet w SET held = w.held - h.amount, balance = w.balance - cost WHERE w.tier = h.ref
            RETURNING w.balance INTO left_;
            paid := CASE WHEN left_ IS NULL THEN 0 ELSE cost END; -- the balance was taken away meanwhile
            PERFORM enter(h.ref, CASE WHEN paid != 0 THEN 'settle' ELSE 'release' END, -paid, -h.amount, request);
        ELSE
            UPDATE budget b SET held = b.held - h.amount
            WHERE b.budget_id = h.ref AND b.period = h.kind AND b."window" = h."window";
        END IF;
        IF keep THEN INSERT INTO lapsed_hold VALUES (h.*); END IF;
    END LOOP;
END $$;

-- The threshold of a limit that this cost has crossed; NULL: none.
CREATE FUNCTION crossed_of(spent bigint, cost bigint, most bigint) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT max(t) FROM unnest(ARRAY{list(THRESHOLDS)}) AS t
    WHERE spent::numeric * 100 >= t * most AND NOT (spent - cost)::numeric * 100 >= t * most
$$;

-- A limit of a policy in nano-credits, with what raises this node now; NULL where there is none.
CREATE FUNCTION most_of(named text, node_ text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    IF named IS NULL OR named !~ '^[0-9.eE+-]+$' THEN RETURN NULL; END IF;
    RETURN round(named::numeric * {NANO_PER_CREDIT}) + raise_of(node_);
END $$;

CREATE FUNCTION raise_of(node_ text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RETURN coalesce((SELECT r.amount FROM node_raise r WHERE r.node = node_ AND r.until > {_NOW}), 0);
END $$;

CREATE FUNCTION tell(counted_ text, subject_ text, team_ text, facts_ jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alert (id, at, kind, subject, team, facts) VALUES (
        'alert-' || left(encode(sha256(convert_to(concat_ws(
            E'\\x1f', 'budget', counted_, facts_ ->> 'period', facts_ ->> 'window', facts_ ->> 'limit', facts_ ->> 'threshold'
        ), 'UTF8')), 'hex'), 24),
        {_NOW}, 'budget', subject_, team_, facts_::text
    ) ON CONFLICT DO NOTHING;
END $$;

-- An alert where this cost has crossed a threshold of the key's limit (`sql.crossing` does the same for SQLite).
CREATE FUNCTION tell_crossed(budget text, period text, "window" bigint, spent bigint, cost bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE k record; most bigint; crossed int; team text;
BEGIN
    SELECT a.id, a.name, a.owner, a.policy INTO k FROM api_key a WHERE a.budget_id = budget ORDER BY a.created_at DESC, a.id DESC LIMIT 1;
    most := most_of(k.policy::jsonb ->> (period || '_limit'), 'key:' || budget);
    crossed := crossed_of(spent, cost, most);
    IF crossed IS NULL THEN RETURN; END IF;
    SELECT o.team INTO team FROM team_owner o WHERE o.owner = k.owner;
    PERFORM tell(budget, 'key:' || k.id, team, jsonb_build_object('name', k.name, 'owner', k.owner, 'period', period,
        'window', "window", 'limit', most, 'spent', spent, 'threshold', crossed));
END $$;

-- The same for a node that is no key. `asking`: the key that asked.
CREATE FUNCTION tell_node_crossed(node_ text, asking text, period_ text, "window" bigint, spent bigint, cost bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    kind_ text := split_part(node_, ':', 1); name_ text := substr(node_, strpos(node_, ':') + 1);
    most bigint; crossed int; owner_ text; team_ text;
BEGIN
    SELECT l.amount + raise_of(node_) INTO most FROM node_limit l WHERE l.node = node_ AND l.period = period_;
    IF most IS NULL AND kind_ = 'task' AND period_ = 'total' THEN
        SELECT most_of(k.policy::jsonb ->> 'per_task_limit', node_) INTO most FROM api_key k WHERE k.id = asking;
    END IF;
    crossed := crossed_of(spent, cost, most);
    IF crossed IS NULL THEN RETURN; END IF;
    owner_ := CASE kind_ WHEN 'owner' THEN name_ WHEN 'task' THEN (SELECT k.owner FROM api_key k WHERE k.id = asking) END;
    team_ := CASE kind_ WHEN 'team' THEN name_ ELSE (SELECT o.team FROM team_owner o WHERE o.owner = owner_) END;
    PERFORM tell(node_, node_, team_, jsonb_build_object('name', name_, 'owner', owner_, 'period', period_,
        'window', "window", 'limit', most, 'spent', spent, 'threshold', crossed));
END $$;

-- Charges all nodes that a request stands below now, in the windows in which it began. `key_budget`: its key's.
CREATE FUNCTION charge(r running, key_budget text, cost bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE nodes text[] := ARRAY[key_budget]; at bigint := r.started_at; w record;
BEGIN
    IF EXISTS (SELECT FROM budget b WHERE b.budget_id >= '{FIRST_NODE}') THEN
        SELECT nodes || ARRAY['{ORG}', 'task:' || r.root_thread, 'owner:' || k.owner, 'team:' || o.team] INTO nodes
        FROM (SELECT r.key_id) AS asks LEFT JOIN api_key k ON k.id = asks.key_id LEFT JOIN team_owner o ON o.owner = k.owner;
    END IF;
    FOR w IN
        UPDATE budget b SET spent = b.spent + cost
        WHERE b.budget_id = ANY (nodes) AND (b.period, b."window") IN (VALUES {_WINDOWS})
        RETURNING b.budget_id, b.period, b."window", b.spent
    LOOP
        IF w.budget_id = key_budget THEN
            PERFORM tell_crossed(key_budget, w.period, w."window", w.spent, cost);
        ELSE
            PERFORM tell_node_crossed(w.budget_id, r.key_id, w.period, w."window", w.spent, cost);
        END IF;
    END LOOP;
END $$;
"""

# --- sums -------------------------------------------------------------------------------------------------------------


def _sum_into(table: Table, rows: str) -> str:
    """Adds counted rows to a table of sums, in the order of its key."""
    place = ", ".join(table.place)
    sums = ", ".join(f"sum({name})" for name in table.sums)
    columns = f"{place}, {', '.join(table.sums)}"
    return f"INSERT INTO {table.name} ({columns}) SELECT {place}, {sums} FROM ({rows}) AS c GROUP BY {place} ORDER BY {place} {table.add}"


def _parts() -> str:
    """Where a counted row stands in each part, as rows of VALUES."""
    kept = [
        (part, [f"c.{name}" if name in columns else "''" for name in Place._fields]) for part, columns in PARTS.items()
    ]
    return ", ".join(f"('{part}', {', '.join(values)})" for part, values in kept)


def _rows_of(name: str) -> str:
    """The counted rows as a table of sums has them."""
    part, _, unit = name.partition("_")
    ms = HOUR_MS if unit == "hour" else DAY_MS
    sums = ", ".join(f"c.{column}" for column in TABLES[name].sums)
    place = ", ".join(Place._fields)
    if part == "rollup":
        return f"SELECT at / {ms} AS {unit}, c.* FROM unnest(done) AS c WHERE NOT test"
    return (
        f"SELECT p.*, c.at / {ms} AS {unit}, {sums} FROM unnest(done) AS c,"
        f" LATERAL (VALUES {_parts()}) AS p (part, {place}) WHERE NOT c.test"
        f" UNION ALL SELECT '{DOCTOR}', {place}, c.at / {ms}, {sums} FROM unnest(done) AS c WHERE c.test"
    )


def _sum_of_one(name: str) -> str:
    """Adds a single counted row, `sole`, to a table of sums: without a grouping, whose beginning costs more than its rows."""
    table = TABLES[name]
    kind, _, unit = name.partition("_")
    time = f"sole.at / {HOUR_MS if unit == 'hour' else DAY_MS}"
    sums = [f"sole.{column}" for column in table.sums]
    if kind == "rollup":
        rows = [[time, *(f"sole.{column}" for column in table.place[1:]), *sums]]
    else:
        kept = {
            part: [f"sole.{column}" if column in columns else "''" for column in Place._fields]
            for part, columns in sorted(PARTS.items())
        }
        rows = [[f"'{part}'", time, *place, *sums] for part, place in kept.items()]
    values = ", ".join(f"({', '.join(row)})" for row in rows)
    return f"INSERT INTO {name} ({', '.join((*table.place, *table.sums))}) VALUES {values} {table.add}"


def _latency_of_one(kind: str, bucket: str) -> str:
    return f"""IF sole.{bucket} IS NOT NULL THEN
            INSERT INTO latency_hour VALUES (sole.at / {HOUR_MS}, '{kind}', sole.{bucket}, sole.requests)
            ON CONFLICT (hour, kind, bucket) DO UPDATE SET requests = latency_hour.requests + excluded.requests;
        END IF"""


_PLACE = {
    "key_id": "coalesce(r.key_id, '')",
    "model": "coalesce(r.model_used, r.model, '')",
    "tier": "coalesce(r.tier, '')",
    "provider": "coalesce(r.provider, '')",
    "project": "coalesce(r.project, '')",
    "thread": "coalesce(r.thread_id, '')",
    "task": "coalesce(r.root_thread, '')",
    "repo": "coalesce(r.repo, '')",
    "commit_hash": "coalesce(r.commit_hash, '')",
    "client": PROGRAM,
}
"""Where a request counts, from its row."""
_ADD_UP = f"""
CREATE TYPE counted AS (
    at bigint, {", ".join(f"{name} text" for name in Place._fields)}, {", ".join(f"{name} bigint" for name in ROLLUP_SUMS)},
    test boolean, ttft bigint, took bigint
);

CREATE FUNCTION forget(day_ bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    {";".join(sums_of_days.FORGET).format(day="day_")};
END $$;

CREATE FUNCTION add_up(done counted[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE sole counted;
BEGIN
    -- What was made of their days is to be made again; hardly ever is anything.
    IF (SELECT min(c.at) FROM unnest(done) AS c) / {DAY_MS} < ({sums_of_days.KNOWN_UNTIL}) THEN
        PERFORM forget(o.day) FROM (SELECT DISTINCT c.at / {DAY_MS} AS day FROM unnest(done) AS c ORDER BY 1) AS o;
    END IF;
    IF cardinality(done) = 1 AND NOT done[1].test THEN
        sole := done[1];
        {"; ".join(map(_sum_of_one, TABLES))};
        {"; ".join(_latency_of_one(kind, bucket) for kind, bucket in (("total", "took"), ("ttft", "ttft")))};
        RETURN;
    END IF;
    {"; ".join(_sum_into(table, _rows_of(name)) for name, table in TABLES.items())};
    INSERT INTO latency_hour
    SELECT c.at / {HOUR_MS}, t.kind, t.bucket, sum(c.requests)
    FROM unnest(done) AS c, LATERAL (VALUES ('total', c.took), ('ttft', c.ttft)) AS t (kind, bucket)
    WHERE NOT c.test AND t.bucket IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (hour, kind, bucket) DO UPDATE SET requests = latency_hour.requests + excluded.requests;
END $$;

CREATE FUNCTION note_used(uses used[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE api_key k SET last_used_at = u.at
    FROM (SELECT DISTINCT ON (key_id) key_id, at FROM unnest(uses) WITH ORDINALITY AS x (key_id, client, at, place)
          ORDER BY key_id, place DESC) AS u WHERE k.id = u.key_id;
    INSERT INTO key_client
    SELECT key_id, client, (array_agg(at ORDER BY place DESC))[1], count(*)
    FROM unnest(uses) WITH ORDINALITY AS x (key_id, client, at, place) WHERE client != '' GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (key_id, client) DO UPDATE
    SET last_used_at = excluded.last_used_at, requests = key_client.requests + excluded.requests;
END $$;

-- What an ended request counts: `sign` 1, or -1 where it is taken back.
CREATE FUNCTION counts(r running, sign bigint, refused bigint, ttft bigint, took bigint) RETURNS counted LANGUAGE plpgsql AS $$
BEGIN
    RETURN ROW(
        r.started_at, {", ".join(_PLACE[name] for name in Place._fields)}, sign,
        CASE WHEN r.status >= 400 OR r.error_type IS NOT NULL THEN sign ELSE 0 END, refused, sign * r.input_tokens,
        sign * r.cached_input_tokens, sign * r.output_tokens, sign * r.reasoning_tokens, sign * r.cost_nano,
        r.doctor = 1, ttft, took
    )::counted;
END $$;
"""

# --- requests ---------------------------------------------------------------------------------------------------------

_SAME = " AND ".join(f"last_.{name} IS NOT DISTINCT FROM r.{name}" for name in (*REPEATED, "status", "error_type"))


def _attempt_in(table: str) -> str:
    """Adds an attempt to the row that it belongs to, if that is in this table."""
    return (
        f"UPDATE {table} x SET seen = x.seen + 1, attempts = greatest(x.attempts, x.seen + 1), error_message = r.error_message,"
        " latency_ms = took, seq = nextval('change') WHERE x.n = last_.n;"
    )


_REQUESTS = f"""
CREATE FUNCTION id_is_spent(job jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN job #>> '{{row,request_id}}' IS NOT NULL AND EXISTS (
        SELECT 1 FROM spent_id s
        WHERE s.key_id = job #>> '{{row,key_id}}' AND s.request_id = job #>> '{{row,request_id}}'
            AND (s.at <= (job #>> '{{row,started_at}}')::bigint - (job ->> 'ids_ms')::bigint) IS NOT TRUE
    );
END $$;

-- Why a task that a key's breaker watches may not ask now: "requests" or "turns", how many, and how many may be; NULL where it may.
CREATE FUNCTION runs_away(job jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE w jsonb := job -> 'watch'; most bigint; times bigint; items_ bigint := (w ->> 'items')::bigint; seen record;
BEGIN
    most := (w ->> 'per_minute')::bigint;
    IF most IS NOT NULL THEN
        SELECT count(*) INTO times FROM watched_turn t
        WHERE t.scope = w ->> 'scope' AND t.task = w ->> 'task' AND t.at > (job #>> '{{row,started_at}}')::bigint - {MINUTE_MS};
        IF times >= most THEN RETURN jsonb_build_array('requests', times + 1, most); END IF;
    END IF;
    most := (w ->> 'identical')::bigint;
    IF most IS NOT NULL AND w ->> 'digest' IS NOT NULL THEN
        times := 1;
        FOR seen IN
            SELECT t.digest, t.items FROM watched_turn t
            WHERE t.scope = w ->> 'scope' AND t.task = w ->> 'task' AND t.thread = w ->> 'thread' ORDER BY t.n DESC
            LIMIT most * {REPEATS}
        LOOP
            EXIT WHEN seen.digest IS DISTINCT FROM w ->> 'digest' OR times > most;
            IF seen.items != items_ THEN
                times := times + 1;
                items_ := seen.items;
            END IF;
        END LOOP;
        IF times > most THEN RETURN jsonb_build_array('turns', times, most); END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION note_turn(job jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE w jsonb := job -> 'watch';
BEGIN
    INSERT INTO watched_turn VALUES (
        (job ->> 'n')::bigint, w ->> 'scope', w ->> 'task', w ->> 'thread', (job #>> '{{row,started_at}}')::bigint, w ->> 'digest',
        (w ->> 'items')::bigint
    );
END $$;

-- Writes the row of an admitted request, on the model of this candidate.
CREATE FUNCTION admit(job jsonb, me text, place int) RETURNS used LANGUAGE plpgsql AS $$
DECLARE r running; candidate jsonb := job #> ARRAY['candidates', place::text];
BEGIN
    r := jsonb_populate_record(blank(), job -> 'row');
    r.seq := nextval('change');
    r.gateway := me;
    r.tier := candidate ->> 0;
    r.model_used := candidate ->> 2;
    r.provider := candidate ->> 3;
    INSERT INTO running VALUES (r.*);
    IF r.key_id IS NOT NULL AND r.request_id IS NOT NULL THEN
        INSERT INTO spent_id VALUES (r.key_id, r.request_id, r.started_at)
        ON CONFLICT (key_id, request_id) DO UPDATE SET at = excluded.at;
    END IF;
    RETURN CASE WHEN r.key_id IS NOT NULL AND r.doctor = 0 THEN ROW(r.key_id, r.client, r.started_at)::used END;
END $$;

CREATE FUNCTION hold_for(job jsonb, place int, wallets boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE limit_ jsonb; candidate jsonb := job #> ARRAY['candidates', place::text]; rest bigint;
BEGIN
    FOR limit_ IN SELECT value FROM jsonb_array_elements(job -> 'limits') LOOP
        PERFORM hold_more(
            (job ->> 'n')::bigint, limit_ ->> 1, limit_ ->> 0, (limit_ ->> 3)::bigint,
            still_to_hold(job, candidate, limit_ ->> 1, limit_ ->> 0), (job ->> 'lease')::bigint, (limit_ ->> 2)::bigint
        );
    END LOOP;
    rest := still_to_hold(job, candidate, 'wallet', NULL);
    IF wallets AND (rest > 0 OR NOT EXISTS (SELECT 1 FROM hold h WHERE h.n = (job ->> 'n')::bigint AND h.kind = 'wallet')) THEN
        PERFORM hold_more((job ->> 'n')::bigint, 'wallet', candidate ->> 0, 0, rest, (job ->> 'lease')::bigint, NULL);
    END IF;
END $$;

CREATE FUNCTION note_passed(rows_ jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE running r SET {_CHARGE}
    FROM jsonb_array_elements(rows_) AS p, jsonb_populate_record(NULL::running, p) AS c WHERE r.n = c.n;
END $$;

-- Ends a row that was taken out of `running`.
CREATE FUNCTION finish(INOUT r running, ended jsonb, budget text, held boolean, keep boolean) LANGUAGE plpgsql AS $$
BEGIN
    r := jsonb_populate_record(r, ended);
    r.seq := nextval('change');
    IF r.doctor = 1 AND r.output_tokens > {DOCTOR_OUTPUT} THEN r.doctor := 0; END IF;
    INSERT INTO ended VALUES (r.*);
    IF r.request_id IS NOT NULL AND r.status >= 400 AND r.status != 499 THEN
        DELETE FROM spent_id s WHERE s.key_id = coalesce(r.key_id, '') AND s.request_id = r.request_id;
    END IF;
    IF held THEN PERFORM release(r.n, r.cost_nano, keep); END IF;
    IF budget IS NOT NULL AND r.cost_nano != 0 THEN PERFORM charge(r, budget, r.cost_nano); END IF;
END $$;

-- "told" where Codex's telemetry told of this request's thread.
CREATE FUNCTION told_of(r running) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN EXISTS (SELECT 1 FROM piece p WHERE p.thread = r.thread_id) THEN '"told"'::jsonb END;
END $$;

-- Adds a refusal to the row of the one before, if it is the same one again (`sqlite.requests` does the same): that row's number;
-- else NULL.
CREATE FUNCTION another_attempt(r running, keyless_ boolean) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE last_ record; took double precision;
BEGIN
    IF r.thread_id IS NULL THEN RETURN NULL; END IF;
    SELECT q.* INTO last_ FROM request q
    WHERE q.thread_id = r.thread_id AND q.n > r.n - ({AGAIN_MOST_MS}::bigint << {COUNTER_BITS}) AND q.source = 'gateway'
    ORDER BY q.n DESC LIMIT 1;
    IF last_.n IS NULL OR last_.keyless != keyless_::int OR ({_SAME}) IS NOT TRUE
        OR r.started_at - last_.started_at - coalesce(last_.latency_ms, 0)
            > (CASE WHEN r.turn_id IS NULL THEN {AGAIN_TURNLESS_MS} ELSE {AGAIN_MS} END)
    THEN
        RETURN NULL;
    END IF;
    took := round((greatest(0, r.started_at - last_.started_at) + coalesce(r.latency_ms, 0))::numeric, 3);
    {" ".join(_attempt_in(table) for table in ("ended", "keyless"))}
    RETURN last_.n;
END $$;

-- Takes a request up again that was ended because its gateway had fallen silent: NULL where it was not, or where what it held
-- cannot be held any more. What it was charged then is taken back. `back` is what the sums lose.
CREATE FUNCTION revive(request bigint, me text, lease_ms bigint, OUT r running, OUT back counted) LANGUAGE plpgsql AS $$
DECLARE h hold; budget text;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM lapsed l WHERE l.n = request) THEN RETURN; END IF;
    SELECT * INTO r FROM ended e WHERE e.n = request;
    IF r.n IS NULL THEN RETURN; END IF;
    SELECT k.budget_id INTO budget FROM api_key k WHERE k.id = r.key_id;
    IF budget IS NOT NULL AND r.cost_nano != 0 THEN PERFORM charge(r, budget, -r.cost_nano); END IF;
    IF EXISTS (
        SELECT 1 FROM lapsed_hold l JOIN budget b ON b.budget_id = l.ref AND b.period = l.kind AND b."window" = l."window"
        WHERE l.n = request AND b.spent + b.held + l.amount > l.most
    ) OR EXISTS (
        SELECT 1 FROM lapsed_hold l JOIN wallet w ON w.tier = l.ref
        WHERE l.n = request AND l.kind = 'wallet' AND w.balance + r.cost_nano - w.held < l.amount
    ) THEN
        IF budget IS NOT NULL AND r.cost_nano != 0 THEN PERFORM charge(r, budget, r.cost_nano); END IF;
        r := NULL;
        RETURN;
    END IF;
    FOR h IN DELETE FROM lapsed_hold l WHERE l.n = request RETURNING * LOOP
        IF h.kind = 'wallet' AND r.cost_nano != 0 THEN
            UPDATE wallet w SET balance = w.balance + r.cost_nano WHERE w.tier = h.ref AND w.balance IS NOT NULL;
            IF FOUND THEN PERFORM enter(h.ref, 'settle', r.cost_nano, 0, request); END IF;
        END IF;
        PERFORM hold_more(request, h.kind, h.ref, h."window", h.amount, lease_ms, h.most);
    END LOOP;
    DELETE FROM lapsed l WHERE l.n = request;
    DELETE FROM ended e WHERE e.n = request;
    back := counts(r, -1, 0, NULL, NULL);
    r.status := NULL;
    r.error_type := NULL;
    r.error_message := NULL;
    r.cause := NULL;
    r.notes := concat_ws('; ', r.notes, 'ended as interrupted while its gateway was away; this is its true end');
    r.seq := nextval('change');
    r.gateway := me;
    INSERT INTO running VALUES (r.*);
    IF r.request_id IS NOT NULL AND r.key_id IS NOT NULL THEN
        INSERT INTO spent_id VALUES (r.key_id, r.request_id, r.started_at) ON CONFLICT DO NOTHING;
    END IF;
END $$;

-- A row that was admitted although its gateway never heard so, and said that it was not: as if it had not been.
CREATE FUNCTION disown(requests bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE r running;
BEGIN
    FOR r IN DELETE FROM running x WHERE x.n = ANY (requests) RETURNING * LOOP
        PERFORM release(r.n, 0, false);
        DELETE FROM spent_id s WHERE s.key_id = r.key_id AND s.request_id = r.request_id;
        DELETE FROM watched_turn t WHERE t.n = r.n;
    END LOOP;
END $$;

-- Which gateways are dead: they went, or nobody heard of them for their lease, while the server was up, and answered.
CREATE FUNCTION dead_gateways(now_ bigint, lease_ms bigint, judges boolean) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT g.id FROM gateway g WHERE g.gone OR (
        judges AND g.lease_until < now_ AND (extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint + lease_ms < now_
    )
$$;

-- A gateway is alive, and these requests of it run. Ends what dead gateways left, and gives back holds that nobody renews:
-- how many requests lost theirs, and which rows were ended.
CREATE FUNCTION renew(job jsonb, me text, OUT known boolean, OUT lost bigint, OUT over running[]) LANGUAGE plpgsql AS $$
DECLARE
    now_ bigint := {_NOW}; lease_ms bigint := (job ->> 'lease')::bigint; r running; stray bigint; budget text;
    -- A call that a server had in hand when it stopped answering is done when it goes on, and then all are late.
    judges boolean := (job ->> 'judges')::boolean AND NOT EXISTS (
        SELECT 1 FROM gateway g WHERE g.id = me AND now_ - g.heartbeat > lease_ms * 2 / 3
    );
BEGIN
    UPDATE gateway g SET heartbeat = now_, lease_until = now_ + lease_ms, gone = false WHERE g.id = me;
    known := FOUND;
    UPDATE hold h SET lease_until = now_ + lease_ms
    FROM jsonb_array_elements_text(job -> 'running') AS x WHERE h.n = x::bigint;
    lost := 0;
    over := '{{}}';
    FOR r IN
        DELETE FROM running x WHERE x.n IN (
            SELECT y.n FROM running y WHERE y.gateway != me AND (
                y.gateway IN (SELECT dead_gateways(now_, lease_ms, judges)) OR NOT EXISTS (SELECT 1 FROM gateway g WHERE g.id = y.gateway)
            ) ORDER BY y.n LIMIT {REAPED}
        ) RETURNING *
    LOOP
        SELECT k.budget_id INTO budget FROM api_key k WHERE k.id = r.key_id;
        INSERT INTO lapsed VALUES (r.n, now_) ON CONFLICT (n) DO NOTHING;
        r := finish(r, (job -> 'why') || jsonb_build_object('error_message', CASE
            WHEN r.cost_nano != 0 THEN job ->> 'charged' ELSE job ->> 'nothing' END), budget, true, true);
        over := over || r;
    END LOOP;
    FOR stray IN
        SELECT DISTINCT h.n FROM hold h LEFT JOIN running x ON x.n = h.n
        WHERE h.lease_until < now_ AND (x.n IS NULL OR x.gateway = me)
    LOOP
        PERFORM release(stray, 0, false);
        lost := lost + 1;
    END LOOP;
    DELETE FROM lapsed_hold WHERE n IN (SELECT l.n FROM lapsed l WHERE l.at < now_ - {DAY_MS});
    DELETE FROM lapsed l WHERE l.at < now_ - {DAY_MS};
    DELETE FROM gateway g WHERE (g.gone OR g.lease_until < now_ - {DAY_MS}) AND NOT EXISTS (SELECT 1 FROM running x WHERE x.gateway = g.id);
END $$;
"""

# --- all of them ------------------------------------------------------------------------------------------------------

_WRITE = f"""
CREATE FUNCTION write(jobs jsonb, me text, known bigint) RETURNS jsonb LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$ -- one plan for all: how many rows an array has changes nothing
DECLARE
    before_ bigint; newest bigint; wallets boolean; version_ bigint; stale boolean; job jsonb; answer jsonb;
    answers jsonb[] := '{{}}'; done counted[] := '{{}}'; uses used[] := '{{}}'; use_ used; revived record; r running; first_ bigint;
    place int; ended_ jsonb; strangers boolean := false; renewed record; now_ bigint := {_NOW}; told bigint;
BEGIN
    SELECT t.seq, t.notified_at INTO STRICT before_, told FROM turn t FOR UPDATE;
    wallets := EXISTS (SELECT 1 FROM wallet w WHERE w.balance IS NOT NULL);
    SELECT a.version, known IS DISTINCT FROM NULL AND a.version != known AND a.changed_at < now_ - {STALE_MS}
    INTO STRICT version_, stale FROM access a;
    newest := before_;
    FOR job IN SELECT value FROM jsonb_array_elements(jobs) LOOP
        answer := NULL;
        IF job ? 'limits' AND lacks_budget(job) THEN
            IF cardinality(done) > 0 THEN PERFORM add_up(done); END IF;
            done := '{{}}';
            PERFORM make_budgets(job);
        END IF;
        CASE job ->> 'do'
        WHEN 'open', 'reserve' THEN
            IF stale THEN
                answer := '{{"stale": true}}';
            ELSIF id_is_spent(job) THEN
                answer := '{{"spent": true}}';
            ELSE
                answer := CASE WHEN job ? 'watch' THEN jsonb_build_object('runaway', runs_away(job)) END;
                IF answer -> 'runaway' = 'null' THEN answer := NULL; END IF;
                IF answer IS NULL THEN
                    answer := CASE job ->> 'do' WHEN 'open' THEN '{{"chosen": 0}}' ELSE choose(job, wallets) END;
                END IF;
                IF answer ? 'chosen' THEN
                    IF job ? 'watch' THEN PERFORM note_turn(job); END IF;
                    place := (answer ->> 'chosen')::int;
                    use_ := admit(job, me, place);
                    IF use_.key_id IS NOT NULL THEN uses := uses || use_; END IF;
                    IF job ->> 'do' = 'reserve' THEN PERFORM hold_for(job, place, wallets); END IF;
                END IF;
            END IF;
        WHEN 'extend' THEN
            r := NULL;
            SELECT * INTO r FROM running x WHERE x.n = (job ->> 'n')::bigint;
            IF r.n IS NULL THEN
                SELECT v.* INTO revived FROM revive((job ->> 'n')::bigint, me, (job ->> 'lease')::bigint) v;
                r := revived.r;
                IF r.n IS NOT NULL THEN done := done || revived.back; END IF;
            END IF;
            place := jsonb_array_length(job -> 'candidates') - 1;
            answer := jsonb_build_object('chosen', place);
            IF r.n IS NOT NULL THEN
                PERFORM note_passed(jsonb_build_array(job -> 'charge'));
                FOR i IN 0 .. place - 1 LOOP
                    IF lacks(job, job #> ARRAY['candidates', i::text], {PLENTY}, wallets) IS NULL THEN
                        place := i;
                        EXIT;
                    END IF;
                END LOOP;
                answer := jsonb_build_object('chosen', place);
                IF place = jsonb_array_length(job -> 'candidates') - 1 THEN
                    answer := jsonb_build_object('short', lacks(job, job #> ARRAY['candidates', place::text], 1, wallets));
                    IF answer -> 'short' = 'null' THEN answer := jsonb_build_object('chosen', place); END IF;
                END IF;
                IF answer ? 'chosen' THEN PERFORM hold_for(job, place, wallets); END IF;
            END IF;
        WHEN 'passed' THEN
            PERFORM note_passed(job -> 'rows');
        WHEN 'end' THEN
            r := NULL;
            ended_ := job -> 'ended';
            DELETE FROM running x WHERE x.n = (job ->> 'n')::bigint RETURNING * INTO r;
            IF r.n IS NULL THEN
                SELECT v.* INTO revived FROM revive((job ->> 'n')::bigint, me, 0) v;
                r := revived.r;
                IF r.n IS NOT NULL THEN
                    done := done || revived.back;
                    job := job || '{{"held": true}}';
                    DELETE FROM running x WHERE x.n = r.n;
                END IF;
            END IF;
            IF r.n IS NOT NULL THEN
                IF r.notes IS NOT NULL THEN
                    ended_ := ended_ || jsonb_build_object('notes', concat_ws('; ', ended_ ->> 'notes', r.notes));
                END IF;
                place := r.doctor;
                r := finish(r, ended_, job ->> 'budget', (job ->> 'held')::boolean, false);
                IF place = 1 AND r.doctor = 0 AND r.key_id IS NOT NULL THEN
                    uses := uses || ROW(r.key_id, r.client, r.started_at)::used;
                END IF;
                done := done || counts(r, 1, 0, (job ->> 'ttft')::bigint, (job ->> 'took')::bigint);
                answer := told_of(r);
            END IF;
        WHEN 'refuse' THEN
            r := jsonb_populate_record(blank(), (job -> 'row') || (job -> 'ended'));
            first_ := another_attempt(r, (job ->> 'keyless')::boolean);
            answer := jsonb_build_object('kept', coalesce(first_, r.n));
            IF first_ IS NULL THEN
                r.seq := nextval('change');
                r.gateway := me;
                IF (job ->> 'keyless')::boolean THEN
                    INSERT INTO keyless VALUES (r.*);
                    strangers := true;
                ELSE
                    INSERT INTO ended VALUES (r.*);
                END IF;
            END IF;
            IF r.key_id IS NOT NULL AND r.doctor = 0 THEN
                uses := uses || ROW(r.key_id, CASE WHEN (job ->> 'keyless')::boolean THEN NULL ELSE r.client END, r.started_at)::used;
            END IF;
            IF (job ->> 'keyless')::boolean THEN
                r := jsonb_populate_record(r, job -> 'blank');
            ELSIF told_of(r) IS NOT NULL THEN
                answer := answer || '{{"told": true}}';
            END IF;
            done := done || counts(r, 1, 1, (job ->> 'ttft')::bigint, NULL);
        WHEN 'answered' THEN
            answer := to_jsonb(EXISTS (
                SELECT 1 FROM ended e WHERE e.upstream_id = job ->> 'upstream_id' AND e.key_id = job ->> 'key_id'
            ));
        WHEN 'disown' THEN
            PERFORM disown(ARRAY(SELECT x::bigint FROM jsonb_array_elements_text(job -> 'rows') AS x));
        WHEN 'renew' THEN
            SELECT v.* INTO renewed FROM renew(job, me) v;
            FOREACH r IN ARRAY renewed.over LOOP
                done := done || counts(r, 1, 0, NULL, NULL);
            END LOOP;
            answer := jsonb_build_object('known', renewed.known, 'lost', renewed.lost, 'ended', cardinality(renewed.over));
        WHEN 'nothing' THEN
            NULL;
        END CASE;
        answers := answers || coalesce(answer, 'null'::jsonb);
    END LOOP;
    IF cardinality(done) > 0 THEN PERFORM add_up(done); END IF;
    IF cardinality(uses) > 0 THEN PERFORM note_used(uses); END IF;
    IF strangers THEN
        DELETE FROM keyless WHERE n IN (SELECT n FROM keyless ORDER BY n DESC OFFSET {KEYLESS_ROWS});
    END IF;
    SELECT last_value INTO newest FROM change WHERE is_called;
    IF newest > before_ THEN
        UPDATE turn SET seq = newest, notified_at = CASE WHEN now_ - told >= {NOTIFY_MS} THEN now_ ELSE told END;
        IF now_ - told >= {NOTIFY_MS} OR now_ < told THEN PERFORM pg_notify('joytui:' || current_schema(), 'requests'); END IF;
    END IF;
    RETURN jsonb_build_object('answers', to_jsonb(answers), 'version', version_);
END $$;
"""


def _named(text: str) -> Functions:
    """The functions under names of their own."""
    made = re.findall(r"CREATE FUNCTION (\w+)", text)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    text = re.sub(r"\bcounted\b", f"counted_{digest}", text)
    for name in made:
        text = re.sub(rf"\b{name}\(", f"{name}_{digest}(", text)
        text = re.sub(rf"\b{name}\.(?=\w|\")", f"{name}_{digest}.", text)
    return Functions(f"write_{digest}", text)


FUNCTIONS = _named("".join((_MONEY, _ADD_UP, _REQUESTS, _WRITE)))
