"""What a Chat upstream's refusal teaches: which field, role, value or shape it does not take, and what to do about it.

A lesson is a short text ("no stream_options", "mistral ids"), so that it can be kept, shown and set by hand. `lessons_in` reads a
refusal, the likeliest lesson first; `taught` gives the vendor's record with a lesson in it. Nothing is learned from a refusal for
money, policy, content or a full context: no other request would be taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, get_args

from joytui.gateway.bridge.errors import CONTEXT_FULL, StreamError
from joytui.gateway.bridge.quirks import NEEDED_FIELDS, Quirks, SchemaForm, nine_characters
from joytui.gateway.bridge.request import EFFORTS, OUTPUT_LIMITS

_NOT_ABOUT_THE_FORM = re.compile(
    r"quota|billing|balance|payment|credits?\b|insufficient.funds|content.?(policy|filter)|moderation|flagged|\bsafety\b(?!_)"
    r"|policy.?(violation|rejected)|violat\w* (of )?(our|the|usage|content)|harmful|sensitive (content|word|information)"
    r"|rate.?limit|too many requests|api.?key|model.?(\S+ )?(does not exist|not.?found)|unknown model",
    re.IGNORECASE,
)
MAX_DROPPED = 64
USUAL_OUTPUT = 32_000
"""What a vendor that wants a number is told: more than nearly all answers have. One that takes less says so, and is learned from."""


@dataclass(frozen=True, slots=True)
class Mend:
    """One lesson: the words that teach it, and what it changes."""

    lesson: str
    words: re.Pattern[str]
    change: Callable[[Quirks], Quirks]


def _mend(lesson: str, words: str, **changes: Any) -> Mend:
    return Mend(lesson, re.compile(words, re.IGNORECASE | re.DOTALL), lambda quirks: replace(quirks, **changes))


def _renamed(old: str, new: str) -> Callable[[Quirks], Quirks]:
    def change(quirks: Quirks) -> Quirks:
        names = {**quirks.renamed, old: new, "max_output_tokens": new}
        return replace(quirks, renamed=MappingProxyType(names))

    return change


_NOT_REFUSED = (
    r"^(?!.*(unsupported|not supported|unknown|unexpected|unrecognized|extra |not (permitted|allowed)))(?:.*)"
)
_CONTENT = r"content.{0,80}(null|none|string|required|missing|empty|must)|(null|none|nil|required|missing|expected (a )?string).{0,80}content"

MENDS: tuple[Mend, ...] = (
    Mend(
        "max_completion_tokens",
        re.compile(r"max_?tokens.*(use|instead|replaced|did you mean).*max_?completion_?tokens", re.I | re.S),
        _renamed("max_tokens", "max_completion_tokens"),
    ),
    Mend(
        "max_tokens",
        re.compile(
            r"max_completion_tokens.*(unsupported|unknown|unrecognized|unexpected|not (supported|permitted|allowed))"
            r"|(unsupported|unknown|unrecognized|unexpected|extra|not (supported|permitted)).*max_completion_tokens",
            re.I | re.S,
        ),
        _renamed("max_completion_tokens", "max_tokens"),
    ),
    _mend(
        "skip signature",
        r"thought[_ ]?signature|missing.{0,30}signature|signature.{0,30}(missing|required|invalid)",
        skip_signature=True,
    ),
    _mend(
        "empty reasoning_content",
        _NOT_REFUSED
        + r"(missing|required|must|need|expected|缺少|必须).{0,80}reasoning_content|reasoning_content.{0,80}(missing|required|must be|is expected"
        r"|passed back|not found|cannot be (null|empty|none))",
        empty_thought="reasoning_content",
    ),
    _mend(
        "empty reasoning",
        r"(missing|required|must).{0,40}[`'\" ]reasoning[`'\" ].{0,40}(field|message)",
        empty_thought="reasoning",
    ),
    _mend(
        "no thoughts",
        r"reasoning_content|[`'\".]reasoning[`'\" ]|\breasoning\b(?!_| effort|\.effort)",
        thought_field="",
    ),
    _mend("one call at a time", r"(single|one) tool[- ]?calls?\b( at| per|s? at)?", single_calls=True),
    _mend("content or thoughts", r"both content and (thinking|reasoning)", content_or_thought=True),
    _mend(
        "content or calls",
        r"either content or tool_?calls|content and tool_?calls.{0,40}(both|same)",
        content_or_calls=True,
    ),
    _mend(
        "names of outputs",
        r"function_response\.name|\bname\b.{0,40}role.{0,6}tool|(tool|function) messages?.{0,30}\bname\b.{0,20}(required|missing)",
        named_outputs=True,
    ),
    _mend(
        "a user message",
        r"no user (query|message|turn)|contents is not specified|(at least one|a) user message (is )?(required|needed)|must (contain|include|have).{0,20} user message"
        r"|first message.{0,30}user",
        user_needed=True,
    ),
    _mend(
        "nine-character ids",
        r"(tool_?call|function call|call)[ _.\[\]0-9`'\"]*ids?\b|tool_?use[._]?id|tool_calls?[\[.]?\d*\]?\.id|invalid.{0,20}\bid\b|length of 9"
        r"|a-z, ?A-Z, ?0-9|string_above_max_length.*id",
        call_id=nine_characters,
    ),
    _mend(
        "assistant after tool",
        r"role [`'\"]?(user|system|developer)[`'\"]? (after|following) (role )?[`'\"]?tool|tool.{0,40}(must|should) be followed by.{0,20}assistant"
        r"|expected assistant.{0,20} after.{0,12}tool|after (a |the )?(role )?[`'\"]?tool.{0,40}(assistant|expected)|(user|system|developer).{0,20}(cannot|can not|can't|must not|may not|should not).{0,12}follow.{0,16}tool",
        assistant_after_tool=True,
    ),
    _mend(
        "alternating roles",
        r"(roles?|messages?|turns?).{0,40}alternat|alternat.{0,40}(roles?|user)|交替|messages must be an odd number|(consecutive|successive|same role).{0,40}(role|messages?|row)",
        merge_assistants=True,
        assistant_after_tool=True,
    ),
    _mend(
        "developer role",
        r"(system.{0,60}(use|instead).{0,20}developer|role.{0,20}system.{0,60}expected.{0,60}developer)",
        system_role="developer",
    ),
    _mend(
        "instructions first",
        r"(no|one|single|only one|multiple|first).{0,30}system (message|prompt)s?.{0,40}(begin|first|start|allowed|supported)",
        later_instructions="first",
    ),
    _mend(
        "no system role",
        r"system (role|message|prompt|instruction)s?[^.]{0,40}(not|un)[ -]?(supported|allowed|enabled|available)|developer instruction is not enabled"
        r"|(not|un)[ -]?support[^.]{0,30}[`'\"]?(system|developer)\b|(unknown|invalid|unexpected|unsupported)[^.]{0,20}role[^.]{0,20}(system|developer)"
        r"|不支持.{0,6}system|system.{0,12}(不支持|不存在)|first message.{0,30}(must|should|to be).{0,16}user"
        r"|role[^.]{0,40}[`'\"]system[`'\"][^.]{0,40}(not|invalid|unsupported)|unexpected message role\b|role\b.{0,30}should be .?user.? or .?assistant",
        system_role="user",
    ),
    _mend(
        "content in parts",
        r"content\b.{0,60}(valid list|(must|should) be an? (list|array)|expected an? (list|array))",
        listed_content=True,
    ),
    _mend(
        "text only",
        r"image|vision|multi-?modal|picture|图片|图像|多模态|画像|content\b.{0,12}data did not match any variant|(unknown variant|unsupported).{0,10}(image_url|file)|input_?image|(content|file)[^.]{0,30} type[^.]{0,30}(text|unsupported)"
        r"|only (supports? )?text|text.only|[`'\"]type[`'\"].{0,20}[`'\"]?text|content[\[\].\d]*\.type\b.{0,40}text",
        images=False,
    ),
    _mend(
        "arguments as objects",
        r"arguments.{0,80}(json|object|dict|mapping|pars|valid)|invalid (character|escape|json).{0,60}arguments|(json|pars|mapping).{0,80}arguments"
        r"|expecting .{0,40}(delimiter|double quotes|value:)|unterminated string",
        object_arguments=True,
    ),
    _mend(
        "arguments that are no text",
        r"unmarshal string.{0,80}arguments|arguments.{0,60}(must|should|expected|valid|type).{0,20}\b(object|dict\w*|map\w*)\b|item pairs from a mapping",
        parsed_arguments=True,
    ),
    _mend(
        "user last",
        r"prefill|assistant messages? at the end|final (role|message).{0,40}(user|assistant)|last (role|message).{0,60}assistant|(end|finish) with a user (message|turn)|last message.{0,30}must.{0,20}user"
        r"|最后.{0,20}(user|用户)",
        user_last=True,
    ),
    _mend(
        "max_tokens always",
        r"max_tokens\W{0,4}(the )?((this )?(field|parameter|value) )?(is )?(a )?(required|missing|must be (set|specified|provided|given))"
        r"|(missing|requires?|required)[^.]{0,40}[`'\": ]max_tokens\b",
        usual_output=USUAL_OUTPUT,
    ),
    _mend("content beside calls", _CONTENT, content_beside_calls=""),
    _mend(
        "blank content beside calls",
        r"content.{0,80}(non-?empty|empty|blank)|non-?empty.{0,40}content",
        content_beside_calls=" ",
    ),
    _mend(
        "text only",
        r"content.{0,60}string|string.{0,60}content|\b(sequence|array|list)\b.{0,40}string|string.{0,40}\b(sequence|array|list)\b",
        images=False,
    ),
)
_SCHEMA = re.compile(
    r"json[_ ]?schema|response_?format|guided.?(json|decoding)|structured output|output schema|json.?mode|response mime",
    re.IGNORECASE,
)
_NOT_STRICT = re.compile(
    r"invalid schema for (function|response_format|tool).{0,200}(is required to be|must be supplied|supplied|not permitted|strict)|\bin strict mode\b|strict (schemas?|tools?)\b.{0,40}(requires?|must|need)",
    re.IGNORECASE | re.DOTALL,
)
"""A schema that only a strict tool may not have."""
_NO_JSON_AT_ALL = re.compile(r"\btools?\b|function|^(?!.*(json|schema|type|structured))", re.IGNORECASE | re.DOTALL)
"""JSON is refused beside tools, or whatever its kind."""
_REFUSED = re.compile(
    r"unknown|unsupported|unexpected|unrecognized|invalid|extra |not (supported|permitted|allowed|taken)|cannot find",
    re.IGNORECASE,
)
_FORMS: tuple[tuple[SchemaForm, re.Pattern[str]], ...] = (
    ("inline", re.compile(r"\$ref\b|\$defs\b|\breferences?\b.{0,30}(#/|not (supported|allowed))", re.IGNORECASE)),
    (
        "items",
        re.compile(r"\bitems\b.{0,24}(missing|required|must)|(missing|requires?|needs).{0,12}\bitems\b", re.IGNORECASE),
    ),
    (
        "members",
        re.compile(
            r"non-empty for object|object fields require|properties.{0,40}(non-?empty|must not be empty)", re.IGNORECASE
        ),
    ),
    ("required", re.compile(r"\brequired\b.{0,30}(not defined|unknown|undefined)", re.IGNORECASE)),
    (
        "one type",
        re.compile(
            r"cannot start list|[`'\"]type[`'\"]: \[|(?<!content)\.type\b.{0,40}(valid string|must be a string|not .{0,10}(array|list))",
            re.IGNORECASE,
        ),
    ),
)
_FORM = "schemas: "
"""How a lesson about the form of schemas begins."""
_AT_MOST = "at most "
_NUMBERED: dict[str, str] = {
    "output tokens": "most_output",
    "images": "most_images",
    "tools": "most_tools",
    "characters a description": "longest_description",
}
"""What a vendor takes so much of: the words of the lesson behind the number, and the field of the record."""
_OUTPUT = re.compile(
    r"max[_ ]?(completion_|output_|new_)?tokens|maximum tokens you|(output|completion) tokens", re.IGNORECASE
)
_DIFFERENCE = re.compile(r">\s*(\d+)\s*-\s*(\d+)|context length is (\d+)[^.]{0,60}? (\d+) input", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.])\d{1,9}(?![\w.]*\d|\w)")
_TOOLS = re.compile(
    r"[`'\"]?tools[`'\"]?:? (array too long|too many)|too many (tools|functions)|at most \d+ (tools|functions)", re.I
)
_IMAGES = re.compile(
    r"(at most|up to|more than|maximum( of)?|limit( of)?|only) \d+ (\w+ )?(image|picture)|(image|picture)s?\b.{0,30}(at most|max\w*|limit\w*|up to|exceed\w*)|too many (image|picture)",
    re.I,
)
_DESCRIPTION = re.compile(r"description.{0,40}(too long|max|at most|exceed|longer)", re.I)
_AGAIN = re.compile(r"failed to (call a function|parse tool call)|tool_use_failed|output_parse_failed", re.IGNORECASE)
"""The model's own fault, not the request's (Groq): the vendor says to ask once more."""
_ASK_STREAM = re.compile(
    r"only support\w* stream|non-?stream\w*.{0,40}(not|false|un)|(false|not supported|cannot).{0,30}non-?stream|(must|please|need to) .{0,30}\bstream(ing)?\b.{0,20}(true|enable|parameter|mode)"
    r"|stream(ing)? (mode )?(is )?(only|required)",
    re.IGNORECASE,
)
_NO_STREAM = re.compile(
    r"stream(ing)?\b(?!_options).{0,60}(not (supported|available|allowed)|unsupported|unavailable|must be false)"
    r"|(n't|not) support.{0,40}\bstream(ing)?\b",
    re.IGNORECASE,
)
_NEEDS_TOOLS = re.compile(
    r"tool_?config|without [`'\"]?tools|must (define|provide|include|contain) [`'\"]?tools", re.IGNORECASE
)
AS_STREAM, NO_STREAM, TOOLS_OF_HISTORY = "asked as a stream", "asked without a stream", "tools of the history"
_OF_THE_VALUE = re.compile(
    r"(above|below|exceed\w*|over|under).{0,30}\b(max|min|limit|range)|(greater|less|more|larger|smaller|higher|lower) than"
    r"|at (most|least)\b|out of range|between .{1,20} and|[<>]=|≤|≥|(max|min)imum (value|of|is|allowed)|above_max|below_min",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[`'\"“‘]([A-Za-z_$][\w$.\[\]-]*)[`'\"”’]")
_LEFT_OUT = "no "
_SCHEMA_WORD = "tools without "
_MESSAGE_FIELD = "messages without "
_EFFORTS = "reasoning_effort "


def lessons_in(error: StreamError, sent: Mapping[str, Any], known: Collection[str]) -> Iterator[str]:
    """What a refusal may teach that is not known yet, the likeliest first. `sent`: the Chat request that was refused."""
    words = f"{error.param or ''} {error.message}"
    if error.code == CONTEXT_FULL or _NOT_ABOUT_THE_FORM.search(f"{error.code} {error.type or ''} {words}"):
        return
    for lesson in _candidates(words, error.param, sent):
        if lesson not in known:
            yield lesson


def is_of_this_request(lesson: str, error: StreamError) -> bool:
    """Whether a lesson says nothing of other requests: a field that went for a number, a number that hangs on the input's length."""
    if lesson.startswith(_AT_MOST):
        return bool(_DIFFERENCE.search(error.message))
    return is_left_out(lesson) and _is_of_the_value(error)


