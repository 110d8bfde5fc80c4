"""What the offline model answers to a Chat request. It understands, in the last user message:

    say TEXT                                    answers TEXT
    call the tool NAME with ARGUMENTS           calls it; ARGUMENTS is JSON, or the text of its first string parameter
    … then call the tool NAME with …            one call after the other, each when the one before has answered
    … and in parallel call the tool NAME …      calls in one answer
    think first                                 gives reasoning before its answer
    count to N                                  N numbers, for long streams
    slowly                                      20 ms a piece

A tool that must be called (`tool_choice`) is called, and so is the only tool of a request whose question has its name:
"What's the weather like?" and `get_weather`. Anything else is answered in one sentence; a request with a JSON schema gets the smallest object that fits it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_CALL = re.compile(
    r"(?P<parallel>\bin parallel\s+)?\bcall the tool\s+[`\"']?(?P<name>[\w.-]+)[`\"']?(?:\s+with\b:?)?", re.I
)
_TAIL = re.compile(r"[\s,;.]*(?:\b(?:and|then)\b[\s,]*)*$", re.I)
_FENCE = re.compile(r"^```\w*\n(.*?)\n?```$", re.S)
_SAY = re.compile(r"\bsay\s+(?P<text>.+)", re.I | re.S)
_COUNT = re.compile(r"\bcount to\s+(?P<n>\d{1,6})", re.I)
_PATCH_END = "*** End Patch"
SLOW_S = 0.02
PREVIEW = 200


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call to make: the flat name of a tool that the request offers, and its arguments as JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: reasoning, text and calls, any of them empty. `pause_s` comes between its pieces."""

    text: str = ""
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Wish:
    """One call that the prompt asks for; `parallel`: together with the one before."""

    name: str
    argument: str
    parallel: bool


def reply_to(body: Mapping[str, Any]) -> Reply:
    """The answer to a Chat request, the same each time."""
    messages: Sequence[Mapping[str, Any]] = body.get("messages") or ()
    position = max((i for i, m in enumerate(messages) if m.get("role") == "user"), default=-1)
    prompt = _plain(messages[position].get("content")) if position >= 0 else ""
    since = messages[position + 1 :]
    pause = SLOW_S if re.search(r"\bslowly\b", prompt, re.I) else 0.0
    reasoning = (
        "The user wants me to think first. I have thought." if re.search(r"\bthink first\b", prompt, re.I) else ""
    )
    if calls := _next_calls(prompt, since, _functions(body)) or _called_for(prompt, since, body):
        return Reply("", reasoning, calls, pause)
    outputs = [_plain(m.get("content")) for m in since if m.get("role") == "tool"]
    return Reply(_text(prompt, outputs, body), reasoning, (), pause)


def _text(prompt: str, outputs: Sequence[str], body: Mapping[str, Any]) -> str:
    form = body.get("response_format")
    if isinstance(form, Mapping) and form.get("type") == "json_schema":
        return json.dumps(smallest(_object(form.get("json_schema")).get("schema")), ensure_ascii=False)
    if isinstance(form, Mapping) and form.get("type") == "json_object":
        return json.dumps({"answer": _words(prompt)}, ensure_ascii=False)
    if outputs:
        return f"The tool answered: {outputs[-1].strip()[:PREVIEW]}"
    return _words(prompt)


def _words(prompt: str) -> str:
    if counting := _COUNT.search(prompt):
        return " ".join(str(n) for n in range(1, int(counting["n"]) + 1))
    if saying := _SAY.search(prompt):
        return saying["text"].strip().strip("\"'`") or "hi"
    return f"This is joytui's offline model; no upstream is set. You wrote: {prompt.strip()[:PREVIEW]}"


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return "\n".join(p["text"] for p in parts if isinstance(p, Mapping) and isinstance(p.get("text"), str))


def _next_calls(
    prompt: str, since: Sequence[Mapping[str, Any]], functions: Sequence[Mapping[str, Any]]
) -> tuple[ToolCall, ...]:
    """The calls whose turn it is: as many groups are done as assistant messages with calls came since the prompt."""
    groups: list[list[_Wish]] = []
    for wish in _wishes(prompt):
        if wish.parallel and groups:
            groups[-1].append(wish)
        else:
            groups.append([wish])
    done = sum(1 for message in since if message.get("role") == "assistant" and message.get("tool_calls"))
    if done >= len(groups):
        return ()
    made = (_tool_call(wish, functions) for wish in groups[done])
    return tuple(call for call in made if call is not None)


