"""Requests made up from the served OpenAPI description: right ones, nearly right ones, and noise; and what must hold.

State gathers while it runs: keys, tokens and ids that answers gave are used in later requests. Every answer is judged by
the same rules: it comes, its status is none of a fault, an error has the one shape, and no secret is in it but in
the one answer that hands it out.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import strategies as st

FAULTS = frozenset(range(500, 600)) - {502}
"""502 routing_error is an answer: no model within the policy."""
ERROR_TYPES_OF_502 = {"routing_error"}
LARGEST = 200_000

TEXTS = st.one_of(
    st.sampled_from(
        ["auto", "joytui-offline", "joytui-offline-max", "no-such", "", " ", "0", "-1", "1e999", "NaN", "null", "../..", "a" * 5000,
         "\x00", "\x1b]0;x\x07", "é🦉", "\ud800", "' OR 1=1 --", "%00", "10.0.0.0/8", "::1", "127.0.0.1", "0.000001", "2099-01-01T00:00:00Z",
         "9999-12-31T23:59:59+14:00", "1h", "status:4xx", "key:dev AND", '"', "model", "day", "key,day", "9" * 30, "٣"]
    ),
    st.text(max_size=40),
)  # fmt: skip
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=12), inner, max_size=4)),
    max_leaves=8,
)
CONTENT = st.one_of(
    TEXTS,
    st.lists(
        st.one_of(
            st.fixed_dictionaries({"type": st.sampled_from(["text", "input_text", "output_text"]), "text": TEXTS}),
            st.fixed_dictionaries({"type": st.just("image_url"), "image_url": ANYTHING}),
            st.fixed_dictionaries({"type": st.just("input_image"), "image_url": ANYTHING}),
            ANYTHING,
        ),
        max_size=3,
    ),
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "system", "assistant", "tool", "developer", "x"]), "content": CONTENT},
    optional={"tool_calls": ANYTHING, "tool_call_id": TEXTS, "name": TEXTS, "type": st.just("message")},
)
ITEM = st.one_of(
    MESSAGE,
    st.fixed_dictionaries(
        {"type": st.sampled_from(["function_call", "custom_tool_call", "local_shell_call"]), "call_id": TEXTS, "name": TEXTS},
        optional={"arguments": ANYTHING, "input": ANYTHING, "namespace": ANYTHING, "action": ANYTHING},
    ),
    st.fixed_dictionaries({"type": st.sampled_from(["function_call_output", "custom_tool_call_output"]), "call_id": TEXTS, "output": ANYTHING}),
    st.fixed_dictionaries({"type": st.just("reasoning"), "summary": ANYTHING, "encrypted_content": TEXTS}),
    st.fixed_dictionaries({"type": TEXTS}, optional={"tools": ANYTHING, "content": ANYTHING}),
)  # fmt: skip
TOOL = st.one_of(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["function", "custom", "namespace", "web_search", "x"]), "name": TEXTS},
        optional={"parameters": ANYTHING, "format": ANYTHING, "tools": ANYTHING, "description": ANYTHING, "function": ANYTHING},
    ),
    ANYTHING,
)  # fmt: skip
EXTRA = st.fixed_dictionaries(
    {},
    optional={
        "tools": st.lists(TOOL, max_size=3), "tool_choice": ANYTHING, "reasoning": ANYTHING, "text": ANYTHING, "metadata": ANYTHING,
        "stream_options": ANYTHING, "response_format": ANYTHING, "previous_response_id": ANYTHING, "temperature": ANYTHING,
        "parallel_tool_calls": ANYTHING, "instructions": ANYTHING, "max_tokens": ANYTHING, "max_output_tokens": ANYTHING,
    },
)  # fmt: skip
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "x-request-id": TEXTS, "user-agent": TEXTS, "thread-id": TEXTS, "x-forwarded-for": TEXTS, "last-event-id": TEXTS,
        "content-encoding": st.sampled_from(["gzip", "deflate", "zstd", "br", "identity", "GZIP , gzip"]),
        "content-type": st.sampled_from(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]),
        "x-codex-turn-metadata": st.one_of(TEXTS, st.just('{"workspaces":{"/x":{}}}'), st.just('{"workspaces":[]}'), st.just("[]")),
        "range": st.just("bytes=0-1"), "expect": st.just("100-continue"), "accept": TEXTS, "x-http-method-override": st.just("DELETE"),
    },
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Made:
    """One request of the fuzzer. `place` names a known id where the path has one; `who` signs it."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes | None
    who: str