def _is_of_the_value(error: StreamError) -> bool:
    """Whether it is this request's number that is refused, so that the refusal says nothing of the next request."""
    return bool(_OF_THE_VALUE.search(f"{error.code} {error.message}"))


_NAMES = r"[`'\"][\w.]+[`'\"](?:\s*,\s*[`'\"][\w.]+[`'\"])+"
_LIST = re.compile(
    rf"[\[{{]\s*{_NAMES}\s*[\]}}]|(?<=parameter\(s\): ){_NAMES}|(?<=parameters: ){_NAMES}|(?<=fields: ){_NAMES}", re.I
)


def listed_faults(message: str) -> list[str]:
    """The faults that a refusal lists: sentences apart, lines, or names in brackets (LiteLLM)."""
    if names := _LIST.search(message):
        return [message.replace(names[0], name) for name in re.findall(r"[`'\"][\w.]+[`'\"]", names[0])]
    return [fault for fault in re.split(r"; |\n", message) if fault.strip()]


def _candidates(words: str, param: str | None, sent: Mapping[str, Any]) -> Iterator[str]:
    named = _named_fields(words, param, sent)
    special = [mend.lesson for mend in MENDS if mend.words.search(words)]
    yield from _of_the_whole(words, sent)
    if efforts := _taken_efforts(words, sent.get("reasoning_effort"), "reasoning_effort" in named):
        yield _EFFORTS + ",".join(efforts)
    if _NOT_STRICT.search(words):
        yield _SCHEMA_WORD + "strict"
    if _SCHEMA.search(words) and "response_format" in sent:
        yield from ("schema in words",) if _NO_JSON_AT_ALL.search(words) else ("json_object", "schema in words")
    if "max_completion_tokens" in special or "max_tokens" in special:
        yield from (lesson for lesson in special if lesson.startswith("max_"))
    yield from (_LEFT_OUT + name for name in named)
    keys = sorted({*_keys(sent.get("tools")), *_keys(sent.get("response_format"))}, key=len, reverse=True)
    told = {re.split(r"[.\]]", name)[-1] for name in (*_QUOTED.findall(words), param or "")}
    yield from (_SCHEMA_WORD + key for key in keys if key in told)
    if _REFUSED.search(words):
        fields = sorted(_message_fields(sent["messages"]), key=len, reverse=True)
        yield from (_MESSAGE_FIELD + name for name in fields if _stands_in(name, words))
    yield from special
    yield from (_SCHEMA_WORD + key for key in keys if _stands_in(key, words))
    if "reasoning_effort" in sent and re.search(r"reasoning|thinking|思考|推理", words, re.IGNORECASE):
        yield _LEFT_OUT + "reasoning_effort"


