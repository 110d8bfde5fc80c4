"""The filter language means the same in SQL and over columns, for any filter over any rows."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from joytui.core.clock import now_ms
from joytui.core.filter_meaning import predicate
from joytui.core.filters import parse
from joytui.gateway.telemetry.pieces import pieces
from joytui.ledger.records import Page
from joytui.ledger.sql import reads, telemetry
from joytui.ledger.sqlite.engine import SqliteLedger
from joytui.tui.logs.select import matching
from joytui.tui.logs.store import LogStore
from tests.ledger.filling import START, add, new_key
from tests.support.examples import examples
from tests.support.log_rows import block_of_records
from tests.telemetry.otlp import attempt, done, plain

ROWS = [
    {"status": 200, "model": "auto", "model_used": "gpt-5.5", "cost_nano": 5 * 10**8, "input_tokens": 1200, "ttft_ms": 80.5},
    {"status": 403, "model": "GPT_5", "error_type": "policy_rejected", "error_message": "IP 10.0.0.1 100% not_allowed", "cause": "policy-rejected"},
    {"status": 402, "model": None, "error_type": "insufficient_quota", "cause": "insufficient-quota", "stream": False, "ip": "10.0.0.1"},
    {"status": 499, "model": "Ärger*?", "client": "codex/1 (Linux)", "thread_id": "t-1", "cost_source": "estimated",
     "root_thread": "t-1", "subagent": "review", "commit_hash": "c1", "dirty": True, "repo": "host/app"},
    {"status": 200, "model": "a\\b", "provider": "open%ai", "tier": "premium", "request_id": "mine-1", "upstream_id": "up_1", "latency_ms": 2500.0},
]  # fmt: skip
TOLD = list(
    pieces(
        plain(
            [
                attempt(0, None),
                attempt(100, None, "t2"),
                attempt(110, thread="t2"),
                attempt(200, 402, "t3"),
                attempt(300, thread="t4"),
                done(320, thread="t4"),
            ]
        ),
        now_ms(),
    )
)
"""What telemetry alone tells: nobody answered; nobody did at first, and an answer still comes; a refusal; a good answer."""
WORDS = [
    "status:4xx", "status:403", "status>=400", "is:error", "is:refused", "is:running", "is:stream", "is:estimated",
    "model:auto", "model:gpt*", "model:g?t*", "asked:GPT_5", "used:gpt-5.5", "model:*_5", "model:a\\b", "model:Ä*", "key:dev",
    "key:d*", "key:other,dev", "type:policy_*", "cause:insufficient-quota", "cost>0.4", "cost>=0.5", "cost<0.5", "tokens>1k",
    "ttft>80ms", "latency>2s", "latency<=10", "thread:t-1", "client:codex*", "ip:10.0.0.1", "id:mine-1", "id:up_*", "id:req-*",
    "provider:open%ai", "tier:premium", "not_allowed", "100%", "codex", "ärger", '"not_allowed"', "since:2026-11-23T00:00:02Z",
    "until:2026-11-23T00:00:03Z", "endpoint:*responses", "nothing-has-this",
    "label:web", "label:night_*", "label:w*t", "label:?eb", "label:shift", "branch:main", 'label:"a b"', "task:t-1", "task:t*", "is:subagent", "is:dirty", "source:telemetry", "type:no_answer", "owner:ann",
    "commit:c1", "repo:host/*",
]  # fmt: skip


def fill(ledger: SqliteLedger) -> None:
    key = new_key(ledger, labels=("Web", "night_shift", "a b"))
    for second, fields in enumerate(ROWS):
        add(ledger, START + second * 1000, key if second % 2 else None, **fields)
    sender = ledger.write_now(telemetry.create_sender, "ann-laptop", b"s", "ann", "core")
    ledger.write_now(telemetry.tell, sender.id, TOLD, [ledger.next_number() for _ in TOLD])


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.booleans(), st.sampled_from(WORDS)), max_size=4))
def test_sql_and_masks_find_the_same(ledger: SqliteLedger, words: list[tuple[bool, str]]) -> None:
    if not ledger.read_now(reads.last_seq):
        fill(ledger)
    term = parse(" ".join(("-" if negated else "") + word for negated, word in words))
    every = [record for _, record in ledger.read_now(reads.page, Page(100))]
    assert len(every) == len(ROWS) + len({piece.thread for piece in TOLD})
    test = predicate(term)
    found = [record for _, record in ledger.read_now(reads.page, Page(100, term))]
    assert [record.id for record in found] == [record.id for record in every if test(record)]
    store = LogStore()
    store.append_block(block_of_records(reversed(every)))
    assert [store.record(row).id for row in reversed(matching(term, store))] == [record.id for record in found]


def test_the_own_id_finds_by_the_primary_key(ledger: SqliteLedger) -> None:
    fill(ledger)
    _, newest = ledger.read_now(reads.page, Page(1))[0]
    found = ledger.read_now(reads.page, Page(10, parse(f"id:{newest.id}")))
    assert [record for _, record in found] == [newest]
