"""Codex's files against the gateway's records: every difference has its kind and its explanation."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from joytui.codex.rollouts import Entry
from joytui.core.clock import rfc3339
from joytui.core.request import RequestRecord
from joytui.usage.reconcile import reconcile

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
MS = int(AT.timestamp() * 1000)
RECORD = RequestRecord(
    id="req_0",
    time=rfc3339(AT),
    key="dev",
    key_id="key_1",
    model="auto",
    model_used="auto",
    provider="offline",
    tier="standard",
    endpoint="/openai/v1/responses",
    status=200,
    error_type=None,
    error_message=None,
    cause=None,
    input_tokens=100,
    cached_input_tokens=40,
    output_tokens=7,
    reasoning_tokens=3,
    cost_nano=5,
    cost_source="estimated",
    ttft_ms=10.0,
    latency_ms=500.0,
    stream=True,
    request_id="abc",
    upstream_id="resp_1",
    thread_id="t1",
    client="codex_exec/0.169.0",
    ip="127.0.0.1",
)
ENTRY = Entry(MS + 400, "t1", "resp_1", "turn1", "joytoken", "auto", "/a", 100, 40, 7, 3, "r")
FAILED = ENTRY._replace(ms=MS + 6500, response=None, input=0, cached=0, output=0, reasoning=0, source="e")


def refused(number: int, status: int = 402, **changes: object) -> RequestRecord:
    base = replace(RECORD, id=f"req_{number}", time=rfc3339(AT + timedelta(seconds=number)), status=status)
    counts = {"input_tokens": 0, "cached_input_tokens": 0, "output_tokens": 0, "reasoning_tokens": 0}
    return replace(base, upstream_id=None, error_type="insufficient_quota", **{**counts, **changes})  # type: ignore[arg-type]


def test_both_agree() -> None:
    found = reconcile([ENTRY], [RECORD])
    assert (found.matched, found.differences) == (1, ())
    assert found.codex_tokens == found.gateway_tokens == (100, 40, 7, 3)


def test_an_older_codex_has_no_response_ids() -> None:
    old = ENTRY._replace(response=None, source="c")
    assert (
        reconcile([old, old._replace(ms=MS + 90_000)], [RECORD, replace(RECORD, id="req_2", upstream_id=None)]).matched
        == 2
    )
    far = reconcile([old._replace(ms=MS + 3_600_000)], [RECORD])
    assert [difference.kind for difference in far.differences] == ["unknown-to-codex", "unrecorded"]


def test_went_elsewhere() -> None:
    other = ENTRY._replace(response="resp_9", provider="openai", input=999, ms=MS + 60_000)
    (difference,) = reconcile([ENTRY, other], [RECORD]).differences
    assert difference.kind == "elsewhere"
    assert "provider `openai`" in difference.explanation
    assert difference.codex == (999, 40, 7, 3)


def test_tokens_differ() -> None:
    (difference,) = reconcile([ENTRY], [replace(RECORD, input_tokens=120, cost_source="upstream")]).differences
    assert difference.kind == "tokens-differ"
    assert difference.explanation.startswith("Codex / gateway: input_tokens 100 / 120; ")
    assert difference.requests == ("req_0",)
    gone = replace(RECORD, status=499, output_tokens=3, error_type="client_closed")
    (difference,) = reconcile([ENTRY], [gone]).differences
    assert "the client disconnected" in difference.explanation


def test_a_failed_turn_holds_all_its_retries() -> None:
    found = reconcile([FAILED], [refused(n) for n in range(6)])
    (difference,) = found.differences
    assert difference.kind == "retried"
    assert len(difference.requests) == 6
    assert "6 requests" in difference.explanation
    assert "HTTP 402 (insufficient_quota)" in difference.explanation


def test_a_failed_turn_that_reached_nobody() -> None:
    (difference,) = reconcile([FAILED], []).differences
    assert difference.kind == "failed-before"
    elsewhere = FAILED._replace(provider="openai")
    kinds = {one.kind for one in reconcile([ENTRY, elsewhere], [RECORD]).differences}
    assert kinds == {"elsewhere"}


def test_requests_that_codex_does_not_know() -> None:
    title = replace(RECORD, id="req_2", upstream_id="resp_2", thread_id="t-title", client="codex-tui/0.169.0")
    curl = replace(RECORD, id="req_3", upstream_id="resp_3", thread_id=None, client="curl/8", input_tokens=9)
    broken = replace(RECORD, id="req_4", upstream_id="resp_4", input_tokens=8)
    chat = replace(title, id="req_6", endpoint="/openai/v1/chat/completions", thread_id=None)
    running = replace(RECORD, id="req_5", status=None)
    found = reconcile([ENTRY], [RECORD, title, curl, broken, running, chat])
    why = {one.requests[0]: one.explanation for one in found.differences}
    assert set(why) == {"req_2", "req_3", "req_4", "req_6"}
    assert "title of a new session" in why["req_2"]
    assert why["req_3"] == "not sent by Codex, but by curl/8"
    assert "noted no usage" in why["req_4"]
    assert "over Chat Completions" in why["req_6"]


def test_an_upstream_that_repeats_its_ids() -> None:
    """Some upstreams give every response the same id: thread and time keep them apart."""
    threads = ["t1", "t2", "t3"]
    entries = [ENTRY._replace(thread=t, input=n, ms=MS + 1000 * n) for n, t in enumerate(threads, 1)]
    records = [replace(RECORD, id=t, thread_id=t, input_tokens=n) for n, t in enumerate(threads, 1)]
    assert reconcile(entries, reversed(records)).differences == ()


def test_unrecorded_says_why() -> None:
    before = ENTRY._replace(response="resp_0", ms=MS - 60_000, input=1)
    found = reconcile([before], [RECORD], ["joytoken"])
    (difference,) = [one for one in found.differences if one.kind == "unrecorded"]
    assert "older than the gateway's first record" in difference.explanation


@given(
    entries=st.lists(
        st.builds(
            lambda n, t, r, p, s: ENTRY._replace(ms=MS + n, thread=t, response=r, provider=p, source=s, input=n),
            st.integers(0, 3),
            st.sampled_from(["t1", "t2"]),
            st.sampled_from([None, "resp_1", "resp_2"]),
            st.sampled_from(["joytoken", "openai", None]),
            st.sampled_from(["r", "c", "e"]),
        ),
        max_size=8,
    ),
    records=st.lists(
        st.builds(
            lambda n, t, r, s: replace(RECORD, id=f"req_{n}", thread_id=t, upstream_id=r, status=s, input_tokens=n),
            st.integers(0, 3),
            st.sampled_from(["t1", "t2", None]),
            st.sampled_from([None, "resp_1", "resp_2"]),
            st.sampled_from([200, 402, 499]),
        ),
        max_size=8,
    ),
)
def test_nothing_is_lost_and_everything_is_explained(entries: list[Entry], records: list[RequestRecord]) -> None:
    found = reconcile(entries, records)
    noted = found.matched + sum(one.codex is not None for one in found.differences)
    assert noted == len(entries)
    assert found.matched + sum(len(one.requests) for one in found.differences) == len(records)
    assert all(one.explanation for one in found.differences)


def test_what_telemetry_told_otherwise_is_a_difference_and_what_no_gateway_saw_is_none() -> None:
    one = replace(RECORD, differs="input_tokens 77, output_tokens 8", sources=("gateway", "telemetry"))
    alone = replace(RECORD, id="codex-t-1", source="telemetry", sources=("telemetry",))
    found = reconcile([], [one, alone])
    told = [each for each in found.differences if each.kind == "telemetry-differs"]
    assert [(each.codex.input, each.codex.output, each.codex.cached, each.requests) for each in told if each.codex] == [
        (77, 8, one.cached_input_tokens, (one.id,))
    ]
    assert "input_tokens 77" in told[0].explanation
    assert {name for each in found.differences for name in each.requests} == {one.id}