@dataclass
class World:
    """What is known of the gateway so far. `secrets`: every plain key and token that it ever gave."""

    admin: str
    reader: str = ""
    key: str = ""
    secrets: set[str] = field(default_factory=set)
    ids: list[str] = field(default_factory=lambda: ["nobody"])
    statuses: dict[int, int] = field(default_factory=dict)
    limited: bool = False

    def credential(self, who: str) -> str | None:
        return {"admin": self.admin, "reader": self.reader, "key": self.key, "wrong": "jt_local_wrong"}.get(who)

    def learn(self, answer: httpx.Response, data: Any) -> str | None:
        """Takes ids and secrets out of a good answer; gives the secret that this answer may hold."""
        if not isinstance(data, dict):
            return None
        if isinstance(data.get("id"), str):
            self.ids = [*self.ids[-30:], data["id"]]
        handed = data.get("key") if isinstance(data.get("key"), str) else data.get("token")
        if answer.status_code == 201 and isinstance(handed, str):
            self.secrets.add(handed)
            return handed
        return None


def requests_of(description: dict[str, Any]) -> st.SearchStrategy[Made]:
    """Requests for every operation of the description, each as likely as any other."""
    components = description["components"]["schemas"]
    operations = [
        _requests(path, method, operation, components)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    return st.one_of(operations)


@st.composite
def _requests(draw: Any, path: str, method: str, operation: dict[str, Any], components: dict[str, Any]) -> Made:
    where = path
    query: list[tuple[str, str]] = []
    for parameter in operation["parameters"]:
        value = draw(st.one_of(values(parameter["schema"], components), TEXTS))
        if parameter["in"] == "path":
            known = draw(st.integers(0, 9)) < 7 and parameter["name"] == "id"
            text = "{known}" if known else quote(str(value), safe="", errors="replace") or "x"
            where = where.replace("{" + parameter["name"] + "}", text)
        elif draw(st.booleans()):
            query.append((parameter["name"], str(value)))
    if draw(st.integers(0, 19)) == 0:
        method = draw(st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PURGE"]))
    body = None
    if (content := operation.get("requestBody")) is not None or draw(st.integers(0, 19)) == 0:
        schema = content["content"]["application/json"]["schema"] if content else {}
        body = draw(_bodies(schema, components, model="/openai/" in path))
    headers = draw(HEADERS) if draw(st.integers(0, 3)) == 0 else {}
    signed = "key" if operation["security"] and "key" in operation["security"][0] else "admin"
    who = draw(st.sampled_from([signed] * 8 + ["admin", "reader", "key", "wrong", "nobody"]))
    return Made(method.upper(), where, query, headers, body, who)


@st.composite
def _bodies(draw: Any, schema: dict[str, Any], components: dict[str, Any], *, model: bool) -> bytes:
    """Mostly what the schema wants, sometimes with a field that is anything, a stray one, or bytes that are no JSON."""
    kind = draw(st.integers(0, 19))
    if kind == 0:
        return draw(
            st.one_of(st.binary(max_size=60), st.sampled_from([b"[" * 100_000, b"", b"{", b"null", b" " * 300_000]))
        )
    data = draw(values(schema, components))
    if kind == 1:
        data = draw(ANYTHING)
    if isinstance(data, dict):
        if model:
            data |= draw(EXTRA) if kind > 8 else {}
            if kind % 2 and "messages" in data:
                data["messages"] = draw(st.lists(MESSAGE, min_size=1, max_size=4))
            elif kind % 2 and "input" in data:
                data["input"] = draw(st.lists(ITEM, min_size=1, max_size=5))
            if kind > 4:
                data.pop("model", None)
        if data and kind in (2, 3):
            data[draw(st.sampled_from(sorted(data)))] = draw(ANYTHING)
        if kind == 4:
            data[draw(st.text(max_size=8))] = draw(ANYTHING)
    return json.dumps(data).encode("utf-8", "surrogatepass")


def values(schema: dict[str, Any], components: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of the part of JSON Schema that the description uses."""
    if "$ref" in schema:
        return st.deferred(lambda: values(components[schema["$ref"].rsplit("/", 1)[1]], components))
    for name in ("anyOf", "oneOf"):
        if name in schema:
            return st.one_of([values(one, components) for one in schema[name]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    kind = schema.get("type")
    if kind == "string":
        return TEXTS
    if kind in ("integer", "number"):
        return st.integers(schema.get("minimum", -10), schema.get("maximum", 2**70))
    if kind == "boolean":
        return st.booleans()
    if kind == "null":
        return st.none()
    if kind == "array":
        return st.lists(values(schema.get("items", {}), components), min_size=schema.get("minItems", 0), max_size=3)
    if kind == "object" and "properties" in schema:
        required = set(schema.get("required", ()))
        parts = {name: values(part, components) for name, part in schema["properties"].items()}
        must = {name: part for name, part in parts.items() if name in required}
        return st.fixed_dictionaries(must, optional={n: p for n, p in parts.items() if n not in required})
    return ANYTHING


def send(http: httpx.Client, world: World, made: Made, pick: int) -> httpx.Response:
    """Sends it and judges the answer. A stream without an end is closed after its first bytes."""
    url = made.path.replace("{known}", world.ids[pick % len(world.ids)])
    headers = [(name, value.encode("utf-8", "replace")) for name, value in made.headers.items() if _sendable(value)]
    if (secret := world.credential(made.who)) is not None:
        headers.append(("authorization", f"Bearer {secret}".encode()))
    query = [(name, value.encode("utf-8", "replace").decode()) for name, value in made.query]
    request = http.build_request(made.method, url, params=query or None, headers=headers, content=made.body)  # type: ignore[arg-type]
    answer = http.send(request, stream=True)
    body = b""
    for part in answer.iter_raw():
        body += part
        if answer.headers.get("content-type", "").startswith("text/event-stream") and "/console/" in url:
            break
    answer.close()
    if body and answer.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    _judge(world, made, answer, body)
    return answer


def _sendable(value: str) -> bool:
    """Whether an HTTP client would send this as a header; what no client sends is tried on bare sockets."""
    return bool(value.strip()) and value == value.strip() and not any(ord(c) < 32 or ord(c) == 127 for c in value)


def _judge(world: World, made: Made, answer: httpx.Response, body: bytes) -> None:
    status = answer.status_code
    world.statuses[status] = world.statuses.get(status, 0) + 1
    told = f"{made} -> {status} {body[:300]!r}"
    assert status not in FAULTS, told
    data = None
    if answer.headers.get("content-type", "").startswith("application/json") and made.method != "HEAD":
        data = json.loads(body)
    if status >= 400 and made.method != "HEAD":
        assert isinstance(data, dict), told
        assert set(data["error"]) >= {"message", "type"}, told
        assert isinstance(data["error"]["message"], str), told
        assert status != 502 or data["error"]["type"] in ERROR_TYPES_OF_502, told
    handed = world.learn(answer, data)
    shown = body + repr(answer.headers.raw).encode()
    for secret in {world.admin, world.key, world.reader, *world.secrets} - {handed, ""}:
        assert secret.encode() not in shown, told
