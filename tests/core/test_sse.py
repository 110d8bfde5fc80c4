"""Server-sent events in any pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.core.sse import EventTooLarge, SseEvent, SseSplitter, encode_event


def split(data: bytes, cuts: list[int] | None = None, *, lenient: bool = False) -> list[SseEvent]:
    splitter = SseSplitter(lenient=lenient)
    edges = [0, *sorted(cuts or []), len(data)]
    events = [e for a, b in pairwise(edges) for e in splitter.feed(data[a:b])]
    return events + splitter.end()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end: str) -> None:
    text = f"event: a{end}data: 1{end}data: 2{end}{end}: comment{end}{end}data:3{end}{end}"
    assert split(text.encode()) == [SseEvent("1\n2", "a"), SseEvent("3")]


def test_byte_order_mark() -> None:
    assert split(b"\xef\xbb\xbfdata: x\n\n") == [SseEvent("x")]


def test_last_event_without_a_blank_line() -> None:
    assert split(b"data: a\n\ndata: b") == [SseEvent("a"), SseEvent("b")]


def test_comments_and_unknown_fields_are_no_events() -> None:
    assert split(b": ping\n\nid: 5\nretry: 10\n\n") == []


def test_too_large() -> None:
    splitter = SseSplitter(limit=10)
    with pytest.raises(EventTooLarge):
        splitter.feed(b"data: 12345678901")
    splitter = SseSplitter(limit=10)
    with pytest.raises(EventTooLarge):
        splitter.feed(b"data: 123456\ndata: 123456\n")


def test_between_events() -> None:
    splitter = SseSplitter()
    states = []
    for piece in (b"data: a", b"\n", b"\n"):
        splitter.feed(piece)
        states.append(splitter.between_events)
    assert states == [False, False, True]


def test_events_parted_by_one_line_break() -> None:
    text = b'data: {"a": 1}\ndata: {"a": 2}\nevent: x\ndata: {"a": 3}\nevent: y\ndata: {"a": 4}\ndata: [DONE]\n'
    events = split(text, lenient=True)
    assert [e.data for e in events] == ['{"a": 1}', '{"a": 2}', '{"a": 3}', '{"a": 4}', "[DONE]"]
    assert [e.name for e in events] == [None, None, "x", "y", None]


def test_from_the_second_such_event_on_none_waits_for_the_next() -> None:
    splitter = SseSplitter(lenient=True)
    counts = [len(splitter.feed(b'data: {"a": %d}\n' % n)) for n in range(4)]
    assert counts == [0, 2, 1, 1]


def test_an_object_over_several_data_lines_stays_one_event() -> None:
    assert split(b'data: {"a":\ndata: 1}\n\n', lenient=True) == [SseEvent('{"a":\n1}')]


def test_json_that_stands_in_the_stream_without_data_before_it() -> None:
    assert split(b'data: a\n\n{"error": "boom"}\n') == [SseEvent("a")]
    assert split(b'data: a\n\n{"error": "boom"}\n', lenient=True) == [SseEvent("a"), SseEvent('{"error": "boom"}')]


LINES = st.lists(
    st.sampled_from(["data: é🧪", "data:", 'data: {"a":1}', '{"a":1}', "event: x", ": c", "", "", "junk"]), max_size=14
)


@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.booleans(), st.data())
def test_any_split_gives_the_same_events(
    lines: list[str], end: str, mark: bool, lenient: bool, data: st.DataObject
) -> None:
    stream = (b"\xef\xbb\xbf" if mark else b"") + end.join(lines).encode()
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))
    assert split(stream, cuts, lenient=lenient) == split(stream, lenient=lenient)
    assert split(stream, list(range(len(stream))), lenient=lenient) == split(stream, lenient=lenient)


@given(st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r")))
def test_what_is_encoded_is_read_again(text: str) -> None:
    assert split(encode_event(text, "name")) == [SseEvent(text, "name")]


def test_what_is_no_event_is_kept_until_the_next_one() -> None:
    splitter = SseSplitter(lenient=True)
    splitter.feed(b"data: a\n\n<html>\n: ping\nid: 5\noops: 1\n")
    assert splitter.stray == b"<html>\noops: 1\n"
    splitter.feed(b"data: b\n")
    assert splitter.stray == b""
    strict = SseSplitter()
    strict.feed(b"<html>\n")
    assert strict.stray == b""
