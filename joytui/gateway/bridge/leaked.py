"""Calls that leak as text: upstreams whose parser misses them send the model's own markup as content.

A text counts as leaked calls only where all of it, from the first mark to the end of the answer, is markup that reads as calls
of tools that were offered, and no call came the proper way. Anything else stays the text that it is.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from joytui.gateway.bridge.tags import may_hold_mark, split_tail
from joytui.gateway.bridge.tools import ToolNames

MARKS = (
    "<｜DSML｜",
    "<|DSML|",
    "<tool_call>",
    "<tool_calls>",
    "<function_calls>",
    "<function=",
    "<invoke name=",
    "<minimax:tool_call>",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁call▁begin｜>",
    "<|tool_calls_section_begin|>",
    "<|tool_call_begin|>",
    "<|tool_call|>",
    "[TOOL_CALLS]",
    *("<seed:tool_call>", "<steptml:toolcall>", "<longcat_tool_call>", "<TOOLCALL>", "<function_call>", "<tools>"),
    *("<|tool_call_section_begin|>", "<|tool_call>", "<|python_tag|>", "<|python_start|>", "<|START_ACTION|>"),
    "<|action_start|>",
    *("<|channel|>commentary", "<|channel|>analysis to=", "<|start|>assistant to=", "<|end|><|start|>assistant"),
    "<|start|>assistant<|channel|>",
)
"""Marks of one family or another. JSON alone is none: that is also how an answer looks whose user asked for an example."""
_DSML = re.compile(r"<(/?)[|｜]DSML[|｜]")
_WRAPPING = re.compile(r"<[/|｜]{0,2}[\w:▁-]{1,40}[|｜]?>|\[/?TOOL_CALLS\]|(?<=<\|start\|>)assistant")
"""Tags by themselves, around calls and between them."""
_PARAMETER = re.compile(
    r'<parameter(?: name="?|=)([^">\s]+)"?([^>]*)>(.*?)(?:</parameter>|(?=<parameter[ =])|\Z)', re.DOTALL
)
_INVOKE = re.compile(r'<(?:invoke name="?|function=)([^">\s]+)"?[^>]*>(.*?)</(?:invoke|function)>', re.DOTALL)
_GLM = re.compile(
    r"<tool_call>\s*([\w.-]+)\s*((?:<arg_key>.*?</arg_key>\s*<arg_value>.*?</arg_value>\s*)*)</tool_call>", re.DOTALL
)
_GLM_ARGUMENT = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL)
_NAMED = re.compile(
    r"(?:function<｜tool▁sep｜>)?(?:functions\.)?([\w.-]+?)(?::\d+)?\s*"
    r"(?:<｜tool▁sep｜>|<\|tool_call_argument_begin\|>|\[ARGS\]|\n)\s*(?:```json\s*)?(?=\{)"
)
_MISTRAL = re.compile(r"\[TOOL_CALLS\]\s*([\w.-]+)\s*(?=\{)")
_HARMONY = re.compile(
    r"(?:<\|start\|>assistant\s*)?(?:<\|channel\|>\w+\s*)?to=(?:functions\.)?([\w.-]+)\s*(?:<\|channel\|>\w+\s*)?"
    r"(?:<\|constrain\|>)?\w*\s*<\|message\|>\s*(?=\{)"
)
_GEMMA = re.compile(r"call:([\w.-]+)(\{.*?\})(?=<tool_call\|>|\s*\Z)", re.DOTALL)
_GEMMA_QUOTE = '<|"|>'
_PYTHONIC = re.compile(r"[\w.-]+\(.*\)", re.DOTALL)

Calls = list[tuple[str, str]]
"""Flat name and arguments as JSON text."""


class LeakedCalls:
    """Holds back the text of one answer from the first mark on."""

    def __init__(self, names: ToolNames) -> None:
        self._names = names
        self._tail = ""
        self._markup: list[str] = []

    @property
    def reads(self) -> bool:
        """Whether there is any tool that a text could call."""
        return bool(self._names.tools)

    @property
    def held(self) -> bool:
        return bool(self._markup)

    def feed(self, text: str) -> str:
        """What can be said now."""
        if not self._names.tools:
            return text
        if self._markup:
            self._markup.append(text)
            return ""
        text, self._tail = self._tail + text, ""
        if not may_hold_mark(text):
            return text
        place = min((at for mark in MARKS if (at := text.find(mark)) >= 0), default=-1)
        if place >= 0 and text[place - 1 : place] != "`":
            self._markup.append(text[place:])
            return text[:place]
        said, self._tail = split_tail(text, MARKS)
        return said

    def end(self, *, proper: bool) -> tuple[str, Calls]:
        """The rest of the text, and the calls that it was instead. `proper`: calls came the proper way as well."""
        markup, self._markup = "".join(self._markup), []
        tail, self._tail = self._tail, ""
        calls = [] if proper or not markup else read_calls(markup, self._names)
        return ("", calls) if calls else (tail + _NEXT_CHANNEL.sub("\n\n", markup), [])


_NEXT_CHANNEL = re.compile(r"\A<\|end\|><\|start\|>assistant<\|channel\|>(?:final|commentary)<\|message\|>")
"""Between two texts of one answer of gpt-oss."""


def calls_at_the_end(thought: str, names: ToolNames) -> Calls:
    """The calls with which a thought ends: some upstreams leave them there, and say nothing else."""
    place = min((at for mark in MARKS if (at := thought.find(mark)) >= 0), default=-1)
    return read_calls(thought[place:], names) if place >= 0 and names.tools else []


def read_calls(markup: str, names: ToolNames) -> Calls:
    """The calls of a text that is nothing but markup; empty if it is anything else, or names a tool that was not offered."""
    text = _DSML.sub(r"<\1", markup)
    calls: Calls = []
    for name, arguments, rest in _read(text, names):
        tool = names.resolve(name)
        flat = names.flat(tool.namespace, tool.name)
        if flat not in names.tools:
            return []
        calls.append((flat, json.dumps(arguments, ensure_ascii=False)))
        text = rest
    return calls if calls and not _WRAPPING.sub("", text).strip("` \n\r\t,;") else []


def _read(text: str, names: ToolNames) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Name, arguments, and the text without this call."""
    while True:
        found = _glm(text, names) or _tagged(text, names) or _gemma(text) or _json(text) or _pythonic(text)
        if found is None:
            return
        name, arguments, (start, end) = found
        text = text[:start] + text[end:]
        yield name, arguments, text


