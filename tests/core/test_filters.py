"""The filter language: what each form means on a record, and where its errors point."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.core.filter_meaning import predicate
from joytui.core.filters import OPERATORS, TEXT_COLUMNS, AllOf, FilterError, Not, help_lines, parse
from joytui.core.request import RequestRecord

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

REFUSED = RequestRecord(
    id="req-1",
    time="2026-11-23T11:30:00.000Z",
    key="dev-Ada",
    key_id="key-1",
    model="auto",
    model_used="gpt-5.5",
    provider="offline",
    tier="standard",
    endpoint="/openai/v1/responses",
    status=403,
    error_type="policy_rejected",
    error_message="requested tier is not allowed",
    cause="tier-denied",
    input_tokens=4000,
    cached_input_tokens=1000,
    output_tokens=1000,
    reasoning_tokens=10,
    cost_nano=500_000_001,
    cost_source="estimated",
    ttft_ms=None,
    latency_ms=1500.0,
    stream=True,
    request_id="abc_100%",
    upstream_id=None,
    thread_id="0199-thread",
    client="codex_exec/0.169.0",
    ip="127.0.0.1",
)


def found(text: str, record: RequestRecord = REFUSED) -> bool:
    return predicate(parse(text, at=AT))(record)


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "status:403", "status:4xx", "status:4XX", "status>=400", "status<404", "status:401,403",
        "key:dev-*", "KEY:DEV-ada", "key:dev-?da", "key=dev-ada", "key:x,dev-*", "model:auto", "model:gpt-5.5",
        "used:gpt*", "cost>0.5", "cost>=0.500000001", "tokens:5k", "tokens>4.9k", "input<=4000", "cached:1000",
        "latency>1s", "latency:1500", "latency<1501ms", "since:1h", "since:2026-11-23T11:30:00Z",
        "until:2026-11-23T11:30:01Z", "is:error", "is:refused", "is:stream", "is:estimated", "-is:running",
        "tier", "TIER IS", '"tier is not"', "-nothing", '-"no such text"', "-ttft>1s", "-ttft<1s", "-provider:x",
        'key:"dev-ada"', "abc_100%", "thread:0199*", "id:abc*", "ip:127.*", "client:codex*", "cause:tier-denied",
    ],
)  # fmt: skip
def test_finds(text: str) -> None:
    assert found(text)


@pytest.mark.parametrize(
    "text",
    [
        "ttft", "status:402", "status:5xx", "status>403", "key:dev", "key:ada", "-key:dev-*", "model:gpt", "asked:gpt-5.5",
        "cost>0.6", "cost>0.500000001", "tokens>5k", "ttft>0", "ttft<9s", "since:10m", "until:1h", "is:running",
        '"is tier"', "abc_1000", "abcx100", "provider:*x", "-status:4xx", "status:403 key:ci-*", "id:req-2,req-3",
    ],
)  # fmt: skip
def test_does_not_find(text: str) -> None:
    assert not found(text)


@pytest.mark.parametrize(
    ("text", "position", "hint"),
    [
        ("colour:red", 0, "fields: status"),
        ("key:a stats:4xx", 6, "did you mean status:"),
        ('key:a "open', 6, "close it"),
        ("key:", 4, "GLOB"),
        ("status:401,,403", 11, "status"),
        ("status:9xx", 7, "403, 4xx"),
        ("status:40", 7, "403, 4xx"),
        ("cost>much", 5, "amount of credits"),
        ("cost>-1", 5, "amount of credits"),
        ("latency>2h", 8, "800ms"),
        ("tokens>1e9", 7, "number of tokens"),
        ("since:tomorrow", 6, "30m"),
        ("is:blue", 3, "error, refused"),
        ("key>a", 3, "key:GLOB"),
        ("a - b", 3, "a word"),
        ("a " * 31, 60, "shorter"),
        (f"key:{',' * 200}", 0, "shorter"),
        ("a" * 4001, 4000, "shorter"),
    ],
)
def test_error_says_where_and_what_to_do(text: str, position: int, hint: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text, at=AT)
    assert caught.value.position == position
    assert hint in (caught.value.hint or "")
    assert caught.value.where == f"filter, column {position + 1}"
    assert caught.value.exit_code == 2


def test_help_comes_from_the_operators() -> None:
    forms = dict(help_lines())
    for operator in OPERATORS:
        assert forms[operator.form] == operator.help


def test_quoted_text_is_no_field() -> None:
    assert not found('"status:403"')
    assert found('"/openai/v1/responses"')


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused_with_its_place(text: str) -> None:
    position = None
    try:
        predicate(parse(text, at=AT))(REFUSED)
    except FilterError as error:
        position = error.position
    assert position is None or 0 <= position <= len(text)


@given(st.sampled_from(["status:4xx", "key:dev-*", "cost>0.5", "ttft>1s", "since:1h", "words", "is:error", "ttft<1s"]))
def test_a_term_or_its_opposite_always_holds(text: str) -> None:
    assert found(text) is not found(f"-{text}")
    assert parse(f"-{text}", at=AT) == AllOf((Not(parse(text, at=AT).terms[0]),))


@given(
    st.sampled_from(TEXT_COLUMNS),
    st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters='"'), min_size=1),
)
def test_text_in_quotes_is_found_wherever_it_stands(column: str, text: str) -> None:
    from dataclasses import replace

    assert found(f'"{text}"', replace(REFUSED, **{column: f"before {text} after"}))
