"""Answers as vendors and relays really send them, and what a client must get of each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from joytui.gateway.upstreams.relay import Relay
from tests.bridge.bridging import custom, function, namespace
from tests.bridge.chat_upstream import ChatUpstream, Scripted, answer_json, call_delta, chunk, sse, stream, usage
from tests.upstreams.calling import events, model_call, read

TEXT = [chunk({"content": "Hello "}), chunk({"content": "there"})]
WHOLE = [*TEXT, chunk({}, "stop"), usage(1000, 50)]
CALL = '{"cmd":"echo one"}'
RUN = {"name": "exec_command", "arguments": CALL}
TOOLS = [
    {
        **function("exec_command"),
        "parameters": {
            "type": "object",
            "properties": {"cmd": {"type": "string"}, "lines": {"type": "integer"}},
        },
    },
    function("exec"),
    {
        **function("plan"),
        "parameters": {
            "type": "object",
            "properties": {
                "steps": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
                "done": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
                "why": {"type": "string"},
            },
            "required": ["steps"],
        },
    },
    namespace("mcp__docs", function("search")),
]
STEPS = {"steps": [{"n": 1}]}
ONE = [("exec_command", {"cmd": "echo one"})]
TWO = [*ONE, *ONE]
END = chunk({}, "tool_calls")


@dataclass(frozen=True)
class Accent:
    """`text`, `calls`, `tokens` (input, cached, output, reasoning) and `thought` of the answer; `error`: words of a failure."""

    name: str
    sends: Scripted
    text: str = ""
    calls: list[Any] = field(default_factory=list)
    tokens: tuple[int, int, int, int] | None = None
    thought: str | None = None
    error: str | None = None
    status: int = 200


def labelled(kind: str | None, body: bytes) -> Scripted:
    return Scripted(200, {"content-type": kind} if kind else {}, [body[:3], body[3:]])


def said(*texts: str, finish: str = "stop") -> Scripted:
    return stream(*(chunk({"content": text}) for text in texts), chunk({}, finish))


def calls(*deltas: Any, end: Any = END) -> Scripted:
    return stream(*(chunk(delta) for delta in deltas), end)


def counted(**counts: Any) -> Scripted:
    return stream(*TEXT, chunk({}, "stop"), {"choices": [], "usage": counts})


def lines(chunks: Iterable[Any], prefix: str = "data: ") -> bytes:
    return "".join(f"{prefix}{json.dumps(one)}\n" for one in chunks).encode()


def again(**more: Any) -> dict[str, Any]:
    return call_delta(0, "c1", "exec_command", CALL, **more)


HELLO = "Hello there"
STREAMS = [
    *(
        Accent(f"a stream called {kind}", labelled(kind, sse(WHOLE)), HELLO)
        for kind in (None, "text/plain", "application/json", "application/json, text/event-stream; charset=utf-8", "application/octet-stream")
    ),
    Accent("comments first, no label", labelled(None, b": ping\n\n" + sse(WHOLE)), HELLO),
    Accent("one line break", labelled("text/event-stream", lines(WHOLE) + b"data: [DONE]\n"), HELLO),
    Accent("one line break, no end mark", labelled("text/event-stream", lines(WHOLE)), HELLO),
    Accent("objects, one a line", labelled("application/x-ndjson", lines(WHOLE, "")), HELLO),
    Accent("a whole completion called a stream", labelled("text/event-stream", json.dumps({"choices": [{"message": {"content": HELLO}, "finish_reason": "stop"}]}, indent=1).encode()), HELLO),
    Accent("no finish reason but the end mark", stream(*TEXT), HELLO),
    Accent("the same with a call", stream(chunk(again())), calls=ONE),
    Accent("the end mark after half a call", stream(chunk(call_delta(0, "c1", "exec_command", '{"cmd'))), error="finish reason"),
    Accent("the end mark alone", stream(), error="finish reason"),
    Accent("neither", stream(*TEXT, done=False), error="finish reason"),
    Accent("cut", stream(*TEXT, done=False, cut=True), error="failed"),
    Accent("chunks in a list", answer_json(WHOLE), HELLO),
    Accent("framed twice", labelled("text/event-stream", sse(WHOLE).replace(b"data: ", b"data: data: ")), HELLO),
    Accent("a request that was given up", stream(*TEXT, chunk({}, "abort")), error="abort"),
    Accent("an event that has a detail", stream({"type": "moderation", "detail": "clean"}, *WHOLE), HELLO),
    Accent("an error without anything in it", stream(*({**one, "error": {"code": 0, "message": ""}} for one in WHOLE)), HELLO),
    Accent("a delta that is a text", stream({"choices": [{"index": "0", "delta": HELLO}]}, chunk({}, "stop")), HELLO),
    Accent("text in place of content", stream(chunk({"text": "Hello "}), chunk({"text": "there"}), chunk({}, "stop")), HELLO),
    Accent("a part that is in no list", stream(chunk({"content": {"type": "text", "text": HELLO}}), chunk({}, "stop")), HELLO),
    Accent("parts that are strings", stream(chunk({"content": ["Hello ", "there"]}), chunk({}, "stop")), HELLO),
    Accent("choices by their number", stream({"choices": {"0": {"delta": {"content": HELLO}, "finish_reason": "stop"}}}), HELLO),
    Accent("a part that is a thought", stream(chunk({"content": [{"type": "thought", "text": "hm"}, {"type": "text", "text": HELLO}]}), chunk({}, "stop")), HELLO, thought="hm"),
    Accent("a reasoning part with a summary", stream(chunk({"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}]}), *WHOLE), HELLO, thought="hm"),
    Accent("messages that grow", stream(*({"choices": [{"message": {"content": text}, "finish_reason": end}]} for text, end in (("Hel", "null"), ("Hello", ""), (HELLO, "stop")))), HELLO),
    Accent("choices that are one object", stream(*({"choices": {"delta": delta}} for delta in ({"content": HELLO}, {"finish_reason": "stop"}))), HELLO),
    Accent("the finish reason by itself", stream(*TEXT, {"choices": [], "finish_reason": "stop"}, done=False), HELLO),
    Accent("the finish reason in camelCase", stream(*TEXT, {"choices": [{"delta": {}, "finishReason": "FINISH_REASON_STOP"}]}, done=False), HELLO),
    *(Accent(f"chunks in {name}", stream(*({"code": 0, name: one} for one in WHOLE)), HELLO) for name in ("data", "result", "output")),
    *(Accent(f"the end mark {mark!r}", Scripted(pieces=[sse(TEXT, done=False), mark]), HELLO) for mark in (b"[DONE]\n\n", b'data: "[DONE]"\n\n', b"data: done\n\n", b"event: done\ndata: {}\n\n")),
    Accent("a tab as it is in a string", labelled("text/event-stream", sse([chunk({"content": "a@b"}), chunk({}, "stop")]).replace(b"@", b"\t")), "a\tb"),
    Accent("objects that nothing parts", labelled("application/json", b"".join(json.dumps(one).encode() for one in WHOLE)), HELLO),
    Accent("JSON in JSON", answer_json(json.dumps({"choices": [{"message": {"content": HELLO}, "finish_reason": "stop"}]})), HELLO),
    Accent("Ollama's own lines", labelled("application/x-ndjson", lines([{"message": {"content": HELLO}, "done": False}, {"message": {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 1000, "eval_count": 50}], "")), HELLO, tokens=(1000, 0, 50, 0)),
    Accent("objects, one a line: all items", labelled("application/x-ndjson", lines([chunk({"reasoning": "hm"}), chunk({"content": HELLO}), chunk(call_delta(0, "c1", **RUN)), END], "")), HELLO, ONE, thought="hm"),
    Accent("words behind a whole answer", Scripted(pieces=[sse(WHOLE, done=False), b"upstream request timeout"]), HELLO),
    Accent("the whole message once more", stream(*TEXT, {"choices": [{"message": {"content": HELLO}, "finish_reason": "stop"}]}), HELLO),
]  # fmt: skip

CALLS = [
    Accent("a finished call again", calls(again(), again()), calls=ONE),
    Accent("again, beside the finish reason", stream(chunk(again()), chunk(again(), "tool_calls")), calls=ONE),
    Accent("again without an id", calls(again(), call_delta(0, None, "exec_command", CALL)), calls=ONE),
    Accent("again without id and index", calls(again(), call_delta(None, None, "exec_command", CALL)), calls=ONE),
    Accent("again, encoded twice", calls(again(), call_delta(0, "c1", "exec_command", json.dumps(CALL))), calls=ONE),
    Accent("again with blanks", calls(again(), call_delta(0, "c1", "exec_command", '{ "cmd": "echo one" }')), calls=ONE),
    Accent("again, the arguments alone", calls(again(), call_delta(0, arguments=CALL)), calls=ONE),
    Accent("again after the end", stream(chunk(call_delta(None, None, **RUN)), END, chunk(call_delta(None, None, **RUN))), calls=ONE),
    Accent("again beside an empty piece", calls(again(), {"tool_calls": [*again()["tool_calls"], {"index": 1, "id": "", "function": {"name": "", "arguments": ""}}]}), calls=ONE),
    Accent("again as a whole message", stream(chunk(again()), {"choices": [{"message": {"tool_calls": [{"id": "c1", "function": RUN}]}, "finish_reason": "tool_calls"}]}), calls=ONE),
    Accent("twins by id", calls(again(), call_delta(1, "c2", "exec_command", CALL)), calls=TWO),
    Accent("twins by id, index 0 for both", calls(again(), call_delta(0, "c2", "exec_command", CALL)), calls=TWO),
    Accent("twins by index, no ids", calls(call_delta(0, None, **RUN), call_delta(1, None, **RUN)), calls=TWO),
    Accent("twins in one chunk without anything", calls({"tool_calls": [{"function": RUN}, {"function": RUN}]}), calls=TWO),
    Accent("twins in two chunks without anything", calls(call_delta(None, None, **RUN), call_delta(None, None, **RUN)), calls=TWO),
    Accent("braces first", calls(call_delta(0, "c1", "exec_command", "{}"), call_delta(0, arguments='{"cmd":'), call_delta(0, arguments='"echo one"}')), calls=ONE),
    Accent("braces first, in one piece", calls(call_delta(0, "c1", "exec_command", "{}" + CALL)), calls=ONE),
    Accent("braces first, id in each", calls(call_delta(0, "c1", "exec_command", "{}"), again()), calls=ONE),
    Accent("encoded twice", calls(call_delta(0, "c1", "exec_command", json.dumps(CALL))), calls=ONE),
    Accent("each piece holds all so far", calls(call_delta(0, "c1", "exec_command", '{"cmd":'), call_delta(0, arguments=CALL)), calls=ONE),
    Accent("a name in pieces", calls(call_delta(0, "c1", "exec_"), call_delta(0, None, "comm"), call_delta(0, None, "and"), call_delta(0, arguments=CALL)), calls=ONE),
    Accent("a name in pieces that is a tool's", calls(call_delta(0, "c1", "exec"), call_delta(0, "c1", "_command"), call_delta(0, arguments=CALL)), calls=ONE),
    Accent("one call that is no list", calls({"tool_calls": {"index": 0, "id": "c1", "function": RUN}}), calls=ONE),
    Accent("a name with functions. before it", calls(call_delta(0, "c1", "functions.exec_command", CALL)), calls=ONE),
    Accent("a name in another case", calls(call_delta(0, "c1", "Exec_Command", CALL)), calls=ONE),
    Accent("arguments in a fence", calls(call_delta(0, "c1", "exec_command", f"```json\n{CALL}\n```")), calls=ONE),
    Accent("the model's own mark behind them", calls(call_delta(0, "c1", "exec_command", CALL + "</tool_call>")), calls=ONE),
    Accent("a custom call of a function", calls({"tool_calls": [{"index": 0, "id": "c1", "custom": {"name": "exec_command", "input": CALL}}]}), calls=ONE),
    Accent("parameters", calls({"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "exec_command", "parameters": {"cmd": "echo one"}}}]}), calls=ONE),
    *(
        Accent(f"the name {name!r}", calls(call_delta(0, "c1", name, CALL)), calls=ONE)
        for name in ("exec_command<|channel|>commentary", "assistant to=functions.exec_command", "default_api:exec_command", "functions.exec_command:0", "exec-command", "exec_command()")
    ),
    Accent("an index that grows with each piece", calls(call_delta(0, "c1", "exec_command", '{"cmd":'), call_delta(1, "c1", None, '"echo one"}')), calls=ONE),
    Accent("an index in quotes", calls({"tool_calls": [{"index": "0", "id": "c1", "function": {"name": "exec_command"}}]}, {"tool_calls": [{"index": "0", "function": {"arguments": CALL}}]}), calls=ONE),
    *(
        Accent(f"arguments {text!r}", calls(call_delta(0, "c1", "exec_command", text)), calls=ONE)
        for text in ("{'cmd': 'echo one'}", CALL + "}", '{"cmd":"echo one",}', f"[{CALL}]")
    ),
    Accent("a line break as it is in the arguments", calls(call_delta(0, "c1", "exec_command", '{"cmd":"a\nb"}')), calls=[("exec_command", {"cmd": "a\nb"})]),
    Accent("arguments encoded three times", calls(call_delta(0, "c1", "exec_command", json.dumps(json.dumps(CALL)))), calls=ONE),
    Accent("arguments that are escaped", calls(call_delta(0, "c1", "exec_command", json.dumps(CALL)[1:-1])), calls=ONE),
    Accent("args", calls({"tool_calls": [{"id": "c1", "function": {"name": "exec_command", "args": {"cmd": "echo one"}}}]}), calls=ONE),
    Accent("null for no arguments", calls(call_delta(0, "c1", "exec", "null")), calls=[("exec", {})]),
    Accent("a part tool_use", stream(chunk({"content": [{"type": "tool_use", "id": "c1", "name": "exec_command", "input": {"cmd": "echo one"}}]}), END), calls=ONE),
    Accent("a message beside an empty delta", stream(chunk({}), {"choices": [{"delta": {}, "message": {"tool_calls": [{"id": "c1", "function": RUN}]}, "finish_reason": "tool_calls"}]}), calls=ONE),
    *(
        Accent(f"{STEPS} as {given}", calls(call_delta(0, "c1", "plan", json.dumps(given))), calls=[("plan", STEPS)])
        for given in ({"arguments": STEPS}, {"arguments": json.dumps(STEPS)}, {"input": STEPS}, {"name": "plan", "arguments": STEPS}, {"steps": json.dumps(STEPS["steps"])}, {"steps": [{"n": "1"}]}, {"steps": "[{'n': 1}]"})
    ),
    *(
        Accent(f"{given} as it is", calls(call_delta(0, "c1", name, json.dumps(given))), calls=[(name, given)])
        for name, given in (
            ("plan", {"steps": [], "why": "[1]"}),
            ("plan", {"steps": [], "why": {"steps": []}}),
            ("plan", {"arguments": {"steps": [], "more": 1}}),
            ("plan", {"one": STEPS, "two": STEPS}),
            ("plan", {"steps": "all"}),
            ("plan", {"steps": [{"n": "NaN"}]}),
            ("plan", {"steps": [{"n": "1.5"}]}),
            ("exec_command", {"arguments": {"cmd": "echo one"}}),
            ("exec", {"n": "1"}),
        )
    ),
    Accent("a word that is true", calls(call_delta(0, "c1", "plan", '{"steps": [], "done": "True"}')), calls=[("plan", {"steps": [], "done": True})]),
    Accent("a comma behind the last of a list", calls(call_delta(0, "c1", "plan", '{"steps": [{"n": 1,},], "why": "a,]"}')), calls=[("plan", {**STEPS, "why": "a,]"})]),
    Accent("a beginning that was lost", calls(call_delta(0, "c1", "exec_command", CALL[2:])), calls=ONE),
    Accent("Python that is not JSON", calls(call_delta(0, "c1", "exec", "{'a': {1}}")), calls=[("exec", "{'a': {1}}")]),
    Accent("a name that is said twice", calls(call_delta(0, "c1", "exec_commandexec_command", CALL)), calls=ONE),
    Accent("the name of a member, with the end of its namespace", calls(call_delta(0, "c1", "docs.search", "{}")), calls=[("search", {})]),
    Accent("a member of another namespace", calls(call_delta(0, "c1", "web.search", "{}")), calls=[("web.search", {})]),
    Accent("an index that falls", calls(call_delta(1, "c1", "exec_command", ""), call_delta(0, arguments=CALL[:7]), call_delta(0, arguments=CALL[7:])), calls=ONE),
    *(
        Accent(f"a call as {call}", calls({"tool_calls": [{"index": 0, "id": "c1", **call}]}), calls=ONE)
        for call in ({"function": json.dumps(RUN)}, {"tool": "exec_command", "arguments": CALL}, {"function": {**RUN, "arguments": [CALL[:7], CALL[7:]]}})
    ),
    Accent("calls as their text", calls({"tool_calls": json.dumps([{"id": "c1", "function": RUN}])}), calls=ONE),
    Accent("the name as the only member", calls({"tool_calls": [{"id": "c1", "function": {"exec_command": {"cmd": "echo one"}}}]}), calls=ONE),
    *(
        Accent(f"a call that nobody can read, {end}", calls({"reasoning": "hm"}, call_delta(0, "c1", arguments=CALL), end=chunk({}, end)), error="there is no call to be read")
        for end in ("tool_calls", "stop")
    ),
    Accent("a call that is not there", stream(END), error="there is no call to be read"),
    Accent("text in place of a call", said(HELLO, finish="tool_calls"), HELLO),
    Accent("again after the end, with another id", stream(chunk(again()), END, chunk(call_delta(0, "c9", **RUN))), calls=ONE),
    Accent("again as a whole message, with another id", stream(chunk(again()), {"choices": [{"message": {"tool_calls": [{"id": "c9", "function": RUN}]}, "finish_reason": "tool_calls"}]}), calls=ONE),
    Accent("twins in messages that grow", stream(*({"choices": [{"message": {"tool_calls": [{"id": f"c{n}", "function": RUN} for n in range(count)]}, "finish_reason": None if count == 1 else "tool_calls"}]} for count in (1, 2))), calls=TWO),
    Accent("toolCalls", calls({"toolCalls": [{"index": 0, "id": "c1", "function": RUN}]}), calls=ONE),
    Accent("calls beside the delta", stream({"choices": [{"delta": {}, "tool_calls": [{"id": "c1", "function": RUN}], "finish_reason": "tool_calls"}]}), calls=ONE),
    Accent("names without quotation marks", calls(call_delta(0, "c1", "exec_command", '{cmd: "echo one",}')), calls=ONE),
    Accent("a byte order mark", calls(call_delta(0, "c1", "exec_command", f"\ufeff {CALL}")), calls=ONE),
    Accent("a patch in a fence", calls(call_delta(0, "c1", "apply_patch", json.dumps({"input": "```diff\n*** Begin Patch\n```"}))), calls=[("apply_patch", "*** Begin Patch")]),
    Accent("a name that begins another", calls(call_delta(0, "c1", "exec", "{}")), calls=[("exec", {})]),
]  # fmt: skip

DSML = (
    '<｜DSML｜function_calls>\n<｜DSML｜invoke name="exec_command">\n<｜DSML｜parameter name="cmd" string="true">echo one'
    "</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>"
)
QWEN = "<tool_call>\n<function=exec_command>\n<parameter=cmd>\necho one\n</parameter>\n</function>\n</tool_call>"
HERMES = '<tool_call>\n{"name": "exec_command", "arguments": {"cmd": "echo one"}}\n</tool_call>'
GLM = "<tool_call>exec_command\n<arg_key>cmd</arg_key>\n<arg_value>echo one</arg_value>\n</tool_call>"
KIMI = (
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.exec_command:0<|tool_call_argument_begin|>"
    f"{CALL}<|tool_call_end|><|tool_calls_section_end|>"
)
DEEPSEEK = f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>exec_command<｜tool▁sep｜>{CALL}<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
MISTRAL = f'[TOOL_CALLS][{{"name": "exec_command", "arguments": {CALL}}}]'
THINKS = "<|channel|>analysis<|message|>hm<|end|>"
SAYS = "<|start|>assistant<|channel|>final<|message|>"
RUNS = f"<|start|>assistant<|channel|>commentary to=functions.exec_command <|constrain|>json<|message|>{CALL}"
HARMONY = [
    Accent("channels", said(THINKS, SAYS + HELLO), HELLO, thought="hm"),
    Accent("channels, letter by letter", said(*THINKS, *SAYS, *HELLO, *"<|return|>"), HELLO, thought="hm"),
    Accent("the last channel alone", said(SAYS.removeprefix("<|start|>assistant"), HELLO), HELLO),
    Accent("a call in a channel", said(THINKS, RUNS, "<|call|>"), calls=ONE, thought="hm"),
    Accent("two of them, the last without its end", said(f"{RUNS}<|call|>{RUNS}"), calls=TWO),
    Accent("its name before the channel", said(f"<|start|>assistant to=functions.exec_command<|channel|>commentary json<|message|>{CALL}<|call|>"), calls=ONE),
    Accent("words before the call", said("<|channel|>commentary<|message|>I look.<|end|>", RUNS), "I look.", ONE),
    Accent("words before the answer", said("<|channel|>commentary<|message|>I look.<|end|>", SAYS, HELLO), f"I look.\n\n{HELLO}"),
    Accent("a call of a tool that nobody offered", said(RUNS.replace("exec_command", "rm")), RUNS.replace("exec_command", "rm")),
    Accent("channels that are talked about", said("It writes ", THINKS), f"It writes {THINKS}"),
]  # fmt: skip
ENDS = [
    *(Accent(f"{mark} behind the text", said(HELLO[:-1], HELLO[-1] + mark[:3], mark[3:]), HELLO) for mark in ("<|im_end|>", "<|return|>", "</s>")),
    *(Accent(f"honest {text!r}", said(text), text) for text in ("It ends with <|im_end|>", "<s>struck</s>", "`</s>`", "a <|im_end|> b")),
]  # fmt: skip
MORE_LEAKS = [
    f'<tool_call>\n{{{{"name": "exec_command", "arguments": {CALL}}}}}\n</tool_call>',
    '<seed:tool_call><function=exec_command><parameter=cmd>echo one</parameter></function></seed:tool_call>',
    f'<TOOLCALL>[{{"name": "exec_command", "arguments": {CALL}}}]</TOOLCALL>',
    f'<|START_ACTION|>[{{"tool_call_id": "0", "tool_name": "exec_command", "parameters": {CALL}}}]<|END_ACTION|>',
    f"[TOOL_CALLS]exec_command{CALL}",
    "<tool_call>\n<function=exec_command>\n<parameter=cmd>\necho one\n</function>\n</tool_call>",
    '<|tool_call>call:exec_command{cmd:<|"|>echo one<|"|>}<tool_call|>',
    '<|python_start|>[exec_command(cmd="echo one")]<|python_end|>',
]  # fmt: skip
TAGS = [
    *HARMONY,
    *ENDS,
    *(Accent(f"another leaked call {n}", said(text[:15], text[15:]), calls=ONE) for n, text in enumerate(MORE_LEAKS)),
    Accent("two calls in Python", said('<function_calls>exec_command(cmd="a"), exec_command(cmd="b")</function_calls>'), calls=[("exec_command", {"cmd": "a"}), ("exec_command", {"cmd": "b"})]),
    Accent("JSON that looks like a call", said(json.dumps(RUN)), json.dumps(RUN)),
    Accent("a call in a thought, and nothing else", stream(chunk({"reasoning": f"hm{HERMES}"}), chunk({}, "stop")), calls=ONE, thought=f"hm{HERMES}"),
    Accent("a call in a thought, and an answer", stream(chunk({"reasoning": f"hm{HERMES}"}), *WHOLE), HELLO, thought=f"hm{HERMES}"),
    Accent("a closing tag that the parser left", stream(chunk({"reasoning": "hm"}), chunk({"content": "</think>"}), *WHOLE), HELLO, thought="hm"),
    Accent("blocks of thoughts alone", stream(chunk({"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}), *WHOLE), HELLO, thought="hm"),
    Accent("a thought that says so", stream(chunk({"content": "hm", "extra_content": {"google": {"thought": True}}}), *WHOLE), HELLO, thought="hm"),
    *(Accent(f"thoughts between {one} and {two}", said(one[:3], one[3:] + "h", "m" + two + HELLO), HELLO, thought="hm") for one, two in (("<mm:think>", "</mm:think>"), ("<|START_THINKING|>", "<|END_THINKING|>"), ("<|channel>thought\n", "<channel|>"))),
    Accent("tags that the user asked for", said("<reasoning>hm</reasoning>"), "<reasoning>hm</reasoning>"),
    Accent("a thought in tags", said("<thi", "nk>I see", ".</th", "ink>\n\nThe ", "answer."), "The answer.", thought="I see."),
    Accent("blanks before it", said("\n<think>\n", "I see.</think>The answer."), "The answer.", thought="\nI see."),
    Accent("the closing tag alone", said("I see", ".\n</thi", "nk>\n\nThe answer."), "The answer.", thought="I see.\n"),
    Accent("the closing tag alone, at once", said("I see.</think>The answer."), "The answer.", thought="I see."),
    Accent("a thought that does not end", said("<think>I see."), "", thought="I see."),
    Accent("a tag inside code", said("Use `</think>` to end it."), "Use `</think>` to end it."),
    Accent("tags in the middle", said("So <think>a</think> b"), "So <think>a</think> b"),
    Accent("thoughts called thinking", stream(chunk({"thinking": "hm"}), *WHOLE), HELLO, thought="hm"),
    Accent("a tag after real thoughts", stream(chunk({"reasoning": "hm"}), chunk({"content": "a</think>b"}, "stop")), "a</think>b", thought="hm"),
    Accent("nothing but a bracket", said("a <"), "a <"),
    *(Accent(f"a leaked call {n}", said(text[:15], text[15:]), calls=ONE) for n, text in enumerate((DSML, QWEN, HERMES, GLM, KIMI, DEEPSEEK, MISTRAL))),
    Accent("a name, and a mark behind it", said("exec", "_command", "[AR", "GS]", *CALL), calls=ONE),
    *(Accent(f"a name at the beginning: {text!r}", said(text[:5], text[5:]), text) for text in ("exec_command", "exec_command[0] is one", "exec_command[ARGS]", "exec_command[ARGS]{} is how it is written", "exec_commands[ARGS]{}")),
    Accent("leaked after words", said("I run it.\n", HERMES), "I run it.\n", ONE),
    Accent("leaked after a thought", said("<think>hm</think>", HERMES), "", ONE, thought="hm"),
    Accent("two leaked calls", said(HERMES + HERMES), calls=TWO),
    Accent("leaked numbers", said(GLM.replace("cmd", "lines").replace("echo one", "5")), calls=[("exec_command", {"lines": 5})]),
    Accent("markup that is talked about", said(HERMES, " is how it is written."), HERMES + " is how it is written."),
    Accent("markup of a tool that nobody offered", said(HERMES.replace("exec_command", "rm")), HERMES.replace("exec_command", "rm")),
    Accent("markup beside a proper call", stream(chunk({"content": HERMES}), chunk(again()), END), HERMES, ONE),
]  # fmt: skip

RIGHT = (1000, 900, 50, 30)
COHERE = {
    "billed_units": {"input_tokens": 7, "output_tokens": 4},
    "tokens": {"input_tokens": 1000, "output_tokens": 50},
}
COUNTED: list[tuple[dict[str, Any], int]] = [
    ({"timings": {"prompt_n": 100, "cache_n": 900, "predicted_n": 50}}, 900),
    ({"tokens_evaluated": 1000, "tokens_predicted": 50}, 0),
    ({"prompt_eval_count": 1000, "eval_count": 50}, 0),
    ({"usage": {**COHERE, "cached_tokens": 900}}, 900),
    ({"meta": COHERE}, 0),
    ({"meta": {"billed_units": {"input_tokens": 1000, "output_tokens": 50}}}, 0),
    ({"amazon-bedrock-invocationMetrics": {"inputTokenCount": 1000, "outputTokenCount": 50}}, 0),
    ({"usage_metadata": {"prompt_token_count": 1000, "candidates_token_count": 50, "cached_content_token_count": 900}}, 900),
    ({"details": {"prefill_tokens": 1000, "generated_tokens": 50}}, 0),
]  # fmt: skip
USAGE = [
    Accent("in the choice", stream(*TEXT, {"choices": [{"delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 1000, "completion_tokens": 50, "cached_tokens": 900}}]}), HELLO, tokens=(1000, 900, 50, 0)),
    Accent("zeros after the truth", stream(*WHOLE, usage(0, 0)), HELLO, tokens=(1000, 0, 50, 0)),
    Accent("input first, output later", stream({"choices": [], "usage": {"input_tokens": 1000}}, *TEXT, chunk({}, "stop"), {"choices": [], "usage": {"output_tokens": 50}}), HELLO, tokens=(1000, 0, 50, 0)),
    Accent("xAI: thoughts beside the output", counted(prompt_tokens=1000, completion_tokens=20, total_tokens=1050, prompt_tokens_details={"cached_tokens": 900}, completion_tokens_details={"reasoning_tokens": 30}), HELLO, tokens=RIGHT),
    Accent("Gemini: thoughts in the total alone", counted(prompt_tokens=1000, completion_tokens=20, total_tokens=1050, cached_tokens=900), HELLO, tokens=RIGHT),
    Accent("Gemini's own spelling", stream(*TEXT, chunk({}, "stop", usageMetadata={"promptTokenCount": 1000, "candidatesTokenCount": 20, "thoughtsTokenCount": 30, "totalTokenCount": 1050, "cachedContentTokenCount": 900})), HELLO, tokens=RIGHT),
    Accent("Anthropic: the cache beside the input", counted(input_tokens=60, cache_read_input_tokens=900, cache_creation_input_tokens=40, output_tokens=50), HELLO, tokens=(1000, 900, 50, 0)),
    Accent("its names, the cache inside", counted(input_tokens=1000, cache_read_input_tokens=900, output_tokens=50, total_tokens=1050), HELLO, tokens=(1000, 900, 50, 0)),
    Accent("LiteLLM: both spellings", counted(prompt_tokens=1000, cache_read_input_tokens=900, completion_tokens=50, total_tokens=1050), HELLO, tokens=(1000, 900, 50, 0)),
    Accent("OpenAI's", counted(prompt_tokens=1000, completion_tokens=50, total_tokens=1050, prompt_tokens_details={"cached_tokens": 900}, completion_tokens_details={"reasoning_tokens": 30}), HELLO, tokens=RIGHT),
    *(Accent(f"counts in {next(iter(where))}", stream(*TEXT, chunk({}, "stop"), {"choices": [], **where}), HELLO, tokens=(1000, cached, 50, 0)) for where, cached in COUNTED),
    *(
        Accent(f"behind the end mark {list(wrong)}", Scripted(pieces=[sse([*TEXT, chunk({}, "stop")]), sse([wrong, usage(10, 5)], done=False)]), HELLO, tokens=(10, 0, 5, 0))
        for wrong in ({"error": {"message": "boom"}}, {"message": "boom", "code": 500}, {"detail": "boom"})
    ),
    Accent("behind the end mark", Scripted(pieces=[sse([*TEXT, chunk({}, "stop")]), b"data: [DONE]\n\n", sse([chunk({"content": "!"}, "error", usage={"prompt_tokens": 1000, "completion_tokens": 50})], done=False)]), HELLO, tokens=(1000, 0, 50, 0)),
    Accent("an event called usage", Scripted(pieces=[sse([*TEXT, chunk({}, "stop")], done=False), b'event: usage\ndata: {"prompt_tokens": 1000, "completion_tokens": 50}\n\n']), HELLO, tokens=(1000, 0, 50, 0)),
    Accent("Bedrock's event", stream(*TEXT, chunk({}, "stop"), {"metadata": {"usage": {"inputTokens": 100, "outputTokens": 50, "cacheReadInputTokens": 900}}}), HELLO, tokens=(1000, 900, 50, 0)),
    Accent("no output, but the total", counted(prompt_tokens=1000, total_tokens=1050), HELLO, tokens=(1000, 0, 50, 0)),
    Accent("a number called tokens", counted(prompt_tokens=1000, completion_tokens=50, tokens=7), HELLO, tokens=(1000, 0, 50, 0)),
    Accent("timings beside the usage", stream(*TEXT, chunk({}, "stop"), {"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 50}, "timings": {"prompt_n": 1, "predicted_n": 49}}), HELLO, tokens=(1000, 0, 50, 0)),
    Accent("Groq's", stream(*TEXT, chunk({}, "stop", x_groq={"usage": {"prompt_tokens": 1000, "completion_tokens": 50}})), HELLO, tokens=(1000, 0, 50, 0)),
]  # fmt: skip

ERRORS = [
    Accent("detail in the stream", stream(*TEXT, {"detail": "worker died"}, done=False), error="worker died"),
    Accent("an event called error", Scripted(pieces=[sse(TEXT, done=False), b"event: error\ndata: out of memory\n\n"]), error="out of memory"),
    Accent("bare JSON in the stream", Scripted(pieces=[sse(TEXT, done=False), b'{"error": {"message": "slot lost"}}\n']), error="slot lost"),
    *(
        Accent(f"{words!r} in the middle", Scripted(pieces=[sse([*TEXT, usage(1000, 50)], done=False), page]), error=words, tokens=(1000, 0, 50, 0))
        for words, page in (
            ("504 Gateway Time-out", b"<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body>x</body></html>\r\n"),
            ("524: A timeout occurred", b'data: {"choices":[{"del<!DOCTYPE html>\n<html><title>524: A timeout occurred</title></html>'),
            ("upstream connect error", b"upstream connect error or disconnect/reset before headers. reset reason: overflow"),
            ("upstream request timeout", b"data: upstream request timeout\n\n"),
            ("slot lost", b'{\n "error": {\n  "message": "slot lost"\n }\n}\n'),
        )
    ),
    Accent("Google's, in a list", Scripted(pieces=[sse(TEXT, done=False), b'data: [{"error": {"message": "worker died"}}]\n\n']), error="worker died"),
    Accent("two levels down", stream({"result": {"response": {"error": {"message": "worker died"}, "isThinking": False}}}, done=False), error="worker died"),
    Accent("Google's word with its place", stream(chunk({}, "function_call_filter: MALFORMED_FUNCTION_CALL")), error="malformed tool call"),
    Accent("in the choice", stream({"choices": [{"error": {"code": 502, "message": "provider died"}, "finish_reason": "error"}]}), error="provider died"),
    Accent("FastAPI's list", answer_json({"detail": [{"loc": ["body", "n"], "msg": "too few"}]}), error="body.n: too few"),
    Accent("Cloudflare's list", answer_json({"success": False, "errors": [{"code": 7, "message": "no route"}], "result": None}), error="no route"),
    Accent("Amazon's", answer_json({"__type": "AccessDeniedException", "Message": "no such right"}), error="no such right"),
    Accent("DashScope's", answer_json({"code": "InvalidParameter", "message": "bad parameter", "request_id": "r"}), error="bad parameter"),
    Accent("Baidu's", answer_json({"error_code": 17, "error_msg": "daily limit reached"}), error="daily limit reached"),
    Accent("Tencent's", answer_json({"Response": {"Error": {"Code": "FailedOperation", "Message": "no route"}, "RequestId": "r"}}), error="no route"),
    Accent("Volcengine's", answer_json({"ResponseMetadata": {"Error": {"Code": "X", "Message": "no route"}}}), error="no route"),
    Accent("Bedrock's, in the stream", stream(*TEXT, {"internalServerException": {"message": "worker died"}}, done=False), error="worker died"),
    Accent("Apigee's", answer_json({"fault": {"faultstring": "no route", "detail": {"errorcode": "x"}}}), error="no route"),
    Accent("Spark's", answer_json({"header": {"code": 10013, "message": "no route", "sid": "s"}}), error="no route"),
    *(Accent(f"told by {next(iter(one))}", stream(*TEXT, one, done=False), error="worker died") for one in ({"statusCode": 500, "message": "worker died"}, {"retcode": 500, "retmsg": "worker died"}, {"exception": "worker died"}, {"errorType": "x", "errorMessage": "worker died"})),
    Accent("a list called error", answer_json({"success": False, "error": [{"code": 2009, "message": "no route"}]}), error="no route"),
    Accent("an error in an error", answer_json({"error": {"error": {"message": "no route"}}}), error="no route"),
    Accent("words in place of a chunk", Scripted(pieces=[sse(TEXT, done=False), b"data: Error: worker died\n\ndata: [DONE]\n\n"]), error="worker died"),
    *(
        Accent(f"a body that is {kind}", labelled(kind, page), error=f"the upstream's answer is neither an event stream nor JSON (content-type {kind}): {words}", status=502)
        for kind, page, words in (("text/html", b"<html><head><title>502 Bad\nGateway</title></head><body>x</body></html>", "502 Bad Gateway"), ("text/plain", b"upstream connect error", "upstream connect error"))
    ),
    Accent("MiniMax: no money", answer_json({"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}), error="insufficient balance (1008)", status=402),
    Accent("MiniMax: too fast", answer_json({"choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}}), error="rate limit (1002)", status=429),
    Accent("MiniMax: no fault", answer_json({"choices": [{"message": {"content": HELLO}, "finish_reason": "stop"}], "base_resp": {"status_code": 0, "status_msg": ""}}), HELLO),
]  # fmt: skip


def arguments_of(call: dict[str, Any]) -> Any:
    try:
        return call["input"] if "input" in call else json.loads(call["arguments"])
    except ValueError:
        return call["arguments"]


@pytest.mark.parametrize("accent", [*STREAMS, *CALLS, *TAGS, *USAGE, *ERRORS], ids=lambda accent: accent.name)
async def test_an_answer_is_what_it_means(accent: Accent) -> None:
    async with ChatUpstream(lambda seen: accent.sends) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        exchange, data, seen = await read(relay, model_call(tools=[*TOOLS, custom()]))
        await relay.aclose()
    assert exchange.status == accent.status
    if accent.status != 200:
        assert accent.error == json.loads(data)["error"]["message"]
        return
    last = events(data)[-1]["response"]
    if accent.error is not None:
        assert last["status"] == "failed"
        assert accent.error in last["error"]["message"]
        assert accent.tokens in (
            None,
            (seen.input_tokens, seen.cached_input_tokens, seen.output_tokens, seen.reasoning_tokens),
        )
        return
    output = last["output"]
    assert last["status"] == "completed"
    assert seen.complete
    assert "".join(p["text"] for i in output if i["type"] == "message" for p in i["content"]) == accent.text
    assert [(i["name"], arguments_of(i)) for i in output if i["type"].endswith("_call")] == accent.calls
    assert [e["item"] for e in events(data) if e["type"] == "response.output_item.done"] == output
    thoughts = [p["text"] for i in output if i["type"] == "reasoning" for p in i.get("content", ())]
    assert thoughts == ([accent.thought] if accent.thought is not None else [])
    if accent.tokens is not None:
        told = last["usage"]
        details = told["input_tokens_details"]["cached_tokens"], told["output_tokens_details"]["reasoning_tokens"]
        assert (told["input_tokens"], details[0], told["output_tokens"], details[1]) == accent.tokens
        assert told["total_tokens"] == told["input_tokens"] + told["output_tokens"]
        assert (seen.input_tokens, seen.cached_input_tokens, seen.output_tokens, seen.reasoning_tokens) == accent.tokens


OVERFLOWS = [
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
    "the request exceeds the available context size, try increasing it",
    "prompt is too long: 210000 tokens > 200000 maximum",
    "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000",
    "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).",
    "Range of input length should be [1, 129024]",
    "Your request exceeded model token limit: 262144",
    "Please reduce the length of the messages or completion.",
    "Prompt contains 140000 tokens and 0 draft tokens, too large for model with 131072 maximum context length",
    "Input is too long for requested model.",
    "invalid params, context window exceeds limit (2013)",
    "Requested token count exceeds the model's maximum context length of 32768 tokens.",
    "The decoder prompt (length 40000) is longer than the maximum model length of 32768.",
    "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
    "Prompt 超长",
    "Your prompt contains 150000 tokens but the model supports at most 131072",
    "the number of input tokens (150000) is greater than the model's limit (131072)",
    "the max input characters is 20000",
    "the input token count is 1200000 but model only supports up to 1048576.",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",
    "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000",
]


@pytest.mark.parametrize("words", OVERFLOWS)
@pytest.mark.parametrize("status", [200, 400, 413])
async def test_a_full_context_is_told_as_codex_knows_it(words: str, status: int) -> None:
    async with ChatUpstream(lambda seen: answer_json({"error": {"message": words, "code": 400}}, status)) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        exchange, data, seen = await read(relay, model_call(tools=TOOLS))
        await relay.aclose()
    failed = events(data)[-1]["response"] if status == 200 else json.loads(data)
    assert exchange.status == (200 if status == 200 else 400)
    assert (failed["error"]["code"], failed["error"]["message"]) == ("context_length_exceeded", words)
    assert seen.error_message == words
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    "words",
    [
        "Request too large on tokens per minute (TPM): Limit 6000",
        "max_tokens is too large: 9",
        "max_tokens exceeds the maximum allowed: 8192",
    ],
)
async def test_other_limits_are_no_full_context(words: str) -> None:
    async with ChatUpstream(lambda seen: answer_json({"error": {"message": words}}, 413)) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        exchange, data, _ = await read(relay, model_call())
        await relay.aclose()
    assert exchange.status == 413
    assert b"context_length" not in data


async def test_an_answer_without_any_counts_has_estimated_ones_that_say_so() -> None:
    async with ChatUpstream(lambda seen: stream(*TEXT, chunk({}, "stop"))) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        call = model_call(input="x" * 4000)
        _, data, seen = await read(relay, call)
        await relay.aclose()
    told = events(data)[-1]["response"]["usage"]
    assert (told["input_tokens"], told["output_tokens"]) == (len(call.raw) // 4 + 1, 3)
    assert not seen.usage_seen
    assert "usage estimated: the upstream reported none" in seen.notes


async def test_codex_asks_for_compaction_and_gets_one_item_that_it_can_send_back() -> None:
    answer = stream(
        chunk({"reasoning": "hm"}), chunk({"content": "<think>so</think>We built a shed."}), chunk({}, "stop")
    )
    trigger = {"type": "compaction_trigger"}
    async with ChatUpstream(lambda seen: answer) as upstream:
        relay = Relay(upstream.url, "k", name="r", api="chat")
        given = [{"role": "user", "content": "build a shed"}, trigger]
        _, data, _ = await read(relay, model_call(input=given, tools=TOOLS))
        (item,) = events(data)[-1]["response"]["output"]
        await read(relay, model_call(input=[item, {"role": "user", "content": "go on"}]))
        await relay.aclose()
    assert item["type"] == "compaction"
    assert [e["type"] for e in events(data) if "output" in e["type"]] == [
        "response.output_item.added",
        "response.output_item.done",
    ]
    first, second = (request.body["messages"] for request in upstream.requests)
    assert first[-1]["content"].startswith("build a shed\n\nWrite a summary")
    assert second[0]["content"].endswith("We built a shed.\n\ngo on")