Found = tuple[str, Mapping[str, Any], tuple[int, int]]


def _glm(text: str, names: ToolNames) -> Found | None:
    found = _GLM.search(text)
    if found is None:
        return None
    pairs = _GLM_ARGUMENT.findall(found[2])
    return found[1], {k.strip(): _typed(names, found[1], k.strip(), v) for k, v in pairs}, found.span()


def _tagged(text: str, names: ToolNames) -> Found | None:
    found = _INVOKE.search(text)
    if found is None:
        return None
    name, body = found[1], found[2]
    arguments: dict[str, Any] = {}
    for key, attributes, value in _PARAMETER.findall(body):
        said = 'string="true"' in attributes
        arguments[key] = value if said else _typed(names, name, key, value.removeprefix("\n").removesuffix("\n"))
    if not arguments and (whole := _object(body.strip())) is not None:
        arguments = dict(whole)
    elif _PARAMETER.sub("", body).strip():
        return None
    return name, arguments, found.span()


def _json(text: str) -> Found | None:
    """`{"name", "arguments"}`, alone or in a list, or a name with the arguments behind it."""
    for form in (_HARMONY, _MISTRAL, _NAMED):
        if (named := form.search(text)) is not None and (inner := _object_at(text, named.end())) is not None:
            return named[1], inner[0], (named.start(), inner[1])
    start = text.find("{")
    whole = _object_at(text, start) if start >= 0 else None
    if whole is None and text.startswith("{{", start):  # braces of a template, doubled
        whole = _object_at(text, start + 1)
        whole = (whole[0], whole[1] + 1) if whole and text.startswith("}", whole[1]) else None
    if whole is None:
        return None
    call, end = whole
    call = call["function"] if isinstance(call.get("function"), dict) else call
    name = call.get("name") or call.get("tool_name") or call.get("function")
    arguments = call.get("arguments", call.get("parameters", {}))
    arguments = _object(arguments) if isinstance(arguments, str) else arguments
    if not isinstance(name, str) or not isinstance(arguments, dict):
        return None
    before, after = text[:start].rstrip(), text[end:].lstrip()
    opened = before.endswith("[") and after[:1] in ("]", ",")
    if opened:
        start = len(before) - (after[:1] == "]")
        end = len(text) - len(after) + 1
    return name, arguments, (start, end)


def _gemma(text: str) -> Found | None:
    """Gemma's own form: keys without quotation marks, texts between marks of its own."""
    found = _GEMMA.search(text)
    if found is None:
        return None
    parts = found[2].split(_GEMMA_QUOTE)
    parts[::2] = [re.sub(r"([{,]\s*)([\w-]+)\s*:", r'\1"\2":', part) for part in parts[::2]]
    parts[1::2] = [json.dumps(part) for part in parts[1::2]]
    arguments = _object("".join(parts))
    return None if arguments is None else (found[1], arguments, found.span())


def _pythonic(text: str) -> Found | None:
    """The first call of a list of Python calls (Llama 4, OLMo), with its arguments by name."""
    found = _PYTHONIC.search(text)
    if found is None:
        return None
    try:
        call: Any = ast.parse(f"[{found[0]}]", mode="eval").body
        call = call.elts[0]
        arguments = {one.arg: ast.literal_eval(one.value) for one in call.keywords if one.arg}
        name, end = ast.unparse(call.func), call.end_col_offset - 1
    except (SyntaxError, ValueError, AttributeError, IndexError, RecursionError, MemoryError):
        return None
    if call.args or len(arguments) < len(call.keywords) or call.end_lineno != 1 or not found[0].isascii():
        return None
    before, after = text[: found.start()].rstrip(), text[found.start() + end :].lstrip()
    listed = before.endswith("[") and after[:1] == "]"
    return name, arguments, (len(before) - listed, len(text) - len(after) + (listed or after[:1] == ","))


def _object(text: str) -> dict[str, Any] | None:
    found = _object_at(text, 0)
    return found[0] if found is not None and not text[found[1] :].strip() else None


def _object_at(text: str, start: int) -> tuple[dict[str, Any], int] | None:
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return (value, end) if isinstance(value, dict) else None


def _typed(names: ToolNames, name: str, key: str, text: str) -> Any:
    """A value as the tool's schema has it: markup does not tell a number from a text."""
    kind = names.parameter_type(name, key)
    if kind in (None, "string"):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
