"""The tools of one request, and their names in both spellings.

Codex names a tool by namespace and name and has tools that are no functions: freeform ("custom") ones with a grammar,
and `tool_search`, which it runs itself. Chat Completions has functions with one flat name. `ToolNames` holds the
mapping of one request, so that the answer can be given back in the words of the question: a flat name is answered by
Codex with "unsupported call" (Codex 0.169.0, observed).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from joytui.gateway.bridge.errors import BridgeError

MAX_NAME = 64
SEPARATOR = "__"
FREEFORM_PARAMETER = "input"
TOOL_SEARCH = "tool_search"

Kind = Literal["function", "custom", "tool_search"]


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool as Codex knows it."""

    kind: Kind
    name: str
    namespace: str | None = None


@dataclass(slots=True)
class ToolNames:
    """The tools of one request by flat name, and the flat name of each."""

    tools: dict[str, Tool] = field(default_factory=dict)
    schemas: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _flat: dict[tuple[str | None, str], str] = field(default_factory=dict)
    _repeats: dict[str, int] = field(default_factory=dict)

    def add(self, tool: Tool) -> str:
        """The flat name of a tool, which it keeps: a valid function name, unique within the request."""
        known = self._flat.get((tool.namespace, tool.name))
        if known is not None:
            return known
        flat = wanted = flat_name(tool.namespace, tool.name)
        count = self._repeats.get(wanted, 1)
        while flat in self.tools:
            count += 1
            suffix = f"_{count}"
            flat = wanted[: MAX_NAME - len(suffix)] + suffix
        self._repeats[wanted] = count
        self.tools[flat] = tool
        self._flat[tool.namespace, tool.name] = flat
        return flat

    def flat(self, namespace: Any, name: str) -> str:
        """The flat name of a call in the history; its tool need not be offered any more. A namespace is a text or none."""
        namespace = namespace if isinstance(namespace, str) else None
        return self._flat.get((namespace, name)) or flat_name(namespace, name)

    def schema(self, tool: Tool) -> Mapping[str, Any]:
        """The schema of a tool's arguments; empty for one that was not offered."""
        return self.schemas.get(self.flat(tool.namespace, tool.name), {})

    def parameter_type(self, name: str, parameter: str) -> str | None:
        """The type of a tool's parameter as its schema has it, where it has one."""
        properties = self.schema(self.resolve(name)).get("properties")
        found = properties.get(parameter) if isinstance(properties, Mapping) else None
        kind = found.get("type") if isinstance(found, Mapping) else None
        return kind if isinstance(kind, str) else None

    def resolve(self, flat: str) -> Tool:
        """The tool that a model means. Models shorten and dot names: `exec` or `functions.exec` for `functions__exec`, put
        `functions.` or `default_api.` before any name (Kimi, gpt-oss, Gemini), a number or a mark of theirs behind it, and write another
        case; relays join the pieces of a name that came twice. A name that was offered means that tool, and one that fits two means neither."""
        if flat in self.tools:
            return self.tools[flat]
        told = _plain_names(flat)
        dotted = [t for t in self.tools.values() if t.namespace and flat == f"{t.namespace}.{t.name}"]
        bare = [t for t in self.tools.values() if t.name == flat]
        near = [tool for name, tool in self.tools.items() if _letters(name) in told]
        inner = [t for t in self.tools.values() if t.namespace and _is_member(flat, t.namespace, t.name)]
        for matches in (dotted, bare, near, inner):
            if len(matches) == 1:
                return matches[0]
        return Tool("function", flat)


_MARK_BEHIND = re.compile(r"<[|｜].*|\(\)\Z|:\d+\Z", re.DOTALL)