def _of_the_whole(words: str, sent: Mapping[str, Any]) -> Iterator[str]:
    """Lessons that no single field teaches: how much is taken, in which form, whether as a stream."""
    if not sent.get("stream") and _ASK_STREAM.search(words):
        yield AS_STREAM
    if sent.get("stream") and _NO_STREAM.search(words):
        yield NO_STREAM
    if "tools" not in sent and _NEEDS_TOOLS.search(words):
        yield TOOLS_OF_HISTORY
    asked = max((sent[name] for name in OUTPUT_LIMITS if isinstance(sent.get(name), int)), default=0)
    if asked and _OUTPUT.search(words) and (most := _most(words, asked)):
        yield f"{_AT_MOST}{most} output tokens"
    tools = sent.get("tools") or ()
    pictures = sum(part.get("type") == "image_url" for part in _parts(sent["messages"]))
    if _IMAGES.search(words) and (most := _most(words, pictures, least=1)):
        yield f"{_AT_MOST}{most} images"
    if _TOOLS.search(words) and (most := _most(words, len(tools))):
        yield f"{_AT_MOST}{most} tools"
    longest = max((len(tool["function"].get("description") or "") for tool in tools), default=0)
    if _DESCRIPTION.search(words) and (most := _most(words, longest)):
        yield f"{_AT_MOST}{most} characters a description"
    if tools:
        yield from (_FORM + form for form, said in _FORMS if said.search(words))


