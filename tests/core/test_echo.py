"""An upstream's key in what it answers: every form in which it was seen, or may come."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from joytui.core.echo import PART, WHOLE_LIMIT, Echo
from joytui.core.redaction import MASK, clean, clean_id

KEY = "upk-G7m5Qa9ZtR2xW8-LpN4vB6cEZYd"
RAW = KEY.encode()

FORMS = {
    "whole": KEY,
    "its first 20 characters": KEY[:20],
    "its last 12 characters": KEY[-12:],
    "from its midst": KEY[6:18],
    "an ESC in it": KEY[:9] + "\x1b" + KEY[9:],
    "a newline in it": KEY[:14] + "\n" + KEY[14:],
    "a newline as JSON has it": KEY[:14] + "\\n" + KEY[14:],
    "an ESC as JSON has it": KEY[:14] + "\\u001b" + KEY[14:],
    "spaced out": " ".join(KEY),
    "in JSON's own escapes": "".join(f"\\u{code:04x}" for code in RAW),
    "base64": base64.b64encode(RAW).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(RAW).decode().rstrip("="),
    "base64 of a header": base64.b64encode(b"Bearer " + RAW).decode(),
    "base64 of user and password": base64.b64encode(b"me:" + RAW).decode(),
    "hex": RAW.hex(),
    "HEX": RAW.hex().upper(),
    "hex with colons": RAW.hex(":"),
    "URL coding": quote(KEY + "/", safe=""),
    "URL coding of all": "".join(f"%{code:02X}" for code in RAW),
    "backwards": KEY[::-1],
    "shortened with stars": f"{KEY[:8]}***{KEY[-4:]}",
    "shortened with dots": f"{KEY[:4]}...{KEY[-4:]}",
    "shortened to its beginning": f"{KEY[:8]}…",
    "shortened to its end": f"****{KEY[-4:]}",
}


def left_of(text: str) -> list[str]:
    """Runs of the key, in any of its codings, that are still there."""
    plain = "".join(c for c in text if c.isascii() and c.isalnum())
    forms = [KEY, KEY[::-1], RAW.hex(), RAW.hex().upper(), base64.b64encode(RAW).decode()]
    bare = ["".join(c for c in form if c.isalnum()) for form in forms]
    return [
        form[at : at + PART] for form in bare for at in range(len(form) - PART + 1) if form[at : at + PART] in plain
    ]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_no_form_of_the_key_is_left(form: str) -> None:
    told = f"Incorrect API key provided: {form}. You can find yours on the page."
    for found in (Echo(KEY).text(told), clean(told, 500, Echo(KEY)) or ""):
        assert MASK in found
        assert not left_of(found)
        assert KEY[:4] + "." not in found
        assert KEY[-4:] not in found
        assert found.startswith("Incorrect API key provided: ")
        assert found.endswith("You can find yours on the page.")


def test_json_stays_json() -> None:
    for form in FORMS.values():
        told = json.dumps({"error": {"message": f"bad key {form}", "type": "x"}})
        assert KEY[:PART] not in json.loads(Echo(KEY).masked(told.encode()))["error"]["message"]


@pytest.mark.parametrize(
    "text",
    [
        "the upstream answered 500: quota exceeded, see https://example.test/docs…",
        "chatcmpl-9f8e7d6c5b4a39281706f5e4d3c2b1a0",
        "wait... 30 s, then try ***again***",
        "\\u00e4\\u0041 is no part of it",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    data = text.encode()
    assert Echo(KEY).masked(data) is data or Echo(KEY).masked(data) == data


def test_a_key_of_plain_words_hides_no_words() -> None:
    echo = Echo("upstream-secret-key")
    assert echo.text("the upstream refused the secret") == "the upstream refused the secret"
    assert echo.text("bad key upstream-secret-key!") == f"bad key {MASK}!"


def test_an_upstream_without_a_key_has_nothing_to_hide() -> None:
    assert not Echo("")
    assert Echo("").text("anything at all 12345678") == "anything at all 12345678"


def test_what_passes_is_searched_for_the_whole_key_and_an_error_for_all_of_it() -> None:
    echo = Echo(KEY)
    assert KEY.encode() not in echo.passing(f'data: {{"delta":"{KEY}"}}'.encode())
    assert KEY[:20].encode() not in echo.passing(f'data: {{"error": {{"message": "bad {KEY[:20]}"}}}}'.encode())
    large = b'{"error": {"message": "' + b"x" * WHOLE_LIMIT + RAW + b'"}}'
    assert RAW not in echo.passing(large)


def test_an_id_may_look_random_and_may_not_hold_the_key() -> None:
    echo = Echo(KEY)
    assert clean_id("resp_sk-abcdefghij", 120, echo) == "resp_sk-abcdefghij"
    assert not left_of(clean_id(f"resp_{KEY}", 120, echo) or "")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("jt_local_AbCdEf\x1b1234567890", MASK),
        ("m\x1b]0;title\x07\x1b]52;c;aGk=\x07", "m ]0;title  ]52;c;aGk="),
        ("one\ntwo \x9b31m \u202e", "one two  31m"),
        ("\x00\x1b", None),
        ("", None),
        (None, None),
    ],
)
def test_the_door(text: str | None, kept: str | None) -> None:
    assert clean(text, 200) == kept


def test_the_door_looks_at_a_bounded_part_and_never_cuts_a_secret_in_two() -> None:
    assert clean("x" * 900_000, 100) == "x" * 99 + "…"
    secret = "sk-proj-" + "a1B2" * 10
    assert "sk-proj" not in (clean("x" * 85 + " " + secret, 100) or "")
