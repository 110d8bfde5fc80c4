"""`GET /openapi.json`: what this gateway serves, as an OpenAPI 3.1 description made from the wire models.

The console API is told whole. Of the model API only the fields that the gateway itself judges are told: the rest of a body is
the upstream's to know. The description is public, as the documentation is: it holds nothing of this gateway's state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from joytui import __version__
from joytui.core import wire

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
FORM: Schema = {"type": "string", "enum": ["rows", "columns"]}
TIER: Schema = {"type": "string", "enum": ["economy", "standard", "premium"]}
COUNT: Schema = {"type": "integer", "minimum": 1, "maximum": 5000}
GROUPS: Schema = {"type": "integer", "minimum": 1, "maximum": 1000}
SPAN = {"since": TEXT, "until": TEXT}

CHAT_REQUEST: Schema = {
    "type": "object",
    "required": ["messages"],
    "properties": {
        "model": TEXT,
        "messages": {"type": "array", "minItems": 1, "items": {"type": "object"}},
        "stream": {"type": "boolean"},
        "tier": TIER,
        "max_tokens": {"type": "integer", "minimum": 1},
    },
}
RESPONSES_REQUEST: Schema = {
    "type": "object",
    "required": ["input"],
    "properties": {
        "model": TEXT,
        "instructions": TEXT,
        "input": {"anyOf": [TEXT, {"type": "array", "minItems": 1, "items": {"type": "object"}}]},
        "stream": {"type": "boolean"},
        "tier": TIER,
        "max_output_tokens": {"type": "integer", "minimum": 1},
    },
}
ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "object", "required": ["message", "type"], "properties": {"message": TEXT, "type": TEXT}}
    },
}


class Operation(NamedTuple):
    """`auth`: "key", "admin", "read" (admin or read-only token) or "" (none). `body`, `answer`: names of components."""

    method: str
    path: str
    auth: str
    answer: str = ""
    body: str = ""
    query: Mapping[str, Schema] = {}
    status: int = 200


OPERATIONS = (
    Operation("post", "/openai/v1/responses", "key", body="ResponsesRequest"),
    Operation("post", "/openai/v1/responses/compact", "key", body="ResponsesRequest"),
    Operation("post", "/openai/v1/chat/completions", "key", body="ChatRequest"),
    Operation("get", "/openai/v1/models", "key"),
    Operation(
        "get", "/api/v1/models", "",
        query={"tier": TIER, "provider": TEXT, "feature_tag": TEXT, "locale": {"type": "string", "enum": ["zh", "en"]}},
    ),
    Operation("get", "/api/v1/models/meta", "key"),
    Operation("get", "/api/v1/pricing", "key"),
    Operation(
        "get", "/api/v1/key/check", "key",
        query={"model": TEXT, "tier": TIER, "input_bytes": {"type": "integer", "minimum": 0, "maximum": 999_999_999}},
    ),
    Operation("get", "/healthz", "", query={"nonce": {"type": "string", "minLength": 1, "maxLength": 200}}),
    Operation("get", "/metrics", "read"),
    Operation("get", "/openapi.json", ""),
    Operation("get", "/console/v1/status", "read", "GatewayStatus"),
    Operation("get", "/console/v1/keys", "read"),
    Operation("post", "/console/v1/keys", "admin", "KeyCreated", "KeyCreate", status=201),
    Operation("post", "/console/v1/keys/check", "read", "KeyVerdict", "KeyCheck"),
    Operation("get", "/console/v1/keys/{id}", "read", "KeyView"),
    Operation("patch", "/console/v1/keys/{id}", "admin", "KeyView", "KeyEdit"),
    Operation("post", "/console/v1/keys/{id}/rotate", "admin", "KeyCreated", "KeyRotate", status=201),
    Operation("post", "/console/v1/keys/{id}/revoke", "admin", "KeyView"),
    Operation("post", "/console/v1/keys/{id}/disable", "admin", "KeyView"),
    Operation("post", "/console/v1/keys/{id}/enable", "admin", "KeyView"),
    Operation("get", "/console/v1/requests", "read", query={"filter": TEXT, **SPAN, "limit": COUNT, "before": TEXT, "form": FORM}),
    Operation("get", "/console/v1/requests/stream", "read", query={"after": TEXT, "filter": TEXT, "form": FORM}),
    Operation("get", "/console/v1/requests/{id}", "read", "RequestView"),
    Operation("get", "/console/v1/usage", "read", "UsageView", query={"by": TEXT, **SPAN, "filter": TEXT, "top": GROUPS, "only": TEXT}),
    Operation("get", "/console/v1/latency", "read", query=SPAN),
    Operation("get", "/console/v1/models", "read", query={"key": TEXT}),
    Operation("get", "/console/v1/wallet", "read"),
    Operation("get", "/console/v1/wallet/entries", "read", query={"tier": TIER, "limit": COUNT, "before": TEXT}),
    Operation("put", "/console/v1/wallet/{tier}", "admin", "WalletView", "WalletSet"),
    Operation("post", "/console/v1/wallet/{tier}/credit", "admin", "WalletView", "WalletCredit"),
    Operation("get", "/console/v1/policies", "read"),
    Operation("put", "/console/v1/policies/{name}", "admin", "NamedPolicy", "PolicyView"),
    Operation("get", "/console/v1/upstreams", "read"),
    Operation("delete", "/console/v1/upstreams/lessons", "admin", "Forgotten", query={"upstream": TEXT, "model": TEXT}),
    Operation("get", "/console/v1/tokens", "read"),
    Operation("post", "/console/v1/tokens", "admin", "TokenCreated", "TokenCreate", status=201),
    Operation("delete", "/console/v1/tokens/{id}", "admin"),
)  # fmt: skip


async def openapi(request: Request) -> Response:
    return Response(description(), media_type="application/json")


@cache
def description() -> bytes:
    """The description as JSON."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _told(operation)
    return json.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "joytui gateway", "version": __version__},
            "paths": paths,
            "components": {
                "schemas": _schemas(),
                "securitySchemes": {
                    "key": {"type": "http", "scheme": "bearer", "description": "a key of this gateway"},
                    "token": {"type": "http", "scheme": "bearer", "description": "an admin or read-only console token"},
                },
            },
        }
    ).encode()


def _told(operation: Operation) -> Schema:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    parameters = [{"name": n, "in": "path", "required": True, "schema": TIER if n == "tier" else TEXT} for n in names]
    parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in operation.query.items()]
    answer = {"schema": _ref(operation.answer)} if operation.answer else {}
    told: Schema = {
        "parameters": parameters,
        "responses": {
            str(operation.status): {"description": "good", "content": {"application/json": answer}},
            "default": {"description": "refused", "content": {"application/json": {"schema": _ref("Error")}}},
        },
        "security": [{"key" if operation.auth == "key" else "token": []}] if operation.auth else [],
    }
    if operation.body:
        optional = operation.body == "KeyRotate"
        content = {"application/json": {"schema": _ref(operation.body)}}
        told["requestBody"] = {"required": not optional, "content": content}
    return told


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _schemas() -> Schema:
    from pydantic.json_schema import models_json_schema

    ours = {"ChatRequest": CHAT_REQUEST, "ResponsesRequest": RESPONSES_REQUEST, "Error": ERROR}
    named = {name for operation in OPERATIONS for name in (operation.body, operation.answer) if name} - set(ours)
    wanted: Any = [(getattr(wire, name), "validation") for name in sorted(named)]
    _, made = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    return {**made["$defs"], **ours}