def _most(words: str, asked: int, least: int = 2) -> int:
    """The number that a refusal gives as the most, below what was asked for; 0 where it gives none. vLLM gives it as a difference, what
    the context has left."""
    if left := _DIFFERENCE.search(words):
        most = int(left[1] or left[3]) - int(left[2] or left[4])
        return most if 0 < most < asked else 0
    whole = re.sub(r"(?<=\d),(?=\d{3}\b)", "", words)
    return max((number for one in _NUMBER.findall(whole) if least <= (number := int(one)) < asked), default=0)


def is_the_models_fault(error: StreamError) -> bool:
    """Whether it was the model that failed, so that the same request may do."""
    return bool(_AGAIN.search(f"{error.code} {error.message}"))


def _named_fields(words: str, param: str | None, sent: Mapping[str, Any]) -> list[str]:
    """The fields of the request that a refusal names, themselves or a part of them; the one in `param` first, then the longest."""
    optional = sorted((name for name in sent if name not in NEEDED_FIELDS), key=len, reverse=True)
    given = re.split(r"[.\[]", param)[0] if param else None
    return sorted(
        (name for name in optional if name == given or _is_named(name, words) or _has_named(sent[name], words)),
        key=lambda name: name != given,
    )


def _has_named(value: Any, words: str) -> bool:
    """Whether a member of the field is named whose name is no common word (`include_usage`)."""
    return isinstance(value, Mapping) and any("_" in name and _is_named(name, words) for name in value)


