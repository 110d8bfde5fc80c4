"""What differs between Chat upstreams, as data: one record a vendor, chosen by the upstream's host and the model.

`DEFAULT` understands every spelling that is known and sends what nearly all upstreams take. A vendor that needs something
else has its own record (`replace(DEFAULT, …)`) and a line in `RULES`; nothing else in the bridge names a vendor.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

from joytui.gateway.bridge.finish import MEANINGS, Meaning

NEEDED_FIELDS = frozenset({"model", "messages", "input", "stream", "tools"})
"""What a request is made of: never left out of it, and never set for an upstream."""


def as_given(call_id: str) -> str:
    """The upstream's own ids come back as they came. Blanks and other letters, which no vendor makes, are replaced."""
    if re.fullmatch(r"[!-~]+", call_id):
        return call_id
    return f"call_{hashlib.sha256(call_id.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


SchemaForm = Literal["inline", "items", "members", "one type", "required"]


@dataclass(frozen=True, slots=True)
class UsageSpelling:
    """Where the counts are in `usage`, by the names to try in order. Details are objects inside it."""

    input: tuple[str, ...] = (
        *("prompt_tokens", "promptTokens", "promptTokenCount", "prompt_token_count", "inputTokenCount"),
        *("prompt_eval_count", "tokens_evaluated", "num_input_tokens", "prefill_tokens"),
    )
    input_alone: tuple[str, ...] = ("input_tokens", "inputTokens", "prompt_n")
    """What was read from the cache, or written to it, may not be counted in these (Anthropic; llama.cpp's `timings`)."""
    output: tuple[str, ...] = (
        *("completion_tokens", "output_tokens", "completionTokens", "outputTokens"),
        *("candidatesTokenCount", "candidates_token_count", "outputTokenCount"),
        *("eval_count", "tokens_predicted", "num_output_tokens", "generated_tokens", "predicted_n"),
    )
    total: tuple[str, ...] = ("total_tokens", "totalTokens", "totalTokenCount", "total_token_count")
    input_details: tuple[str, ...] = ("prompt_tokens_details", "input_tokens_details", "promptTokensDetails")
    output_details: tuple[str, ...] = ("completion_tokens_details", "output_tokens_details", "completionTokensDetails")
    cached_in_details: tuple[str, ...] = ("cached_tokens", "cache_read_input_tokens", "cachedTokens")
    cached: tuple[str, ...] = (
        "prompt_cache_hit_tokens",
        "cached_tokens",
        "cached_prompt_tokens",
        "prompt_tokens_cached",
        "cache_read_input_tokens",
        "cacheReadInputTokens",
        "cachedContentTokenCount",
        "cached_content_token_count",
        "cache_n",
    )
    cache_written: tuple[str, ...] = ("cache_creation_input_tokens", "cacheWriteInputTokens")
    reasoning_in_details: tuple[str, ...] = ("reasoning_tokens", "reasoningTokens", "thinking_tokens")
    reasoning: tuple[str, ...] = ("reasoning_tokens", "thoughtsTokenCount", "thoughts_token_count")