def _called_for(prompt: str, since: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    """The call that `tool_choice` or a question wants, once, with the smallest arguments that fit."""
    functions, choice = _functions(body), body.get("tool_choice")
    if not functions or choice == "none" or any(message.get("role") == "tool" for message in since):
        return ()
    named = _object(_object(choice).get("function", choice)).get("name")
    wanted = [f for f in functions if f["name"] == named]
    if choice == "required" or (len(functions) == 1 and _names(functions[0], prompt)):
        wanted = wanted or functions
    return tuple(ToolCall(f["name"], json.dumps(smallest({"type": "object"} | f["parameters"]))) for f in wanted[:1])


def _names(function: Mapping[str, Any], prompt: str) -> bool:
    words = [word for word in re.split(r"[_\W]+", function["name"].lower()) if len(word) > 4]
    return "?" in prompt and any(word in prompt.lower() for word in words)


def _functions(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The functions of a request that have a name, each with an object as its parameters."""
    functions = [_object(_object(tool).get("function")) for tool in _list(body.get("tools"))]
    return [{**f, "parameters": _object(f.get("parameters"))} for f in functions if isinstance(f.get("name"), str)]


def _object(value: Any) -> dict[str, Any]:
    """What a client sends may be of any kind: what is not an object is an empty one here."""
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _wishes(prompt: str) -> list[_Wish]:
    matches = list(_CALL.finditer(prompt))
    ends = [*(match.start() for match in matches[1:]), len(prompt)][: len(matches)]
    return [
        _Wish(m["name"], _argument(prompt[m.end() : end], last=end == len(prompt)), bool(m["parallel"]))
        for m, end in zip(matches, ends, strict=True)
    ]


def _argument(text: str, *, last: bool) -> str:
    """The argument's text: a JSON value, a patch, a fenced block, or everything up to the next call."""
    text = text.strip()
    if text.startswith(("{", "[")):
        try:
            _, end = json.JSONDecoder().raw_decode(text)
        except ValueError:
            return text
        return text[:end]
    if _PATCH_END in text:
        return text[: text.index(_PATCH_END) + len(_PATCH_END)] + "\n"
    text = text if last else _TAIL.sub("", text)
    if fenced := _FENCE.match(text):
        return fenced[1]
    return text.strip("`") if text.startswith("`") else text


def _tool_call(wish: _Wish, functions: Sequence[Mapping[str, Any]]) -> ToolCall | None:
    flat = wish.name.replace(".", "__")
    exact = [f for f in functions if f["name"] == flat]
    inner = [f for f in functions if f["name"].endswith(f"__{flat}")]
    if not (found := exact or inner):
        return None
    return ToolCall(found[0]["name"], _arguments(wish.argument, found[0]["parameters"]))


def _arguments(text: str, parameters: Mapping[str, Any]) -> str:
    try:
        if isinstance(json.loads(text), dict):
            return text
    except ValueError:
        pass
    properties = _object(parameters.get("properties"))
    names = [name for name in (*_list(parameters.get("required")), *properties) if isinstance(name, str)]
    strings = [name for name in names if _object(properties.get(name)).get("type") == "string"]
    return json.dumps({strings[0]: text} if strings and text else {}, ensure_ascii=False)


def smallest(schema: Any) -> Any:
    """The smallest value that fits a JSON schema of the usual kind (types, enum, const, required)."""
    schema = _object(schema)
    if "const" in schema:
        return schema["const"]
    if choices := _list(schema.get("enum")):
        return choices[0]
    for union in ("anyOf", "oneOf", "allOf"):
        if choices := _list(schema.get(union)):
            return smallest(choices[0])
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object" or "properties" in schema:
        properties = _object(schema.get("properties"))
        names = _list(schema.get("required")) or list(properties)
        return {name: smallest(properties.get(name)) for name in names if isinstance(name, str)}
    values = {"array": [], "integer": 0, "number": 0, "boolean": False, "null": None}
    return values.get(kind, "offline") if isinstance(kind, str) else "offline"
