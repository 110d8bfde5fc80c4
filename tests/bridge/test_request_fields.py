"""The other fields of a Responses request."""

from __future__ import annotations

from typing import Any

import pytest

from joytui.gateway.bridge.errors import BridgeError
from joytui.gateway.bridge.request import to_chat
from tests.bridge.bridging import chat, sample, user


def fields(**given: Any) -> dict[str, Any]:
    body = chat(user("x"), **given).body
    return {name: value for name, value in body.items() if name not in ("model", "messages")}


def test_effort() -> None:
    assert fields(reasoning={"effort": "high", "summary": "auto"}) == {"reasoning_effort": "high"}


def test_reasoning_without_effort_is_nothing() -> None:
    assert fields(reasoning={"summary": "auto"}) == {}


def test_json_schema() -> None:
    form = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}
    assert fields(text={"format": form, "verbosity": "low"}) == {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
        }
    }


def test_json_object() -> None:
    assert fields(text={"format": {"type": "json_object"}}) == {"response_format": {"type": "json_object"}}


def test_plain_text_format_is_nothing() -> None:
    assert fields(text={"format": {"type": "text"}, "verbosity": "high"}) == {}


def test_max_output_tokens() -> None:
    assert fields(max_output_tokens=9) == {"max_tokens": 9}


@pytest.mark.parametrize("name", ["store", "include", "client_metadata", "truncation", "background", "max_tool_calls"])
def test_what_has_no_meaning_for_chat_is_dropped(name: str) -> None:
    assert fields(**{name: "x"}) == {}


@pytest.mark.parametrize(
    "name",
    [
        "prompt_cache_key",
        "temperature",
        "top_p",
        "user",
        "tier",
        "metadata",
        "seed",
        "stop",
        "service_tier",
        "x_vendor",
    ],
)
def test_what_chat_has_too_and_what_nobody_knows_passes(name: str) -> None:
    assert fields(**{name: 1}) == {name: 1}


def test_null_is_not_sent() -> None:
    assert fields(temperature=None, x_vendor=None) == {}


def test_top_logprobs_turn_logprobs_on() -> None:
    assert fields(top_logprobs=3) == {"top_logprobs": 3, "logprobs": True}


def test_stream_always_asks_for_usage() -> None:
    assert fields(stream=True) == {"stream": True, "stream_options": {"include_usage": True}}


def test_without_stream_nothing_about_it() -> None:
    assert fields(stream=False) == {}


@pytest.mark.parametrize("name", ["previous_response_id", "conversation", "prompt"])
def test_what_a_chat_upstream_cannot_do_is_refused_with_words(name: str) -> None:
    with pytest.raises(BridgeError, match="not supported") as caught:
        chat(user("x"), **{name: "resp_1"})
    assert (caught.value.status, caught.value.error_type) == (400, "invalid_request_error")


def test_previous_response_id_null_is_fine() -> None:
    assert fields(previous_response_id=None) == {}


def test_model_passes() -> None:
    assert to_chat({"model": "openai/gpt-4o-mini", "input": "x"}).body["model"] == "openai/gpt-4o-mini"


def test_title_request_of_codex() -> None:
    body = to_chat(sample("codex_title")).body
    assert body["response_format"]["json_schema"]["name"] == "codex_output_schema"
    assert "tools" not in body


def test_the_request_is_not_changed() -> None:
    given = sample("codex_lite")
    to_chat(given)
    assert given == sample("codex_lite")