@dataclass(frozen=True, slots=True)
class Quirks:
    """How one vendor wants its requests, and how to read its answers. Field names are those of the APIs."""

    name: str

    # --- the request
    renamed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({"max_output_tokens": "max_tokens"}))
    """Responses name -> Chat name, for fields that mean the same."""
    dropped: tuple[str, ...] = (
        "store",
        "include",
        "client_metadata",
        "truncation",
        "stream_options",
    )
    """Fields that mean nothing to an upstream that keeps nothing."""
    dropped_with_note: tuple[str, ...] = ("background", "max_tool_calls", "context_management")
    """Fields that the client may miss: the request's record says that they were left out."""
    refused: tuple[str, ...] = ()
    """Chat fields that this vendor refuses: they are not sent, whatever they were made from."""
    extra_body: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Chat fields that each request has besides."""
    system_role: Literal["system", "developer", "user"] = "system"
    """What the instructions are said by; `user` for a model that knows no system message."""
    later_instructions: Literal["user", "first", "system"] = "user"
    """Where developer and system messages behind the first one go: to the user's words, into the first one, or they stay."""
    merge_assistants: bool = False
    """Roles must alternate: neighbouring assistant messages are merged as well."""
    assistant_after_tool: bool = False
    """No user message may follow a tool's output: an assistant message is between them."""
    listed_content: bool = False
    """Content is a list of parts, also where it is text alone."""
    content_beside_calls: str | None = None
    """The content of an assistant message that has calls alone."""
    thought_field: str | None = None
    """Where an assistant message carries its reasoning text; None: where it came, "": nowhere."""
    empty_thought: str = ""
    """The field that each assistant message with calls must have, empty if another model made the calls."""
    message_words: tuple[str, ...] = ()
    """Fields that are taken out of messages and their calls (`reasoning_details`, `extra_content`, …)."""
    object_arguments: bool = False
    """A call's arguments must be a JSON object: what another model left unfinished is put into one."""
    parsed_arguments: bool = False
    """A call's arguments are an object, not its text."""
    user_last: bool = False
    """The last message must be the user's or a tool's."""
    user_needed: bool = False
    """There must be a user message, and be first behind the instructions."""
    single_calls: bool = False
    """An assistant message has one call at most, and its output follows it."""
    content_or_calls: bool = False
    """An assistant message with calls has no text."""
    content_or_thought: bool = False
    """An assistant message with calls and text has no thought."""
    named_outputs: bool = False
    """A tool's message has the tool's name."""
    tools_of_history: bool = False
    """A request whose history has calls must offer tools: those that were called, where it offers none."""
    stream: bool | None = None
    """Whether an answer can come as a stream at all (False), or in no other way (True); None: as the client wants it."""
    usual_output: int = 0
    """The most tokens that are asked for where the client names no number; 0: none."""
    most_output: int = 0
    """The most tokens that an answer may be asked for; 0: any number."""
    most_images: int = 0
    """How many pictures a request may have, the newest ones; 0: any number."""
    most_tools: int = 0
    """How many tools a request may have; 0: any number."""
    longest_description: int = 0
    """Characters of a tool's description; 0: any number."""
    schema_forms: tuple[SchemaForm, ...] = ()
    """How schemas are rewritten, for vendors that know a part of JSON Schema (`schemas.rewritten`)."""
    skip_signature: bool = False
    """Gemini wants a signature at the first call of a turn: one that another model made gets Google's stand-in."""
    images: bool = True
    """Whether the model takes pictures and files; else a line of text stands for each."""
    efforts: tuple[str, ...] = ()
    """The values of `reasoning_effort` that are taken; empty: any."""
    schema_words: tuple[str, ...] = ()
    """Keys that are taken out of the tools and their schemas (`strict`, `additionalProperties`, …)."""
    answer_format: Literal["json_schema", "json_object", "words"] = "json_schema"
    """How the client's schema for the answer is passed on: as it is, or in words, with or without JSON mode."""
    verbosity: bool = False
    """Whether `text.verbosity` is taken, as `verbosity`."""
    call_id: Callable[[str], str] = as_given
    """The id of a call as this vendor takes it. Equal ids must stay equal: a call and its output are joined by it."""

    # --- the answer
    thought_fields: tuple[str, ...] = (
        *("reasoning_content", "reasoning", "reasoning_text", "thinking", "thought", "thinking_content"),
        *("reasoning_summary", "reasoning_details", "thinking_blocks"),
    )
    """Where reasoning text comes, the first that has any; some vendors send the same text under both names."""
    call_fields: tuple[str, ...] = ("extra_content", "thought_signature", "provider_specific_fields")
    """Opaque fields of a call that must come back unchanged (Gemini's `thought_signature`: JoyToken's SDKs)."""
    message_fields: tuple[str, ...] = (
        "extra_content",
        "thought_signature",
        "reasoning_details",
        "thinking_blocks",
        "provider_specific_fields",
    )
    """The same for a whole message."""
    thought_tags: bool = True
    """Whether thoughts come as tags in the text (no parser upstream), which some of every family do."""
    leaked_calls: bool = True
    """Whether calls come as markup in the text: read as calls only where nothing else fits."""
    bare_channels: bool = False
    """Whether the marks of its channels may be missing (`channels`)."""
    finish_words: Mapping[str, Meaning] = field(default_factory=lambda: MEANINGS)
    usage: UsageSpelling = UsageSpelling()


def nine_characters(call_id: str) -> str:
    """Mistral's form: nine letters and digits. An id that has it already stays."""
    if re.fullmatch(r"[A-Za-z0-9]{9}", call_id):
        return call_id
    return hashlib.sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()[:9]


DEFAULT = Quirks("default")
GROQ = replace(DEFAULT, name="groq", thought_field="reasoning")
"""Refuses `reasoning_content` and takes `reasoning` back (console.groq.com/docs/reasoning; Cerebras alike)."""
MISTRAL = replace(DEFAULT, name="mistral", call_id=nine_characters, assistant_after_tool=True, merge_assistants=True)
"""Refuses call ids of any other form, and a user's message behind a tool's (docs.mistral.ai, function calling; its templates)."""
OPENAI = replace(
    DEFAULT,
    name="openai",
    renamed=MappingProxyType({"max_output_tokens": "max_completion_tokens"}),
    later_instructions="system",
    verbosity=True,
)
"""Takes developer and system messages anywhere, and no `max_tokens` for its newer models (platform.openai.com)."""
GPT_5 = replace(DEFAULT, name="gpt-5", verbosity=True)
GPT_OSS = replace(DEFAULT, name="gpt-oss", bare_channels=True)

RECORDS = {quirks.name: quirks for quirks in (DEFAULT, GROQ, MISTRAL, OPENAI, GPT_5, GPT_OSS)}

RULES: tuple[tuple[str, str, Quirks], ...] = (
    ("api.groq.com", "*", GROQ),
    ("api.cerebras.ai", "*", GROQ),
    ("*.mistral.ai", "*", MISTRAL),
    ("api.openai.com", "*", OPENAI),
    ("*.openai.azure.com", "*", OPENAI),
    ("*", "gpt-5*", GPT_5),
    ("*", "*/gpt-5*", GPT_5),
    ("*", "*gpt-oss*", GPT_OSS),
)
"""Host pattern, model pattern, record; the first that fits counts. Patterns are shell-style and in lower case."""


@lru_cache(maxsize=1024)
def quirks_for(url: str, model: str) -> Quirks:
    """The record for a model of the upstream at this base URL."""
    host = (urlsplit(url).hostname or "").lower()
    for host_pattern, model_pattern, quirks in RULES:
        if fnmatchcase(host, host_pattern) and fnmatchcase(model.lower(), model_pattern):
            return quirks
    return DEFAULT