def _is_named(name: str, words: str) -> bool:
    spellings = "|".join(re.escape(one) for one in (name, name.replace("_", " "), name.replace("_", "."), _camel(name)))
    return bool(re.search(rf"(?<![\w.])(?:(?:body|request|\$)\.)?(?:{spellings})(?!\w)", words, re.IGNORECASE))


def _stands_in(name: str, words: str) -> bool:
    """Whether a key is among the words, in its own spelling or in that of Python."""
    snake = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name)
    return bool(re.search(rf"(?<!\w)(?:{re.escape(name)}|{re.escape(snake)})(?!\w)", words, re.IGNORECASE))


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


_MESSAGE_NEEDS = frozenset({"role", "url", "content", "tool_calls", "tool_call_id", "id", "type", "function"})
_BY_SPECIAL = frozenset({"reasoning_content", "reasoning", "thought_signature"})
"""Fields of messages with their own lesson in `MENDS`."""


def _message_fields(messages: Any) -> set[str]:
    """The fields of messages and of their calls that a vendor may do without."""
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    pictures = [part["image_url"] for part in _parts(messages) if isinstance(part.get("image_url"), Mapping)]
    return {name for one in (*messages, *calls, *pictures) for name in one} - _MESSAGE_NEEDS - _BY_SPECIAL


