"""Chat upstreams that refuse what their public reports say they refuse, in the words that they use.

A `Strict` has a check: what it does not like about a request, as an error body, or None. A request that it likes is answered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from joytui.gateway.bridge.reasoning import Carried, pack
from tests.bridge.bridging import assistant, call, developer, function, output, user
from tests.bridge.chat_upstream import Scripted, Seen, answer_json, chunk, not_found, stream, usage

Body = dict[str, Any]
Check = Callable[[Body], str | Body | list[Body] | None]
SIGNATURE = "skip_thought_signature_validator"
PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "additionalProperties": False}
ANSWER = [chunk({"content": "Hello wörld ✓"}), chunk({}, "stop"), usage(1000, 50)]


@dataclass(frozen=True)
class Strict:
    """`asks`: what a client sends. `sent`: what the upstream must have got in the end, apart from passing its own check.
    `words`: how other vendors word the same refusal."""

    name: str
    check: Check
    asks: Body
    status: int = 400
    sent: Callable[[Body], bool] = field(default=lambda body: True)
    words: tuple[str | Body | list[Body], ...] = ()
    retries: int = 1

    def script(self, seen: Seen) -> Scripted:
        if seen.method != "POST":
            return not_found(seen)
        fault = self.check(seen.body)
        if fault is None:
            return stream(*ANSWER)
        error = {"error": {"message": fault, "type": "invalid_request_error"}} if isinstance(fault, str) else fault
        return answer_json(error, self.status)


def field_refused(name: str, words: str | Body) -> Check:
    return lambda body: words if name in body else None


def worded(check: Check, words: str | Body | list[Body]) -> Check:
    return lambda body: words if check(body) is not None else None


def roles(body: Body) -> list[str]:
    return [message["role"] for message in body["messages"]]


def assistants(body: Body) -> Iterator[Body]:
    return (message for message in body["messages"] if message["role"] == "assistant")


def key_anywhere(value: Any, key: str) -> bool:
    if isinstance(value, dict):
        return key in value or any(key_anywhere(v, key) for v in value.values())
    return isinstance(value, list) and any(key_anywhere(v, key) for v in value)


def alternating(body: Body) -> str | None:
    spoken = [role for role in roles(body) if role != "system"]
    mixed = any(one == two for one, two in pairwise(spoken) if one != "tool")
    return (
        "After the optional system message, conversation roles must alternate user/assistant/user/assistant/..."
        if mixed
        else None
    )


def after_tool(body: Body) -> str | None:
    pairs = pairwise(roles(body))
    return next(
        (
            f"Unexpected role '{two}' after role 'tool'"
            for one, two in pairs
            if one == "tool" and two in ("user", "system")
        ),
        None,
    )


def nine(body: Body) -> str | None:
    ids = [c["id"] for m in assistants(body) for c in m.get("tool_calls", [])]
    if all(len(i) == 9 and i.isalnum() for i in ids):
        return None
    return f"Tool call id was {ids[0]} but must be a-z, A-Z, 0-9, with a length of 9."


def pictures(body: Body) -> str | None:
    if "image_url" not in json.dumps(body["messages"]):
        return None
    return "Failed to deserialize the JSON body into the target type: messages[1]: unknown variant `image_url`, expected `text`"


def unsigned(body: Body) -> str | None:
    first = [m["tool_calls"][0] for m in assistants(body) if m.get("tool_calls")]
    return (
        None
        if all(SIGNATURE in json.dumps(c) for c in first)
        else "Function call is missing a thought_signature in functionCall parts."
    )


MANY = ("parallel_tool_calls", "prompt_cache_key", "stream_options")


def listed(body: Body, words: str) -> str | None:
    found = [name for name in MANY if name in body]
    return words.format(found) if found else None


def lines(body: Body, words: str) -> str | None:
    return "\n".join(words.format(name) for name in MANY if name in body) or None


TOOLS = [
    {**function("exec_command", strict=False), "parameters": SCHEMA},
    function("view"),
]
HISTORY = [user("run it"), call("call_a", "view"), output("call_a"), assistant("done"), user("again")]
THOUGHT = {"type": "reasoning", "summary": [], "encrypted_content": pack(Carried("hm"))}
SEALED = {"type": "reasoning", "summary": [], "encrypted_content": pack(Carried(message={"reasoning_details": [1]}))}
PLAIN: Body = {"input": [user("hi")], "tools": TOOLS, "parallel_tool_calls": False}
BY_SCHEMA: Body = {
    "input": "hi",
    "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA, "strict": True}},
}

REFUSALS = [
    Strict("Databricks: stream_options", field_refused("stream_options", "Invalid JSON payload: Unknown name \"stream_options\": Cannot find field."), PLAIN),
    Strict("o3-mini: parallel_tool_calls", field_refused("parallel_tool_calls", {"error": {"message": "Unsupported parameter.", "param": "parallel_tool_calls", "code": "unsupported_parameter"}}), PLAIN, words=(
        'Unrecognized request argument supplied: parallel_tool_calls',
        {'error': 'parallel_tool_calls is not supported'},
        {'message': 'parallel_tool_calls is not supported'},
        {'code': 400, 'msg': 'parallel_tool_calls is not supported'},
        [{'error': {'code': 400, 'message': 'Invalid JSON payload received. Unknown name "parallel_tool_calls": Cannot find field.', 'status': 'INVALID_ARGUMENT'}}],
        {'error': {'message': 'Provider returned error', 'code': 400, 'metadata': {'raw': '{"error":{"message":"Unsupported parameter: parallel_tool_calls"}}'}}},
        "litellm.UnsupportedParamsError: x does not support parameters: ['parallel_tool_calls'], for model=y. To drop these, set `litellm.drop_params=True`",
    )),
    Strict("pydantic: prompt_cache_key", field_refused("prompt_cache_key", {"detail": [{"type": "extra_forbidden", "loc": ["body", "prompt_cache_key"], "msg": "Extra inputs are not permitted"}]}), {**PLAIN, "prompt_cache_key": "k"}, 422, words=(
        {'object': 'error', 'message': {'detail': [{'type': 'extra_forbidden', 'loc': ['body', 'prompt_cache_key'], 'msg': 'Extra inputs are not permitted'}]}},
        "property 'prompt_cache_key' is unsupported",
        'json: unknown field "prompt_cache_key"',
    )),
    Strict("an image of old: tool_choice", field_refused("tool_choice", "tool_choice is not supported by this model"), {**PLAIN, "tool_choice": "auto"}, words=(
        {'error': {'message': 'Unsupported tool choice', 'param': 'tool_choice'}},
        'Tool choice is not supported by this model',
    )),
    Strict("an effort that is not there", lambda b: "Unsupported value: 'reasoning_effort' does not support 'xhigh' with this model. Supported values are: 'low', 'medium', and 'high'." if b.get("reasoning_effort") == "xhigh" else None, {**PLAIN, "reasoning": {"effort": "xhigh"}}, sent=lambda b: b["reasoning_effort"] == "high", words=(
        {'error': {'message': "Invalid value: 'xhigh'. Supported values are: 'low', 'medium', and 'high'.", 'param': 'reasoning_effort'}},
        "Invalid value: 'xhigh'. Supported values are: 'low', 'medium', and 'high'.",
        'unknown variant `xhigh`, expected one of `none`, `low`, `medium`, `high`',
        'thinking level xhigh is not supported by this model; use low, medium, high',
        'Unsupported reasoning effort: xhigh',
    )),
    Strict("no effort at all", field_refused("reasoning_effort", "Reasoning is not supported by this model"), {**PLAIN, "reasoning": {"effort": "low"}}, words=(
        'Thinking is not supported for this model',
        "property 'reasoning_effort' is unsupported",
        '`reasoning_effort` must be one of `none` or `default`',
    )),
    Strict("max_tokens", field_refused("max_tokens", "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."), {**PLAIN, "max_output_tokens": 9}, sent=lambda b: b["max_completion_tokens"] == 9, words=(
        'this model is not supported MaxTokens, please use MaxCompletionTokens',
    )),
    Strict("strict in a tool", lambda b: "tools.0.function.strict: Extra inputs are not permitted" if key_anywhere(b["tools"], "strict") else None, PLAIN, words=(
        "Unrecognized key(s) in object: 'strict'",
        "Additional properties are not allowed ('strict' was unexpected)",
        'tools[0].function: unknown field `strict`, expected one of `name`, `description`, `parameters`',
    )),
    Strict("additionalProperties", lambda b: "Invalid JSON payload received. Unknown name \"additionalProperties\" at 'tools[0].function.parameters'" if key_anywhere(b["tools"], "additionalProperties") else None, PLAIN, words=(
        'Invalid schema: additional_properties not supported',
        '* tools[0].function_declarations[3].parameters.additionalProperties: unknown field',
    )),
    Strict("json_schema", lambda b: "This response_format type is unavailable now" if b.get("response_format", {}).get("type") == "json_schema" else None, BY_SCHEMA, sent=lambda b: b["response_format"] == {"type": "json_object"} and '"answer"' in b["messages"][0]["content"], words=(
        "response_format.type: Input should be 'text' or 'json_object'",
        'unknown variant `json_schema`, expected one of `text`, `json_object`',
        'guided json is not supported by this engine',
    )),
    Strict("no JSON mode", field_refused("response_format", "response_format is not supported"), BY_SCHEMA, sent=lambda b: '"answer"' in b["messages"][0]["content"], words=(
        'json mode cannot be combined with tool/function calling',
        "Function calling with a response mime type: 'application/json' is unsupported",
    )),
    Strict("pictures to a text model", pictures, {"input": [user([{"type": "input_text", "text": "see"}, PICTURE])]}, sent=lambda b: b["messages"][0]["content"].startswith("see\n[image left out"), words=(
        'This model does not support image input.',
        "messages[3].content[1].type: Input should be 'text'",
        'invalid type: sequence, expected a string at line 1 column 300',
        'At most 0 image(s) may be provided in one request.',
        'messages.1.content: Input should be a valid string',
        "'messages.3.content' : value must be a string",
        '该模型不支持图片输入',
        'messages[0].content: data did not match any variant of untagged enum Content',
    )),
    Strict("Groq: reasoning_content", lambda b: "'messages.1' : for 'role:assistant' the following must be satisfied[('messages.1' : property 'reasoning_content' is unsupported)]" if any("reasoning_content" in m for m in assistants(b)) else None, {"input": [user("x"), THOUGHT, call("c1"), output("c1")]}, words=(
        'Unknown name "reasoning_content" at \'messages[2]\': Cannot find field.',
        'messages.4.reasoning_content: Extra inputs are not permitted',
    )),
    Strict("DeepSeek: a thought that is missing", lambda b: None if all("reasoning_content" in m for m in assistants(b) if m.get("tool_calls")) else "Missing `reasoning_content` field in the assistant message at message index 1.", {"input": HISTORY}, words=(
        'The `reasoning_content` in the thinking mode must be passed back to the API.',
        'thinking is enabled but reasoning_content is missing in assistant tool call message at index 2',
        'assistant 消息缺少 reasoning_content',
    )),
    Strict("Gemini: a signature that is missing", unsigned, {"input": HISTORY}, words=(
        'Unable to submit request because function call `default_api:f` in the 4. content block is missing a `thought_signature`.',
        'Thought signature is not valid',
    )),
    Strict("Mistral: ids", nine, {"input": HISTORY}, words=(
        "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
        'toolUseId failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+',
        "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum length 40.",
    )),
    Strict("Mistral: a user after a tool", after_tool, {"input": [*HISTORY[:3], user("stop")]}, words=("role 'user' cannot follow role 'tool'", 'a user message can not directly follow a tool message')),
    Strict("Mistral: a picture in an output", after_tool, {"input": [*HISTORY[:2], output("call_a", [PICTURE])]}),
    Strict("roles that alternate", alternating, {"input": [user("a"), assistant("b"), assistant("c"), developer("d"), user("e")]}),
    Strict("Cloudflare: content null", lambda b: "messages.1.content: Input should be a valid string" if any(m["content"] is None for m in b["messages"]) else None, {"input": HISTORY}, words=(
        "AiError: Bad input: Error: Type mismatch of '/messages/2/content', 'null' not in 'string'",
        "Invalid type for 'messages[2].content': expected a string, but got null instead.",
    )),
    Strict("Gemma: no system role", lambda b: "System role not supported" if "system" in roles(b) else None, {"input": [developer("rules"), user("a")]}, words=(
        "'messages[0].role' does not support 'system' with this model.",
        'Developer instruction is not enabled for models/gemma-3',
        "Unexpected role 'system'",
        "messages.0.role: Input should be 'user' or 'assistant'",
        'Unexpected message role.',
    )),
    Strict("Qwen at Groq: efforts of its own", lambda b: "`reasoning_effort` must be one of `none` or `default`" if b.get("reasoning_effort") not in (None, "none", "default") else None, {**PLAIN, "reasoning": {"effort": "high"}}, sent=lambda b: "reasoning_effort" not in b),
    Strict("thoughts of one vendor at another", lambda b: "messages.1.reasoning_details: Extra inputs are not permitted" if any("reasoning_details" in m for m in assistants(b)) else None, {"input": [user("x"), SEALED, call("c1"), output("c1")]}, words=("Unknown name \"reasoning_details\" at 'messages[1]': Cannot find field.",)),
    Strict("arguments that are no JSON", lambda b: "Invalid 'messages[1].tool_calls[0].function.arguments': not valid JSON" if any(not c["function"]["arguments"].endswith("}") for m in assistants(b) for c in m["tool_calls"]) else None, {"input": [user("x"), call("c1", arguments='{"cmd'), output("c1")]}, words=("Unterminated string starting at: line 1 column 2 (char 1)", "invalid character 'c' in string in tool_calls[0].function.arguments")),
    Strict("no prefill", lambda b: "This model does not support assistant message prefill. The conversation must end with a user message." if roles(b)[-1] == "assistant" else None, {"input": [user("x"), assistant("y")]}, words=("Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant", "Cannot have 2 or more assistant messages at the end of the list.", "the final message must have the role user or tool")),
    Strict("several fields in one refusal", lambda b: listed(b, "x does not support parameters: {}"), {**PLAIN, "prompt_cache_key": "k"}),
    Strict("a line for each field", lambda b: lines(b, 'Invalid JSON payload received. Unknown name "{}": Cannot find field.'), {**PLAIN, "prompt_cache_key": "k"}),
]  # fmt: skip

LONG: Body = {**PLAIN, "max_output_tokens": 64000}
TWO_CALLS = [user("x"), call("c1", "view"), call("c2", "view"), output("c1"), output("c2"), user("y")]


def asks_for_more_than(most: int) -> Check:
    return lambda body: "too many" if body.get("max_tokens", 0) > most else None


def offered(parameters: Body, **more: Any) -> Body:
    return {"input": "hi", "tools": [{**function("f"), "parameters": parameters, **more}]}


def said(words: str, check: Check) -> Check:
    return worded(check, words)


def schemas_in(value: Any) -> Iterator[Body]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for one in value if isinstance(value, list) else ():
        yield from schemas_in(one)


def any_schema(fault: Callable[[Body], bool]) -> Check:
    return lambda body: (
        "no" if any(map(fault, schemas_in([tool["function"].get("parameters") for tool in body["tools"]]))) else None
    )


def parameter(schema: Body, **more: Any) -> Body:
    return offered({"type": "object", "properties": {"o": schema}, **more})


REFUSALS += [
    Strict("DashScope: the most tokens", said("Range of max_tokens should be [1, 8192]", asks_for_more_than(8192)), LONG, sent=lambda b: b["max_tokens"] == 8192, words=(
        "max_tokens for `llama-3.1-8b-instant` must be less than or equal to 8192",
        "max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens for claude-3-5-sonnet",
        "max_tokens is too large: 64000. This model supports at most 8192 completion tokens, whereas you provided 64000.",
        "The maximum tokens you requested exceeds the model limit of 8192.",
        "max_tokens参数非法。取值范围为[1, 8192]",
        "max_tokens must be at most 8,192",
    )),
    Strict("Qwen, Kimi: thinking and tool_choice", lambda b: "The tool_choice parameter does not support being set to required or object in thinking mode" if b.get("tool_choice") == "required" else None, {**PLAIN, "tool_choice": "required"}, words=("tool_choice 'required' is incompatible with thinking enabled", "tool_choice 参数仅支持 auto")),
    Strict("Gemini: references", said('Unknown name "$ref" at \'tools[0].function_declarations[0].parameters\': Cannot find field.', any_schema(lambda s: "$ref" in s)), parameter({"$ref": "#/$defs/o"}, **{"$defs": {"o": {"type": "string"}}}), sent=lambda b: b["tools"][0]["function"]["parameters"]["properties"]["o"] == {"type": "string"}),
    Strict("Gemini: arrays", said("* GenerateContentRequest.tools[0].function_declarations[0].parameters.properties[o].items: missing field.", any_schema(lambda s: s.get("type") == "array" and "items" not in s)), parameter({"type": "array"}), words=("Invalid schema for function 'f': In context=('properties', 'o'), array schema missing items.",)),
    Strict("Gemini: empty objects", said("parameters.properties[o].properties: should be non-empty for OBJECT type", any_schema(lambda s: s.get("type") == "object" and not s.get("properties"))), parameter({"type": "object"}), words=("Object fields require at least one of: 'properties' or 'anyOf' with a list of possible properties.",)),
    Strict("Gemini: a list of types", said("parameters.properties[0].value': Proto field is not repeating, cannot start list.", any_schema(lambda s: isinstance(s.get("type"), list))), parameter({"type": ["string", "null"]}), words=("could not understand the instance `{'type': ['string', 'null']}`.",)),
    Strict("a long description", lambda b: "Invalid 'tools[0].function.description': string too long. Expected a string with maximum length 1024, but got a string with length 3000 instead." if len(b["tools"][0]["function"]["description"]) > 1024 else None, {"input": "hi", "tools": [{**function("f"), "description": "d" * 3000}]}),
    Strict("many tools", lambda b: "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length 130 instead." if len(b["tools"]) > 128 else None, {"input": "hi", "tools": [function(f"f{n}") for n in range(130)]}),
    Strict("Llama: one call at a time", lambda b: "This model only supports single tool-calls at once!" if any(len(m.get("tool_calls", ())) > 1 for m in assistants(b)) else None, {"input": TWO_CALLS, "tools": TOOLS}),
    Strict("Mistral: content or calls", lambda b: "Assistant message must have either content or tool_calls, but not both." if any(m["content"] and m.get("tool_calls") for m in assistants(b)) else None, {"input": [user("x"), assistant("I look"), call("c1"), output("c1")]}),
    Strict("Bedrock: calls, and no tools", lambda b: "The toolConfig field must be defined when using toolUse and toolResult content blocks." if any("tool_calls" in m for m in assistants(b)) and "tools" not in b else None, {"input": HISTORY}, words=("Bedrock doesn't support tool calling without `tools=` param specified.", "Requests which include `tool_use` or `tool_result` blocks must define tools")),
    Strict("Gemini: outputs with names", lambda b: "function_response.name: Name cannot be empty." if any(m["role"] == "tool" and not m.get("name") for m in b["messages"]) else None, {"input": HISTORY}, sent=lambda b: b["messages"][2]["name"] == "view", words=("messages[2].name is required for role 'tool'",)),
    Strict("Qwen: instructions alone", lambda b: None if "user" in roles(b) else "No user query found in messages.", {"input": [developer("do it")]}, words=("* GenerateContentRequest.contents: contents is not specified",)),
    Strict("Anthropic: the assistant first", lambda b: "messages: first message must use the \"user\" role" if roles(b)[0] != "user" else None, {"input": [assistant("hello"), user("b")]}),
    Strict("Gemini: required and unknown", said("parameters.required[1]: property is not defined", any_schema(lambda s: "z" in s.get("required", ()))), offered({"type": "object", "properties": {"o": {"type": "string"}}, "required": ["o", "z"]})),
    Strict("an option that is no option", field_refused("stream_options", "include_usage is not a valid stream option"), PLAIN),
    Strict("a picture's detail", lambda b: "messages.0.content.1.image_url.detail: Extra inputs are not permitted" if key_anywhere(b["messages"], "detail") else None, {"input": [user([{**PICTURE, "detail": "high"}])]}, sent=lambda b: key_anywhere(b["messages"], "image_url")),
    Strict("Hunyuan: roles that alternate", said("messages 中 user 与 assistant 角色必须交替出现", alternating), {"input": [user("a"), assistant("b"), assistant("c"), user("e")]}),
    Strict("Hunyuan: the last role", lambda b: "messages 最后一条消息的角色必须是 user 或 tool" if roles(b)[-1] == "assistant" else None, {"input": [user("x"), assistant("y")]}),
    Strict("a system role in Chinese", lambda b: "该模型不支持 system 角色" if "system" in roles(b) else None, {"input": [developer("rules"), user("a")]}, words=("The first message must have the role user",)),
    Strict("NIM: several fields", lambda b: {"title": "Bad Request", "status": 400, "detail": "Validation: Unsupported parameter(s): `stream_options`, `prompt_cache_key`"} if "stream_options" in b or "prompt_cache_key" in b else None, {**PLAIN, "prompt_cache_key": "k"}),
    Strict("zod", field_refused("parallel_tool_calls", {"success": False, "error": {"name": "ZodError", "issues": [{"code": "unrecognized_keys", "keys": ["parallel_tool_calls"], "path": [], "message": "Unrecognized key(s) in object: 'parallel_tool_calls'"}]}}), PLAIN),
    Strict("thinking, in Chinese", field_refused("reasoning_effort", "当前模型不支持思考模式"), {**PLAIN, "reasoning": {"effort": "low"}}),
]  # fmt: skip

TWO_PICTURES = [user([PICTURE]), assistant("b"), user([{**PICTURE, "image_url": "data:image/png;base64,BBBB"}])]
LOOKED: Body = {"input": [user("x"), THOUGHT, assistant("I look."), call("c1"), output("c1")]}


def called(body: Body) -> list[Any]:
    return [c["function"]["arguments"] for m in assistants(body) for c in m.get("tool_calls", ())]


REFUSALS += [
    Strict("Ollama: arguments that are no text", lambda b: "json: cannot unmarshal string into Go struct field ChatRequest.messages.tool_calls.function.arguments of type api.ToolCallFunctionArguments" if any(isinstance(a, str) for a in called(b)) else None, {"input": HISTORY}, sent=lambda b: called(b) == [{}], words=(
        "messages.1.tool_calls.0.function.arguments: Input should be a valid dictionary",
        "Can only get item pairs from a mapping.",
    )),
    Strict("gpt-oss's template: text and thought", lambda b: "Cannot pass both content and thinking in an assistant message with tool calls! Put the analysis message in one or the other, but not both." if any(m["content"] and "reasoning_content" in m for m in assistants(b)) else None, LOOKED, sent=lambda b: b["messages"][1]["content"] == "I look."),
    Strict("a gateway of parts", lambda b: "messages[2].content: Input should be a valid list" if any(isinstance(m["content"], str) for m in b["messages"]) else None, {"input": HISTORY}, words=("content must be an array of parts",)),
    Strict("OpenAI: what a strict tool needs", lambda b: "Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be supplied and to be false." if key_anywhere(b["tools"], "strict") else None, offered({"type": "object", "properties": {"a": {"type": "string"}}}, strict=True), words=(
        "Invalid schema for function 'f': In context=(), 'required' is required to be supplied and to be an array including every key in properties. Missing 'a'.",
    )),
    Strict("Cerebras: words of schemas in a set", lambda b: "Unsupported JSON schema fields: {'minItems', 'pattern'}" if key_anywhere(b["tools"], "minItems") or key_anywhere(b["tools"], "pattern") else None, parameter({"type": "array", "items": {"type": "string", "pattern": "a"}, "minItems": 1})),
    Strict("Anthropic: a limit that is a must", lambda b: None if "max_tokens" in b else "max_tokens: Field required", PLAIN, words=("Missing required parameter: 'max_tokens'.", "The max_tokens field is required")),
    Strict("vLLM: pictures", lambda b: "At most 1 image(s) may be provided in one request." if json.dumps(b).count('"image_url": {') > 1 else None, {"input": TWO_PICTURES}, sent=lambda b: "BBBB" in json.dumps(b) and "AAAA" not in json.dumps(b), words=("Too many images: up to 1 image is supported", "The number of images exceeds the limit of 1")),
]  # fmt: skip

REFUSALS += [
    replace(one, name=f"{one.name}, {n}", check=worded(one.check, said))
    for one in REFUSALS
    for n, said in enumerate(one.words, 2)
]

TAKEN_AT_ONCE = [
    Strict("parameters without a type", lambda b: "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'" if any(t["function"]["parameters"].get("type") != "object" for t in b["tools"]) else None, {"input": "hi", "tools": [{**function("a"), "parameters": {}}, {**function("b"), "parameters": {"properties": {"c": {}}}}, {**function("d"), "parameters": None}]}),
    Strict("a name that begins with a digit", lambda b: "function name is invalid, must start with a letter" if not b["tools"][0]["function"]["name"][0].isalpha() else None, {"input": "hi", "tools": [function("3d_view")]}),
    Strict("ids that repeat from turn to turn", lambda b: None if [m["content"] for m in b["messages"] if m["role"] == "tool"] == ["one", "two"] and len({c["id"] for m in assistants(b) for c in m.get("tool_calls", ())}) == 2 else "ids must be unique", {"input": [user("x"), call("f:0"), output("f:0", "one"), user("y"), call("f:0"), output("f:0", "two"), user("z")]}),
    Strict("a tool that said nothing", lambda b: "message at position 2 with role 'tool' must not be empty" if any(m["role"] == "tool" and not m["content"].strip() for m in b["messages"]) else None, {"input": [*HISTORY[:2], output("call_a", "")]}),
    Strict("a system message anywhere but first", lambda b: "System message must be at the beginning." if "system" in roles(b)[1:] else None, {"input": [developer("a"), user("b"), assistant("c"), developer("d"), user("e")]}),
    Strict("user messages in a row", alternating, {"input": [user("a"), user("b"), assistant("c"), user("d")]}),
    Strict("parts", lambda b: "content must be a string" if any(isinstance(m["content"], list) for m in b["messages"]) else None, {"input": [user([{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}])]}),
    Strict("an empty assistant message", lambda b: "empty" if any(not (m["content"] or m.get("tool_calls")) for m in assistants(b)) else None, {"input": [user("a"), assistant(""), THOUGHT, user("b")]}),
    Strict("a description", lambda b: None if all(t["function"].get("description") for t in b["tools"]) else "tools.0.function.description: Field required", {"input": "hi", "tools": [{"type": "function", "name": "f"}]}),
    Strict("a cache key", lambda b: None if b.get("prompt_cache_key") == "k" else "no key, no cache", {**PLAIN, "prompt_cache_key": "k"}),
]  # fmt: skip

NOT_LEARNED = [
    ("money", 400, {"error": {"message": "Insufficient Balance: parallel_tool_calls", "type": "billing"}}),
    ("content", 400, {"error": {"message": "content_policy violation in stream_options", "code": "content_filter"}}),
    ("a server's fault", 500, {"error": {"message": "stream_options: Unknown name"}}),
    ("no field", 400, {"error": {"message": "something else is wrong"}}),
]
