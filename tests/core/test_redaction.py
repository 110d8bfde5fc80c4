"""No secret survives the one redaction, and ordinary words do."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.core.redaction import MASK, Redactor, escaped_json, fingerprint, is_secret_name, may_name_secret, visible

KEY = "jt_live_0123456789abcdef"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {KEY}",
        f"Missing environment variable: `{KEY}`.",
        "Bearer abcdef0123456789",
        "https://user:hunter2pass@proxy.example:3128/x",
        "OPENAI_API_KEY=sk-proj-abcdefgh12345678",
        '{"api_key": "s3cretvalue"}',
        "password = 'correcthorse'",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        "ghp_0123456789abcdefghijABCDEFGHIJ012345",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----",
    ],
)
def test_shapes_of_secrets_are_masked(text: str) -> None:
    clean = Redactor().text(text)
    assert MASK in clean
    for secret in (
        KEY,
        "abcdef0123456789",
        "hunter2pass",
        "sk-proj",
        "s3cretvalue",
        "correcthorse",
        "eyJzdWIi",
        "ghp_",
        "MIIE",
    ):
        assert secret not in clean


@pytest.mark.parametrize(
    "text",
    [
        'env_key = "JOY_TOKEN_API_KEY"',
        "the key is not set",
        "jt_xxx",
        'model_provider = "joytoken"',
        "https://api-dev.joytokens.ai/openai/v1",
        "tokens: 1200",
        "Bearer realm",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert Redactor().text(text) == text


@given(
    st.text(min_size=8, max_size=40).filter(lambda s: len(s.strip()) >= 8), st.text(max_size=30), st.text(max_size=30)
)
def test_a_known_secret_is_never_in_the_text(secret: str, before: str, after: str) -> None:
    clean = Redactor([secret]).text(f"{before}{secret}{after}")
    assert secret not in clean.replace(MASK, "")


def test_nested_data_is_cleaned_in_keys_and_values() -> None:
    clean = Redactor([KEY]).data({"a": [KEY, {"b": f"x {KEY}"}], KEY: 1})
    assert KEY not in repr(clean)


def test_a_fingerprint_tells_keys_apart_and_holds_none_of_them() -> None:
    assert fingerprint(KEY) != fingerprint(KEY + " ")
    assert (
        fingerprint(KEY) == fingerprint(KEY.encode()) == "24 bytes, #43e48af8"
    )  # as `printf %s "$KEY" | sha256sum` begins
    assert not any(part in fingerprint(KEY) for part in ("jt_", "live", "abcdef"))


def test_control_characters_cannot_reach_a_terminal() -> None:
    assert "\x1b" not in visible("\x1b[31mred\x07\x9b2J")
    assert visible("ab\ncd") == "ab\ncd"
    assert visible("a" * 50, limit=10) == "a" * 9 + "…"


@pytest.mark.parametrize(
    ("name", "holds", "may"),
    [
        ("experimental_bearer_token", True, True),
        ("token", True, True),
        ("api-key", True, True),
        ("DB_PASSWORD", True, True),
        ("Authorization", True, True),
        ("env_key", False, True),
        ("SESSION_COOKIE", False, True),
        ("max_output_tokens", False, True),
        ("model", False, False),
        ("GIT_AUTHOR_NAME", False, False),
        ("SSH_AUTH_SOCK", False, False),
        ("PWD", False, False),
    ],
)
def test_names_of_secrets(name: str, holds: bool, may: bool) -> None:
    assert (is_secret_name(name), may_name_secret(name)) == (holds, may)


@pytest.mark.parametrize(
    "char", ["\x7f", "\x9b", "\u202e", "\u2066", "\u200b", "\u2028", "\ufeff", "\U000e0041", "\x1b"]
)
def test_json_keeps_what_it_escapes(char: str) -> None:
    text = escaped_json(json.dumps({"a": f"x{char}y ä 日本"}, ensure_ascii=False, indent=2))
    assert char not in text
    assert json.loads(text) == {"a": f"x{char}y ä 日本"}
    assert "ä 日本" in text


def test_half_of_a_pair_is_a_question_mark() -> None:
    assert json.loads(escaped_json(json.dumps("a\udc80b", ensure_ascii=False))) == "a?b"
