"""What holds for every conversation and every split of an upstream's bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from joytui.core.sse import DONE
from joytui.gateway.bridge.request import to_chat
from joytui.gateway.bridge.stream import Answer, ResponsesStream
from joytui.gateway.upstreams.answers import _chunks
from joytui.gateway.upstreams.exchange import Observation
from tests.bridge.bridging import assistant, call, custom, developer, function, names_of, namespace, output, user
from tests.bridge.chat_upstream import call_delta, chunk, sse, usage
from tests.support.examples import examples

TOOLS = [function("f"), custom("patch"), namespace("ns", function("g"), custom("js"))]
FLAT = ["f", "patch", "ns__g", "ns__js", "unknown"]

# --- any split of the upstream's bytes gives the same events ---

TEXTS = st.text(min_size=0, max_size=8)
DELTAS = st.one_of(
    TEXTS.map(lambda t: chunk({"content": t})),
    TEXTS.map(lambda t: chunk({"reasoning_content": t})),
    st.builds(
        lambda i, d, n, a: chunk(call_delta(i, d, n, a)),
        st.sampled_from([None, 0, 1, 2]),
        st.sampled_from([None, "c1", "c2"]),
        st.sampled_from([None, *FLAT]),
        st.sampled_from([None, "", '{"input":', '"x"}', '{"a":1}', "raw text"]),
    ),
    st.sampled_from(["stop", "length", "SAFETY", "tool_calls"]).map(lambda r: chunk({}, r)),
    st.just(usage(10, 5)),
    st.just({"metadata": [{"billing": {"credits_used": "1", "input_tokens": 1, "output_tokens": 2}}]}),
    st.just({"error": {"message": "boom", "type": "server_error"}}),
    st.just(chunk({"content": "x"}, orchestration={"task_id": "t1"})),
)
STREAMS = st.lists(DELTAS, max_size=10)


def events_of(chunks: list[Any]) -> list[dict[str, Any]]:
    stream = ResponsesStream(Answer("resp_1", 7, "m", names_of(*TOOLS)))
    events = stream.start()
    for one in chunks:
        events += stream.feed(one)
    return events + stream.end()


async def chunks_of(pieces: list[bytes]) -> list[Any]:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    response = httpx.Response(200, content=body())
    return [
        chunk
        for chunks in [c async for c in _chunks(response, response.aiter_raw(), Observation())]
        for chunk in chunks
    ]


def read(pieces: list[bytes]) -> list[Any]:
    return asyncio.run(chunks_of(pieces))


@settings(max_examples=examples(60), deadline=None)
@given(STREAMS, st.booleans(), st.booleans(), st.data())
def test_any_split_gives_the_same_events(chunks: list[Any], done: bool, crlf: bool, data: st.DataObject) -> None:
    stream = b": ping\n\n" + sse(chunks, done=done)
    stream = stream.replace(b"\n", b"\r\n") if crlf else stream
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    edges = [0, *cuts, len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    assert events_of(read(pieces)) == events_of([*json.loads(json.dumps(chunks)), *([DONE] if done else [])])


@settings(max_examples=examples(100), deadline=None)
@given(STREAMS)
def test_every_stream_is_well_formed(chunks: list[Any]) -> None:
    events = events_of(chunks)
    assert [e["sequence_number"] for e in events] == list(range(len(events)))
    assert sum(e["type"] in ("response.completed", "response.incomplete", "response.failed") for e in events) == 1
    last = events[-1]["response"]
    done = [e for e in events if e["type"] == "response.output_item.done"]
    added = [e for e in events if e["type"] == "response.output_item.added"]
    assert last["output"] == [e["item"] for e in done]
    assert [e["output_index"] for e in added] == list(range(len(added)))
    assert [e["output_index"] for e in done] == sorted({e["output_index"] for e in done})
    assert len({e["item"]["id"] for e in added}) == len(added)
    finished = any(
        c.get("choices") and c["choices"][0].get("finish_reason") for c in chunks if "orchestration" not in c
    )
    if last["status"] in ("completed", "incomplete"):
        assert finished
        ids = [i["call_id"] for i in last["output"] if i["type"].endswith("_call")]
        assert len(ids) == len(set(ids))


@settings(max_examples=examples(100), deadline=None)
@given(STREAMS)
def test_no_text_of_a_finished_answer_is_lost(chunks: list[Any]) -> None:
    events = events_of(chunks)
    last = events[-1]["response"]
    if last["status"] == "failed":
        return
    deltas = [c["choices"][0]["delta"] for c in chunks if c.get("choices") and "orchestration" not in c]
    said = "".join(d.get("content", "") for d in deltas)
    thought = "".join(d.get("reasoning_content", "") for d in deltas)
    shown = "".join(p["text"] for i in last["output"] if i["type"] == "message" for p in i["content"])
    kept = "".join(p["text"] for i in last["output"] if i["type"] == "reasoning" for p in i.get("content", []))
    assert shown == said or (not shown.strip() and not said.strip())
    assert kept == thought


# --- any conversation keeps call and output paired, and loses nothing ---

IDS = st.sampled_from(["c1", "c2", "c3"])
WORDS = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=6, max_size=9)
ITEMS = st.one_of(
    WORDS.map(user),
    WORDS.map(lambda w: user([{"type": "input_text", "text": w}, {"type": "input_image", "image_url": "data:x"}])),
    WORDS.map(developer),
    WORDS.map(assistant),
    st.builds(lambda i, w: call(i, "f", json.dumps({"a": w})), IDS, WORDS),
    st.builds(lambda i, w: call(i, "g", json.dumps({"a": w}), namespace="ns"), IDS, WORDS),
    st.builds(lambda i, w: {"type": "custom_tool_call", "call_id": i, "name": "patch", "input": w}, IDS, WORDS),
    st.builds(output, IDS, WORDS),
    st.builds(
        lambda i, w: {"type": "custom_tool_call_output", "call_id": i, "output": [{"type": "input_text", "text": w}]},
        IDS,
        WORDS,
    ),
    WORDS.map(lambda w: {"type": "reasoning", "summary": [{"type": "summary_text", "text": w}]}),
)
CONVERSATIONS = st.lists(ITEMS, min_size=1, max_size=14).map(lambda items: [user("begin"), *items])


def chat_of(items: list[Any]) -> Any:
    return to_chat({"model": "m", "input": items, "tools": TOOLS})


@settings(max_examples=examples(120), deadline=None)
@given(CONVERSATIONS)
def test_every_call_is_followed_by_its_output(items: list[Any]) -> None:
    messages = chat_of(items).body["messages"]
    expected: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            assert expected
            assert message["tool_call_id"] == expected.pop(0)
        else:
            assert not expected
            expected = [c["id"] for c in message.get("tool_calls", [])]
    assert not expected


@settings(max_examples=examples(120), deadline=None)
@given(CONVERSATIONS)
def test_nothing_is_lost_but_orphaned_outputs(items: list[Any]) -> None:
    made = chat_of(items)
    text = json.dumps(made.body["messages"])
    calls = [i["call_id"] for i in items if i["type"].endswith("_call")]
    outputs = [i for i in items if i["type"].endswith("_output")]
    orphans = sum(
        max(0, sum(o["call_id"] == i for o in outputs) - calls.count(i)) for i in {o["call_id"] for o in outputs}
    )
    lost = [i for i in items if not all(word in text for word in _words(i))]
    lost = [i for i in lost if i["type"] != "reasoning"]  # one that nothing follows makes no message
    assert all(i["type"].endswith("_output") for i in lost)
    assert len(lost) <= orphans
    assert sum("without a call" in n for n in made.notes) == bool(orphans)


@settings(max_examples=examples(100), deadline=None)
@given(CONVERSATIONS)
def test_words_of_each_role_keep_their_order(items: list[Any]) -> None:
    messages = chat_of(items).body["messages"]
    for role in ("user", "assistant"):
        kept = [w for m in messages if m["role"] == role for w in _texts(m.get("content"))]
        roles = (role, "developer") if role == "user" else (role,)
        said = [w for i in items if i.get("role") in roles for w in _words(i)]
        assert kept == said


def _texts(content: Any) -> list[str]:
    """The texts of a Chat message; an assistant's texts that were joined come apart again (no word has a space)."""
    if isinstance(content, str):
        return content.split()
    return [word for p in content or () if p["type"] == "text" for word in p["text"].split()]


def _words(item: Any) -> list[str]:
    if item["type"] == "message":
        content = item["content"]
        return [content] if isinstance(content, str) else [p["text"] for p in content if "text" in p]
    if item["type"] == "reasoning":
        return [p["text"] for p in item["summary"]]
    if item["type"].endswith("_output"):
        value = item["output"]
        return [value] if isinstance(value, str) else [p["text"] for p in value]
    return [item.get("input") or json.loads(item["arguments"])["a"]]