def _parts(messages: Any) -> list[Any]:
    """The parts of messages whose content is no string."""
    return [part for message in messages if isinstance(message.get("content"), list) for part in message["content"]]


_NEEDED = frozenset({"type", "function", "name", "parameters", "properties", "description", "items", "required"})


def _keys(schema: Any, *, names: bool = False) -> Iterator[str]:
    """The keys in tools and schemas, but for what they cannot do without. Names of properties (`names`) are none."""
    if isinstance(schema, list):
        for one in schema:
            yield from _keys(one)
    elif isinstance(schema, Mapping):
        for key, value in schema.items():
            if not names and key not in _NEEDED:
                yield key
            yield from _keys(value, names=key == "properties" and not names)


_USUAL_EFFORTS = ("low", "medium", "high")


def _taken_efforts(words: str, refused: Any, named: bool) -> list[str]:
    """The efforts that a refusal lists as taken; the usual ones where it refuses the value and lists none. `named`: it names the
    field; else it must quote the value, or speak of thinking: "too high" is said of many fields."""
    about = re.compile(rf"[`'\"]{re.escape(str(refused))}[`'\"]|effort|reasoning|thinking", re.IGNORECASE)
    said = [e for e in EFFORTS if re.search(rf"(?<![\w-]){e}(?![\w-])", words, re.IGNORECASE)]
    if not isinstance(refused, str) or not (named or (refused in said and about.search(words))):
        return []
    listed = [effort for effort in said if effort not in (refused, "none")]
    unlisted = refused in said and len(said) == 1 and refused not in _USUAL_EFFORTS
    return list(_USUAL_EFFORTS) if unlisted else listed


