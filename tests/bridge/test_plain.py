"""Plain chunks: the short way reads them as the long one does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.gateway.bridge.chunks import Delta, is_intermediate, other_deltas, read_delta
from joytui.gateway.bridge.errors import find_error
from joytui.gateway.bridge.plain import ChunkReader, PlainChunk, plain_text
from joytui.gateway.bridge.reported_usage import find_usage, metadata_records

PLAIN = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": None}]}

odd = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.just([]), st.just({}), st.just({"a": 1})
)
names = ("content", "role", "refusal", "reasoning_content", "reasoning", "tool_calls", "function_call", "extra_content")
deltas = st.dictionaries(st.sampled_from(names), odd, max_size=4)
choices = st.fixed_dictionaries(
    {"delta": st.one_of(deltas, deltas, odd)},
    optional=dict.fromkeys(("index", "finish_reason", "logprobs", "usage", "error", "message", "text"), odd),
)
members = ("id", "model", "usage", "error", "metadata", "orchestration", "x_groq", "timings", "base_resp", "object")
chunks = st.builds(
    lambda chosen, more: {**more, "choices": chosen},
    st.one_of(st.lists(choices, max_size=2), odd),
    st.dictionaries(st.sampled_from(members), odd, max_size=3),
)


@given(chunks)
def test_what_is_plain_adds_its_text_alone(chunk: dict[str, Any]) -> None:
    text = plain_text(chunk)
    if text is not None:
        assert read_delta(chunk) == Delta(text=text)
        assert find_error(chunk) is find_usage(chunk) is None
        assert [*other_deltas(chunk), *metadata_records(chunk.get("metadata"))] == []
        assert not is_intermediate(chunk)


@pytest.mark.parametrize(
    "more",
    [
        {"usage": {"prompt_tokens": 1}}, {"error": {"message": "no"}}, {"metadata": {"billing_id": "b"}}, {"seen": 1},
        {"choices": [*PLAIN["choices"], *PLAIN["choices"]]},
        {"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]},
        {"choices": [{"index": 1, "delta": {"content": "hi"}}]},
        {"choices": [{"index": 0, "delta": {"content": "hi", "reasoning": "why"}}]},
        {"choices": [{"index": 0, "delta": {"content": "hi"}, "logprobs": {}}]},
    ],
)  # fmt: skip
def test_anything_else_is_read_in_full(more: dict[str, Any]) -> None:
    assert plain_text(PLAIN) == "hi"
    assert plain_text({**PLAIN, **more}) is None


def said(text: str, model: str = "m", **dump: Any) -> str:
    return json.dumps({"id": "c", "model": model, "choices": [{"index": 0, "delta": {"content": text}}]}, **dump)


def test_a_chunk_that_differs_in_its_text_alone_is_not_parsed() -> None:
    reader = ChunkReader()
    read = [reader.read(said(text)) for text in ("", "one", "two", 'a "b"\n', "")]
    assert [type(chunk) is PlainChunk for chunk in read] == [False, False, True, True, True]
    assert [plain_text(chunk) for chunk in read] == ["", "one", "two", 'a "b"\n', ""]
    assert plain_text(read[2].to_json()) == "two"


def test_another_model_is_seen_and_then_the_first_one_again() -> None:
    reader = ChunkReader()
    read = [reader.read(said(text, model)) for text, model in (("a1", "m"), ("a2", "m"), ("a3", "n"), ("a4", "m"))]
    assert [chunk["model"] for chunk in read if isinstance(chunk, dict)] == ["m", "n", "m"]


def test_a_text_that_stands_elsewhere_makes_no_mould() -> None:
    reader = ChunkReader()
    same = '{"choices": [{"index": 0, "delta": {"role": "assistant", "content": "assistant"}}]}'
    assert [type(reader.read(same)) for _ in range(3)] == [dict] * 3


def test_what_only_begins_like_the_one_before_is_read_in_full() -> None:
    reader = ChunkReader()
    reader.read(said("one"))
    done = said("two")[:-2] + ', "finish_reason": "stop"}]}'
    with pytest.raises(ValueError, match="Expecting"):
        reader.read(said("one")[:-4])
    assert reader.read(done.replace("}}, ", "}, "))["choices"][0]["finish_reason"] == "stop"


pieces = st.one_of(st.text(max_size=4), st.sampled_from(['","', '":"', "c", "m", "content", "\ud83d", "\\", "é"]))


@given(st.lists(st.tuples(pieces, st.sampled_from("mn"), st.booleans()), max_size=8))
def test_any_stream_reads_as_its_json_does(stream: list[tuple[str, str, bool]]) -> None:
    reader, model = ChunkReader(), None
    for text, name, escaped in stream:
        chunk = reader.read(data := said(text, name, ensure_ascii=escaped))
        model = model if type(chunk) is PlainChunk else chunk["model"]
        assert (plain_text(chunk), model) == (text, json.loads(data)["model"])
