"""Codex's events become requests: each outcome that was observed, both encodings, any order and any part of them."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from joytui.causes import CAUSES
from joytui.core.clock import now_ms
from joytui.gateway.telemetry.otlp import JSON, PROTOBUF, records
from joytui.gateway.telemetry.pieces import pieces
from joytui.ledger.telemetry import Piece, Seen, Told, facts, matches, piece_of, requests_of
from tests.telemetry.otlp import BINARY, OUTCOMES, SENT_MS, as_json, attempt, done, plain, record


def told(rows: list[dict[str, Any]], at: int | None = None) -> list[Told]:
    return requests_of(pieces(plain(rows), at or now_ms()))


WANTED = {
    "healthy": [(200, 1, 100, 7, None, True)],
    "tool_call": [(200, 1, 100, 7, None, True), (200, 1, 100, 7, None, True)],
    "404_model": [(404, 1, 0, 0, "responses-unsupported", False)],
    "429": [(429, 1, 0, 0, "rate-limited", True)],
    "500": [(500, 2, 0, 0, "gateway-error", True)],
    "503": [(503, 3, 0, 0, "upstream-error", True)],
    "cut_once": [(200, 2, 100, 7, None, True)],
    "response_failed": [(200, 1, 0, 0, "insufficient-quota", True)],
    "refused": [(None, 8, 0, 0, None, False)],
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_is_the_requests_that_it_was(outcome: str) -> None:
    found = told(OUTCOMES[outcome], SENT_MS + 60_000)
    assert [
        (one.status, len(one.attempts), *((one.done.input_tokens, one.done.output_tokens) if one.done else (0, 0)), one.cause, one.sure)
        for one in found
    ] == WANTED[outcome]  # fmt: skip
    assert all(one.cause is None or one.cause in CAUSES for one in found)
    assert all((one.client, one.provider, one.model) == ("codex_exec/0.171.0", "joytoken", "auto") for one in found)
    assert all(one.latency_ms is not None for one in found)


def test_what_a_failed_answer_said_is_the_gateways_own_words() -> None:
    [one] = told(OUTCOMES["response_failed"], SENT_MS)
    assert (one.error_type, one.error_message) == ("insufficient_quota", "wallet empty")
    [cut] = told([attempt(0), record("sse_event", 5, error__message="stream disconnected before completion: x")])
    assert (cut.error_type, cut.cause) == ("stream_truncated", "stream-truncated")


def test_both_encodings_say_the_same() -> None:
    rows = [attempt(0), done(20)]
    assert list(records(as_json(rows), JSON)) == plain(rows)
    [one] = requests_of(pieces(records(BINARY, PROTOBUF), SENT_MS + 120_000))
    assert (one.status, one.done and one.done.input_tokens, one.provider) == (200, 100, "joytoken")


@pytest.mark.parametrize(
    ("media", "body"),
    [(JSON, b"{"), (JSON, b"[]"), (JSON, b'{"resourceLogs": 1}'), (JSON, b"[" * 90_000), (PROTOBUF, b"\xff")],
)
def test_what_is_no_post_is_an_error(media: str, body: bytes) -> None:
    with pytest.raises(ValueError, match=r"no |not a"):
        list(records(body, media))


def test_a_bad_record_costs_itself_alone() -> None:
    body = json.loads(as_json([attempt(0), done(20)]))
    rows = body["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    bad: list[Any] = [
        None, [], {"attributes": 5}, {"attributes": [{"key": 1}, {"key": "event.name", "value": {"stringValue": "codex.api_request"}}]},
        {"observedTimeUnixNano": "x", "attributes": rows[0]["attributes"][:1]},
    ]  # fmt: skip
    body["resourceLogs"][0]["scopeLogs"][0]["logRecords"] = [*bad, rows[0], None, rows[1]]
    body["resourceLogs"] += [7, {"scopeLogs": {}}]
    [one] = requests_of(pieces(records(json.dumps(body).encode(), JSON), now_ms()))
    assert one.good


def test_times_that_cannot_be_are_no_records() -> None:
    old, ahead = attempt(-8 * 86_400_000), attempt(3_600_000)
    assert told([old, ahead]) == []
    odd = attempt(0)
    odd["attributes"]["event.timestamp"] = "yesterday"
    assert len(told([odd])) == 1, "when it was recorded counts then"


def test_nothing_beyond_the_allowlist_is_read() -> None:
    secret = "prompt-and-person"
    rows = [
        record("user_prompt", 0, prompt=secret), attempt(5, user__email=secret, authorization=secret),
        record("tool_result", 7, arguments=secret, output=secret), done(20),
    ]  # fmt: skip
    found = list(pieces(plain(rows), now_ms()))
    assert secret not in repr(found)
    assert [piece.kind for piece in found] == ["turn", "attempt", "done"]


def test_texts_pass_the_one_door() -> None:
    key = "sk-abcdefghijklmnopqrstuvwxyz"
    row = attempt(0, 401)
    row["attributes"]["error.message"] = f"\x1b[31mbad {key}"
    [piece] = pieces(plain([row]), now_ms())
    assert piece.error_message is not None
    assert key not in piece.error_message
    assert "\x1b" not in piece.error_message


def test_a_piece_is_kept_whole() -> None:
    for piece in pieces(plain([row for rows in OUTCOMES.values() for row in rows]), SENT_MS + 120_000):
        assert piece_of(piece.thread, piece.told, piece.kind, facts(piece)) == piece


def a_thread() -> list[Piece]:
    rows = [
        record("conversation_starts", 0, provider_name="joytoken"), record("user_prompt", 10),
        attempt(20), record("turn_ttft", 25, duration_ms="15"), done(30),
        attempt(40, 500), attempt(50, 503), attempt(60), done(90, 300, 9),
        record("user_prompt", 100), attempt(110, 402), record("user_prompt", 200), attempt(210, None), attempt(220),
        record("sse_event", 230, error__message="stream disconnected before completion: x"), attempt(240), done(260, 5, 5),
    ]  # fmt: skip
    return list(pieces(plain(rows), now_ms()))


def test_requests_are_told_apart_and_retries_are_not() -> None:
    found = requests_of(a_thread())
    assert [(one.status, len(one.attempts), one.good) for one in found] == [
        (200, 1, True), (200, 3, True), (402, 1, False), (200, 3, True),
    ]  # fmt: skip
    assert found[0].ttft_ms == 15
    assert found[1].latency_ms == 60


def over_websocket(ms: float, *, success: str = "true", **more: Any) -> dict[str, Any]:
    return record("websocket_request", ms, duration_ms="10", success=success, **more)


def test_a_websocket_carries_requests_as_http_does() -> None:
    """As observed: a connection and its warm-up, then a turn whose answer breaks off, is asked for again, and over HTTP at last."""
    broken = "stream disconnected before completion: websocket closed by server before response.completed"
    warm_up, asked = told(
        [
            record("conversation_starts", 0, provider_name="openai"), record("websocket_connect", 5, success="true"),
            over_websocket(10), done(20, 0, 0), record("user_prompt", 100),
            over_websocket(110), record("sse_event", 120, error__message=broken),
            record("websocket_connect", 130, success="false", http__response__status_code="404", error__message="http 404"),
            over_websocket(140, success="false", error__message="broken pipe"), attempt(160), done(180),
        ]
    )  # fmt: skip
    assert warm_up.warm_up
    assert not asked.warm_up
    assert (asked.status, len(asked.attempts), asked.good, asked.provider) == (200, 3, True, "openai")
    assert [piece.status for piece in asked.attempts] == [200, None, 200]


def test_what_a_websocket_was_refused_with_is_in_codexs_words() -> None:
    words = "exceeded retry limit, last status: 429 Too Many Requests"
    [one] = told([over_websocket(0), record("sse_event", 5, error__message=words)])
    assert (one.status, one.cause, one.sure, one.error_message) == (429, "rate-limited", True, words)


def test_a_model_that_nobody_knows_is_the_likelier_cause_of_a_404() -> None:
    row = attempt(0, 404)
    [auto] = told([row])
    row["attributes"]["model"] = "gpt-4711"
    [other] = told([row])
    assert [(one.cause, one.sure) for one in (auto, other)] == [
        ("responses-unsupported", False), ("model-not-found", False),
    ]  # fmt: skip


def test_the_order_in_which_pieces_come_says_nothing() -> None:
    whole, shuffled = a_thread(), random.Random(5)
    for _ in range(20):
        mixed = whole + whole[:3]
        shuffled.shuffle(mixed)
        assert requests_of({(one.told, one.kind): one for one in mixed}.values()) == requests_of(whole)


def test_a_gateways_requests_are_matched_in_their_order_whatever_the_clocks_say() -> None:
    rows = list(pieces(plain([row for n in range(4) for row in (attempt(n * 1000), done(n * 1000 + 500))]), now_ms()))
    attempts = list(zip(rows[::2], rows[1::2], strict=True))
    seen = [Seen(n, piece.began_at - 62_500, 200, (100, 7)) for n, (piece, _) in enumerate(attempts)]
    assert [(piece.told, one.n) for piece, one in matches(attempts, seen)] == [
        (a.told, n) for n, (a, _) in enumerate(attempts)
    ]
    assert matches(attempts, []) == []


def test_what_does_not_agree_is_the_same_only_where_it_is_near() -> None:
    [piece] = pieces(plain([attempt(0)]), now_ms())
    assert matches([(piece, None)], [Seen(1, piece.began_at - 4_000, None, (0, 0))])
    assert not matches([(piece, None)], [Seen(1, piece.began_at - 6_000, 200, (1, 1))])
    [lost] = pieces(plain([attempt(0, None)]), now_ms())
    assert not matches([(lost, None)], [Seen(1, lost.began_at, 200, (1, 1))])
    assert matches([(lost, None)], [Seen(1, lost.began_at, 499, (1, 1))]), "the answer got lost on its way"
