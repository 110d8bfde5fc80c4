"""A vendor's record: which one is chosen, and that the bridge goes by each of its fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.gateway.bridge.quirks import DEFAULT, GROQ, MISTRAL, RULES, Quirks, UsageSpelling, quirks_for
from joytui.gateway.bridge.reasoning import Carried, pack
from joytui.gateway.bridge.request import to_chat
from joytui.gateway.bridge.schemas import rewritten
from joytui.gateway.bridge.stream import Answer, ResponsesStream
from joytui.gateway.bridge.tools import translate_tools

HISTORY = [
    {"role": "user", "content": "hi"},
    {"type": "reasoning", "encrypted_content": pack(Carried("a thought"))},
    {"type": "function_call", "call_id": "call_0123456789", "name": "run", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_0123456789", "output": "done"},
    {"role": "developer", "content": "be brief"},
]


def sent(quirks: Quirks, **more: Any) -> dict[str, Any]:
    return to_chat({"model": "m", "input": HISTORY, **more}, quirks).body


def answered(quirks: Quirks, delta: dict[str, Any], finish: str = "stop", usage: Any = None) -> dict[str, Any]:
    stream = ResponsesStream(Answer("resp_1", 0, "m", quirks=quirks))
    stream.feed({"choices": [{"delta": delta, "finish_reason": finish}], "usage": usage})
    stream.end()
    return stream.response


@pytest.mark.parametrize(
    ("url", "model", "quirks"),
    [
        ("https://api.groq.com/openai/v1", "qwen", GROQ),
        ("https://API.Groq.com:443/openai/v1", "qwen", GROQ),
        ("https://codestral.mistral.ai/v1", "codestral", MISTRAL),
        ("https://groq.com.example/v1", "qwen", DEFAULT),
        ("http://127.0.0.1:8000/v1", "mistral-small", DEFAULT),
        ("not a url", "", DEFAULT),
    ],
)
def test_the_host_and_the_model_choose_the_record(url: str, model: str, quirks: Quirks) -> None:
    assert quirks_for(url, model) is quirks


def test_the_default_record_sends_thoughts_and_ids_as_they_came() -> None:
    assistant = sent(DEFAULT)["messages"][1]
    assert assistant["reasoning_content"] == "a thought"
    assert assistant["tool_calls"][0]["id"] == "call_0123456789"


def test_groq_gets_its_thought_back_as_reasoning() -> None:
    assistant = sent(GROQ)["messages"][1]
    assert assistant["reasoning"] == "a thought"
    assert "reasoning_content" not in assistant


def test_mistral_gets_ids_of_nine_characters_and_its_own_unchanged() -> None:
    assistant, output = sent(MISTRAL)["messages"][1:3]
    assert len(assistant["tool_calls"][0]["id"]) == 9
    assert output["tool_call_id"] == assistant["tool_calls"][0]["id"]
    assert MISTRAL.call_id("aB3xK9mP2") == "aB3xK9mP2"


@given(st.lists(st.text(min_size=1), unique=True, min_size=2, max_size=20))
def test_different_call_ids_stay_different_for_every_vendor(ids: list[str]) -> None:
    for _, _, quirks in RULES:
        assert len({quirks.call_id(call_id) for call_id in ids}) == len(ids)


def _renamed(quirks: Quirks) -> bool:
    return sent(quirks, top_k=7).get("k") == 7


def _dropped(quirks: Quirks) -> bool:
    return "seed" not in sent(quirks, seed=1)


def _dropped_with_note(quirks: Quirks) -> bool:
    chat = to_chat({"model": "m", "input": "hi", "seed": 1}, quirks)
    return "seed" not in chat.body and "seed was left out" in chat.notes


def _refused(quirks: Quirks) -> bool:
    tools = [{"type": "function", "name": "run", "parameters": {}}]
    return "parallel_tool_calls" not in sent(quirks, tools=tools, parallel_tool_calls=False)


TOOLS = [
    {"type": "function", "name": "run", "strict": False, "parameters": {"type": "object", "properties": {"strict": {}}}}
]
SCHEMA = {"type": "json_schema", "name": "n", "schema": {"type": "object"}}
PICTURE = {"type": "input_image", "image_url": "data:x"}


def asked(quirks: Quirks, *items: Any, **more: Any) -> dict[str, Any]:
    return to_chat({"model": "m", "input": list(items), **more}, quirks).body


def said(text: str, role: str = "assistant") -> dict[str, Any]:
    return {"role": role, "content": text}


def roles(body: dict[str, Any]) -> list[str]:
    return [message["role"] for message in body["messages"]]


def _later_instructions(quirks: Quirks) -> bool:
    return sent(quirks)["messages"][0] == {"role": "system", "content": "be brief"}


def _system_role(quirks: Quirks) -> bool:
    return roles(asked(quirks, said("x", "user"), instructions="rules")) == ["user"]


def _merge_assistants(quirks: Quirks) -> bool:
    return roles(asked(quirks, said("x", "user"), said("one"), said("two"))) == ["user", "assistant"]


def _assistant_after_tool(quirks: Quirks) -> bool:
    return roles(asked(quirks, *HISTORY[:4], said("and", "user")))[-3:] == ["tool", "assistant", "user"]


def _content_beside_calls(quirks: Quirks) -> bool:
    return sent(quirks)["messages"][1]["content"] == ""


def _empty_thought(quirks: Quirks) -> bool:
    return asked(quirks, *HISTORY[:1], *HISTORY[2:4])["messages"][1].get("mind") == ""


def _skip_signature(quirks: Quirks) -> bool:
    return "skip_thought_signature" in str(sent(quirks)["messages"][1]["tool_calls"][0])


def _extra_body(quirks: Quirks) -> bool:
    return sent(quirks).get("enable_thinking") is False


def _message_words(quirks: Quirks) -> bool:
    return "reasoning_content" not in sent(quirks)["messages"][1]


def _object_arguments(quirks: Quirks) -> bool:
    half = {"type": "function_call", "call_id": "c", "name": "run", "arguments": '{"x'}
    call = asked(quirks, said("x", "user"), half)["messages"][1]["tool_calls"][0]
    return bool(call["function"]["arguments"] == '{"unfinished": "{\\"x"}')


def _parsed_arguments(quirks: Quirks) -> bool:
    return sent(quirks)["messages"][1]["tool_calls"][0]["function"]["arguments"] == {}


def _user_last(quirks: Quirks) -> bool:
    return roles(asked(quirks, said("x", "user"), said("y")))[-1] == "user"


def _images(quirks: Quirks) -> bool:
    content = asked(quirks, {"role": "user", "content": [{"type": "input_text", "text": "see"}, PICTURE]})["messages"][
        0
    ]["content"]
    return bool(content == "see\n[image left out: this model takes text only]")


def _user_needed(quirks: Quirks) -> bool:
    return roles(asked(quirks, said("do it", "developer"))) == ["system", "user"]


CALLED = [
    said("x", "user"),
    said("I look"),
    *({"type": "function_call", "call_id": name, "name": "run", "arguments": "{}"} for name in ("c1", "c2")),
    *({"type": "function_call_output", "call_id": name, "output": f"out of {name}"} for name in ("c1", "c2")),
]


def _single_calls(quirks: Quirks) -> bool:
    messages = asked(quirks, *CALLED)["messages"]
    ids = [m["tool_calls"][0]["id"] if m.get("tool_calls") else m.get("tool_call_id") for m in messages[1:]]
    return ids == ["c1", "c1", "c2", "c2"] and messages[1]["content"] == "I look"


def _content_or_calls(quirks: Quirks) -> bool:
    return asked(quirks, *CALLED)["messages"][1]["content"] is None


def _listed_content(quirks: Quirks) -> bool:
    user, assistant, *_ = sent(quirks)["messages"]
    return user["content"] == [{"type": "text", "text": "hi"}] and assistant["content"] is None


def _content_or_thought(quirks: Quirks) -> bool:
    both = asked(quirks, HISTORY[0], HISTORY[1], said("I look"), *HISTORY[2:4])["messages"][1]
    thought_alone = sent(quirks)["messages"][1]
    return "reasoning_content" not in both and "reasoning_content" in thought_alone


def _named_outputs(quirks: Quirks) -> bool:
    return [m.get("name") for m in asked(quirks, *CALLED)["messages"][2:]] == ["run", "run"]


def _tools_of_history(quirks: Quirks) -> bool:
    return [tool["function"]["name"] for tool in asked(quirks, *CALLED).get("tools", ())] == ["run"]


def _stream(quirks: Quirks) -> bool:
    return sent(quirks).get("stream") is True and "stream_options" in sent(quirks)


def _usual_output(quirks: Quirks) -> bool:
    return sent(quirks).get("max_tokens") == 100 and sent(quirks, max_output_tokens=9)["max_tokens"] == 9


def _most_images(quirks: Quirks) -> bool:
    older, newer = ({**PICTURE, "image_url": f"data:image/png;base64,{name}"} for name in ("OLD", "NEW"))
    messages = asked(quirks, {"role": "user", "content": [older]}, {"role": "user", "content": [newer]})["messages"]
    return "NEW" in str(messages) and "OLD" not in str(messages)


def _most_output(quirks: Quirks) -> bool:
    return (
        sent(quirks, max_output_tokens=9000)["max_tokens"] == 100
        and sent(quirks, max_output_tokens=9)["max_tokens"] == 9
    )


def _most_tools(quirks: Quirks) -> bool:
    tools = [{"type": "function", "name": f"f{n}"} for n in range(3)]
    chat = to_chat({"model": "m", "input": "hi", "tools": tools}, quirks)
    left_out = "1 of 3 tools were left out: the upstream takes no more"
    return len(chat.body["tools"]) == 2 and left_out in chat.notes


def _longest_description(quirks: Quirks) -> bool:
    tools = [{"type": "function", "name": "f", "description": "d" * 9}]
    return len(sent(quirks, tools=tools)["tools"][0]["function"]["description"]) == 4


def _schema_forms(quirks: Quirks) -> bool:
    own = {"$ref": "#/$defs/o", "description": "d"}
    schema = {
        "type": "object",
        "properties": {"o": own, "$ref": {"type": "string"}, "l": {"type": ["null", "array"]}, "e": {"type": "object"}},
        "$defs": {"o": {"type": "integer"}},
    }
    tools = [{"type": "function", "name": "f", "parameters": schema}]
    properties = sent(quirks, tools=tools)["tools"][0]["function"]["parameters"]["properties"]
    return bool(
        properties["o"] == {"type": "integer", "description": "d"}
        and properties["$ref"] == {"type": "string"}
        and properties["l"] == {"type": "array", "items": {"type": "string"}}
        and properties["e"]["properties"]
    )


def test_references_in_circles_and_in_masses_end() -> None:
    defs: dict[str, Any] = {
        str(n): {"type": "array", "items": {"anyOf": [{"$ref": f"#/$defs/{n + 1}"}] * 9}} for n in range(12)
    }
    defs["12"] = {"$ref": "#/$defs/0"}
    schema = {"type": "object", "properties": {"o": {"$ref": "#/$defs/0"}, "n": {"$ref": "#/no/where"}}, "$defs": defs}
    found = rewritten(schema, ("inline",))
    assert found["properties"]["n"] == {"type": "object"}
    assert "$ref" not in str(found)


def _efforts(quirks: Quirks) -> bool:
    return sent(quirks, reasoning={"effort": "xhigh"})["reasoning_effort"] == "medium"


def _schema_words(quirks: Quirks) -> bool:
    function = sent(quirks, tools=TOOLS)["tools"][0]["function"]
    return "strict" not in function and "strict" in function["parameters"]["properties"]


def _answer_format(quirks: Quirks) -> bool:
    body = sent(quirks, text={"format": SCHEMA})
    return body["response_format"] == {"type": "json_object"} and '{"type":"object"}' in body["messages"][0]["content"]


def _verbosity(quirks: Quirks) -> bool:
    return sent(quirks, text={"verbosity": "low"}).get("verbosity") == "low"


def _thought_tags(quirks: Quirks) -> bool:
    return len(answered(quirks, {"content": "<think>hm</think>yes"})["output"]) == 1


def _leaked_calls(quirks: Quirks) -> bool:
    stream = ResponsesStream(Answer("resp_1", 0, "m", translate_tools(TOOLS).names, quirks=quirks))
    markup = '<tool_call>{"name": "run", "arguments": {}}</tool_call>'
    stream.feed({"choices": [{"delta": {"content": markup}, "finish_reason": "stop"}]})
    stream.end()
    return bool(stream.response["output"][0]["type"] == "message")


def _bare_channels(quirks: Quirks) -> bool:
    kinds = [item["type"] for item in answered(quirks, {"content": "analysisHm.assistantfinalYes"})["output"]]
    return kinds == ["reasoning", "message"]


def _thought_field(quirks: Quirks) -> bool:
    return sent(quirks)["messages"][1].get("mind") == "a thought"


def _call_id(quirks: Quirks) -> bool:
    return sent(quirks)["messages"][1]["tool_calls"][0]["id"] == "CALL_0123456789"


def _thought_fields(quirks: Quirks) -> bool:
    kinds = [item["type"] for item in answered(quirks, {"mind": "hm", "content": "yes"})["output"]]
    return kinds == ["reasoning", "message"]


def _call_fields(quirks: Quirks) -> bool:
    call = {"index": 0, "id": "c", "sealed": "x", "function": {"name": "run", "arguments": "{}"}}
    return len(answered(quirks, {"tool_calls": [call]}, "tool_calls")["output"]) == 2


def _message_fields(quirks: Quirks) -> bool:
    return len(answered(quirks, {"content": "yes", "sealed": "x"})["output"]) == 2


def _finish_words(quirks: Quirks) -> bool:
    return bool(answered(quirks, {"content": "yes"}, "enough")["status"] == "incomplete")


def _usage(quirks: Quirks) -> bool:
    usage = answered(quirks, {"content": "yes"}, usage={"in": 3, "completion_tokens": 4})["usage"]
    return bool(usage and usage["input_tokens"] == 3 and usage["output_tokens"] == 4)


HONOURED: dict[str, tuple[Callable[[Quirks], bool], Any]] = {
    "renamed": (_renamed, {"top_k": "k"}),
    "dropped": (_dropped, ("seed",)),
    "dropped_with_note": (_dropped_with_note, ("seed",)),
    "refused": (_refused, ("parallel_tool_calls",)),
    "extra_body": (_extra_body, {"enable_thinking": False}),
    "later_instructions": (_later_instructions, "first"),
    "system_role": (_system_role, "user"),
    "merge_assistants": (_merge_assistants, True),
    "assistant_after_tool": (_assistant_after_tool, True),
    "listed_content": (_listed_content, True),
    "content_beside_calls": (_content_beside_calls, ""),
    "empty_thought": (_empty_thought, "mind"),
    "message_words": (_message_words, ("reasoning_content",)),
    "object_arguments": (_object_arguments, True),
    "parsed_arguments": (_parsed_arguments, True),
    "user_last": (_user_last, True),
    "user_needed": (_user_needed, True),
    "single_calls": (_single_calls, True),
    "content_or_calls": (_content_or_calls, True),
    "content_or_thought": (_content_or_thought, True),
    "named_outputs": (_named_outputs, True),
    "tools_of_history": (_tools_of_history, True),
    "stream": (_stream, True),
    "usual_output": (_usual_output, 100),
    "most_images": (_most_images, 1),
    "most_output": (_most_output, 100),
    "most_tools": (_most_tools, 2),
    "longest_description": (_longest_description, 4),
    "schema_forms": (_schema_forms, ("inline", "items", "members", "one type")),
    "skip_signature": (_skip_signature, True),
    "images": (_images, False),
    "efforts": (_efforts, ("low", "medium")),
    "schema_words": (_schema_words, ("strict",)),
    "answer_format": (_answer_format, "json_object"),
    "verbosity": (_verbosity, True),
    "thought_tags": (_thought_tags, False),
    "leaked_calls": (_leaked_calls, False),
    "bare_channels": (_bare_channels, True),
    "thought_field": (_thought_field, "mind"),
    "call_id": (_call_id, str.upper),
    "thought_fields": (_thought_fields, ("mind",)),
    "call_fields": (_call_fields, ("sealed",)),
    "message_fields": (_message_fields, ("sealed",)),
    "finish_words": (_finish_words, {"enough": "max_output_tokens"}),
    "usage": (_usage, UsageSpelling(input=("in",))),
}


@pytest.mark.parametrize("name", [field.name for field in fields(Quirks) if field.name != "name"])
def test_the_bridge_goes_by_each_field_of_the_record(name: str) -> None:
    honoured, value = HONOURED[name]
    assert not honoured(DEFAULT)
    assert honoured(replace(DEFAULT, **{name: value}))