_FORMATS: dict[str, Literal["json_object", "words"]] = {"json_object": "json_object", "schema in words": "words"}
_BY_NAME = {mend.lesson: mend for mend in MENDS}
_PLAIN: Mapping[str, Mapping[str, Any]] = {
    AS_STREAM: {"stream": True},
    NO_STREAM: {"stream": False},
    TOOLS_OF_HISTORY: {"tools_of_history": True},
}
_MOST = re.compile(rf"{_AT_MOST}([1-9]\d{{0,8}}) ({'|'.join(_NUMBERED)})")


def taught(quirks: Quirks, lessons: Collection[str]) -> Quirks:
    """A vendor's record with lessons in it; one that this version does not know changes nothing."""
    for lesson in lessons:
        quirks = _with(quirks, lesson)
    return quirks


_KEPT: Mapping[str, Collection[str]] = {
    _LEFT_OUT: NEEDED_FIELDS,
    _SCHEMA_WORD: _NEEDED,
    _MESSAGE_FIELD: _MESSAGE_NEEDS,
    _EFFORTS: (),
}
"""How lessons about one word begin, and the words that no request can do without."""


def is_lesson(text: str) -> bool:
    """Whether this version knows a lesson, and a request can do with it."""
    if text in _BY_NAME or text in _FORMATS or text in _PLAIN or _MOST.fullmatch(text):
        return True
    if text.startswith(_FORM):
        return text.removeprefix(_FORM) in get_args(SchemaForm)
    begin = next((begin for begin in _KEPT if text.startswith(begin)), None)
    return begin is not None and text.removeprefix(begin) not in ("", *_KEPT[begin])


def is_left_out(lesson: str) -> bool:
    """Whether a lesson only takes an optional field or key out."""
    return lesson not in _BY_NAME and lesson.startswith((_LEFT_OUT, _SCHEMA_WORD, _MESSAGE_FIELD))


def _with(quirks: Quirks, lesson: str) -> Quirks:
    if lesson in _BY_NAME:
        return _BY_NAME[lesson].change(quirks)
    if lesson in _FORMATS:
        return replace(quirks, answer_format=_FORMATS[lesson])
    if lesson in _PLAIN:
        return replace(quirks, **_PLAIN[lesson])
    if most := _MOST.fullmatch(lesson):
        number: Mapping[str, Any] = {_NUMBERED[most[2]]: int(most[1])}
        return replace(quirks, **number)
    if lesson.startswith(_FORM):
        forms = [form for form in get_args(SchemaForm) if form == lesson.removeprefix(_FORM)]
        return replace(quirks, schema_forms=(*quirks.schema_forms, *forms))
    if lesson.startswith(_SCHEMA_WORD):
        return replace(quirks, schema_words=(*quirks.schema_words, lesson.removeprefix(_SCHEMA_WORD)))
    if lesson.startswith(_MESSAGE_FIELD):
        return replace(quirks, message_words=(*quirks.message_words, lesson.removeprefix(_MESSAGE_FIELD)))
    if lesson.startswith(_EFFORTS):
        return replace(quirks, efforts=tuple(lesson.removeprefix(_EFFORTS).split(",")))
    if lesson.startswith(_LEFT_OUT) and len(quirks.refused) < MAX_DROPPED:
        return replace(quirks, refused=(*quirks.refused, lesson.removeprefix(_LEFT_OUT)))
    return quirks
