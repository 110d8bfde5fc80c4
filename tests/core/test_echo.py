"""An upstream's key in what it answers: every form in which it was seen, or may come."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.core.echo import PART, WHOLE_LIMIT, Echo, Trail
from joytui.core.redaction import MASK, clean, clean_id
from tests.attack.planted import FORMS, KEY, RAW, left_of


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
    assert KEY[:20].encode() not in echo.passing(f'event: error\ndata: {{"message": "bad {KEY[:20]}"}}\n\n'.encode())
    large = b'{"error": {"message": "' + b"x" * WHOLE_LIMIT + RAW + b'"}}'
    assert RAW not in echo.passing(large)


def streamed(pieces: Iterable[str], key: str = KEY) -> tuple[str, list[list[bytes]]]:
    """The text of a stream as its reader gets it, and what was passed on at each piece."""
    trail = Trail(key)
    held: list[bytes] = []
    passed: list[list[bytes]] = []
    for piece in pieces:
        trail.at = len(held)
        trail.follow("text", piece)
        held.append(json.dumps({"id": "x", "delta": piece}).encode())
        passed.append([] if trail.holding else trail.masked(held))
        held = held if trail.holding else []
    passed.append(trail.masked(held))
    return "".join(json.loads(event)["delta"] for events in passed for event in events), passed


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 40])
@pytest.mark.parametrize("lead", [0, 1, 4])
def test_a_key_that_comes_in_pieces_is_found(size: int, lead: int) -> None:
    text = f"{'.' * lead}the key is {KEY}, is it not? {KEY}"
    got, _ = streamed(text[at : at + size] for at in range(0, len(text), size))
    assert KEY[4:] not in got
    assert re.fullmatch(rf"\.*the key is .{{0,3}}{MASK}, is it not\? .{{0,3}}{MASK}", got)


@given(st.text("sk-ab", min_size=6, max_size=12), st.text("sk-ab. ", max_size=9), st.data())
def test_also_behind_a_text_that_ends_as_it_begins(key: str, lead: str, data: st.DataObject) -> None:
    pieces, rest = [], lead + key
    while rest:
        size = data.draw(st.integers(1, len(key) - 1))
        pieces.append(rest[:size])
        rest = rest[size:]
    assert key not in streamed(pieces, key)[0]


def test_what_only_begins_as_a_key_passes_as_it_is_and_is_waited_for_no_longer_than_needed() -> None:
    pieces = ["so ", KEY[:9], KEY[9:12], "no", KEY[:2], " and ", KEY[:6]]
    got, passed = streamed(pieces)
    assert got == "".join(pieces)
    assert [bool(one) for one in passed] == [True, False, False, True, True, True, False, True]


def test_texts_of_one_answer_do_not_mix() -> None:
    trail = Trail(KEY)
    told = [("one", KEY[:9]), ("other", "x"), ("one", KEY[9:]), ("other", KEY[:9])]
    for trail.at, (place, text) in enumerate(told):
        trail.follow(place, text)
    assert trail.holding
    held = trail.masked([json.dumps({"delta": text}).encode() for _, text in told])
    assert [json.loads(event)["delta"] for event in held] == [MASK, "x", "", KEY[:9]]


def test_a_text_that_never_goes_on_holds_nothing_up() -> None:
    trail = Trail(KEY)
    trail.follow("thoughts", KEY[:9])
    waited = []
    for trail.at in range(1, 20):
        trail.follow("text", "so")
        waited.append(trail.holding)
    assert waited == [True] * 8 + [False] * 11
    trail.passed()
    trail.at = 0
    assert not trail.holding


def test_where_a_piece_is_not_found_nothing_passes() -> None:
    trail = Trail(KEY)
    trail.follow("text", KEY[:9])
    trail.follow("text", KEY[9:])
    assert trail.masked([b'{"delta": "written in another way"}']) == []


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