def _plain_names(flat: str) -> set[str]:
    """What may be left of a name without what models put around it: all of it, and what is behind the last dot, colon or slash."""
    name = _MARK_BEHIND.sub("", flat.rpartition("to=")[2].strip("\"'` \n"))
    said_once = name[: len(name) // 2] if name[: len(name) // 2] * 2 == name else name
    return {_letters(name), _letters(said_once), _letters(re.split(r"[.:/]", name)[-1])}


def _is_member(flat: str, namespace: str, name: str) -> bool:
    """Whether a dotted name is this tool of the namespace that ends so (`docs.search` in `mcp__docs`)."""
    place, dot, last = flat.rpartition(".")
    return bool(dot) and _letters(last) == _letters(name) and _letters(namespace).endswith(_letters(place))


def _letters(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()


@dataclass(slots=True)
class Tools:
    """A request's tools as Chat functions, with their names; `notes` says what was left out."""

    functions: list[dict[str, Any]] = field(default_factory=list)
    names: ToolNames = field(default_factory=ToolNames)
    notes: list[str] = field(default_factory=list)


def flat_name(namespace: str | None, name: str) -> str:
    """A name of at most 64 characters of `[A-Za-z0-9_-]`. A longer one keeps its start and gets 8 hex digits."""
    whole = f"{namespace}{SEPARATOR}{name}" if namespace else name
    clean = re.sub(r"[^A-Za-z0-9_-]", "_", whole) or "tool"
    if clean[0].isdigit() or clean[0] == "-":  # Gemini and Moonshot refuse it
        clean = f"t_{clean}"
    if len(clean) <= MAX_NAME:
        return clean
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{clean[: MAX_NAME - 9]}_{digest}"


def translate_tools(*lists: Iterable[Any]) -> Tools:
    """Chat functions for tools that are in the request, in `additional_tools` items or in tool search results."""
    tools = Tools()
    for tool in (tool for tool_list in lists for tool in tool_list):
        if not isinstance(tool, Mapping):
            raise BridgeError("tools: each tool is an object")
        _add(tools, tool, None)
    return tools


def _add(tools: Tools, tool: Mapping[str, Any], namespace: str | None) -> None:
    kind = tool.get("type")
    if kind == "namespace":
        inner = _text(tool, "name")
        for member in _members(tool):
            if isinstance(member, Mapping):
                _add(tools, member, f"{namespace}{SEPARATOR}{inner}" if namespace else inner)
        return
    if kind == "function":
        function = tool["function"] if isinstance(tool.get("function"), Mapping) else tool
        name = _text(function, "name")
        _put(tools, Tool("function", name, namespace), _function(function, name))
    elif kind == "custom":
        _put(tools, Tool("custom", _text(tool, "name"), namespace), _freeform(tool))
    elif kind == TOOL_SEARCH and tool.get("execution") == "client":
        _put(tools, Tool("tool_search", TOOL_SEARCH, namespace), _function(tool, TOOL_SEARCH))
    else:
        tools.notes.append(f"tool {kind} is hosted by the provider and was left out")


def _members(tool: Mapping[str, Any]) -> list[Any]:
    members = tool.get("tools")
    if members is not None and not isinstance(members, list):
        raise BridgeError("tools: a namespace's tools are a list")
    return members or []


def _put(tools: Tools, tool: Tool, function: dict[str, Any]) -> None:
    before = len(tools.names.tools)
    flat = tools.names.add(tool)
    if len(tools.names.tools) > before:
        tools.functions.append({"type": "function", "function": {"name": flat, **function}})
        tools.names.schemas[flat] = function["parameters"]


def _text(tool: Mapping[str, Any], key: str) -> str:
    value = tool.get(key)
    if not isinstance(value, str) or not value:
        raise BridgeError(f"tools: a {tool.get('type', 'function')} tool needs a {key}")
    return value


def _function(tool: Mapping[str, Any], name: str) -> dict[str, Any]:
    told = tool.get("description")
    function: dict[str, Any] = {"description": told if isinstance(told, str) and told.strip() else name}
    parameters = tool.get("parameters")
    if not isinstance(parameters, Mapping) or not parameters:
        parameters = {"type": "object", "properties": {}}
    elif not any(name in parameters for name in ("type", "$ref", "anyOf", "oneOf", "allOf")):
        parameters = {"type": "object", **parameters}
    function["parameters"] = parameters
    if isinstance(tool.get("strict"), bool):
        function["strict"] = tool["strict"]
    return function


def _freeform(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A freeform tool as a function of one string, its grammar in words where the model can see it."""
    description = str(tool.get("description") or "")
    form = tool.get("format")
    if isinstance(form, Mapping) and form.get("definition"):
        syntax = form.get("syntax") or "grammar"
        description += (
            f"\n\nPut the whole text into `{FREEFORM_PARAMETER}`, as it is, not as JSON. "
            f"It must follow this {syntax} grammar:\n{form['definition']}"
        )
    parameter = {"type": "string", "description": f"The text for {tool['name']}, exactly as the tool takes it."}
    schema = {
        "type": "object",
        "properties": {FREEFORM_PARAMETER: parameter},
        "required": [FREEFORM_PARAMETER],
        "additionalProperties": False,
    }
    return {"description": description.strip(), "parameters": schema}


def translate_choice(choice: Any, tools: Tools) -> Any:
    """`tool_choice` in Chat's form: a mode, or one function by its flat name; None if it cannot be kept."""
    if isinstance(choice, str):
        return choice
    if not isinstance(choice, Mapping):
        return None
    if choice.get("type") in ("function", "custom") and isinstance(choice.get("name"), str):
        flat = tools.names.flat(choice.get("namespace"), choice["name"])
        if flat in tools.names.tools:
            return {"type": "function", "function": {"name": flat}}
    if choice.get("type") == "allowed_tools":
        _keep_allowed(tools, choice)
        return choice.get("mode") or "auto"
    tools.notes.append(f"tool_choice {choice.get('type')} was left out")
    return "auto"


def _keep_allowed(tools: Tools, choice: Mapping[str, Any]) -> None:
    listed = choice.get("tools")
    wanted = [t for t in listed if isinstance(t, Mapping)] if isinstance(listed, list) else []
    allowed = {tools.names.flat(t.get("namespace"), t["name"]) for t in wanted if isinstance(t.get("name"), str)}
    tools.functions = [f for f in tools.functions if f["function"]["name"] in allowed]
