"""`GET /openapi.json`: what this gateway serves, as an OpenAPI 3.1 description made from the wire models.

The console API is described completely. Of the model API, only the fields that the gateway itself checks are described: the rest of a body is
the upstream's to know. The description is public, as the documentation is: it holds nothing of this gateway's state.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from joytui import __version__
from joytui.core import wire
from joytui.gateway.routes import OPERATIONS, TEXT, TIER, Operation, Schema
from joytui.ledger.api import MOST_TURNS

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
TURN_COSTS_REQUEST: Schema = {
    "type": "object",
    "required": ["turn_ids"],
    "properties": {"turn_ids": {"type": "array", "maxItems": MOST_TURNS, "items": TEXT}},
}
TURN_COSTS: Schema = {
    "type": "object",
    "required": ["turns"],
    "properties": {
        "turns": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["turn_id", "status"],
                "properties": {
                    "turn_id": TEXT,
                    "status": {"type": "string", "enum": ["priced", "pending"]},
                    "total_usd": TEXT,
                    "event_count": {"type": "integer"},
                },
            },
        }
    },
}
TELEMETRY: Schema = {
    "type": "object",
    "properties": {"resourceLogs": {"type": "array", "items": {"type": "object"}}},
    "description": "OTLP/HTTP in JSON; protobuf and gzip are accepted, too",
}
ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "object", "required": ["message", "type"], "properties": {"message": TEXT, "type": TEXT}}
    },
}


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
                    "telemetry": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "a telemetry token: write-only",
                    },
                    "token": {"type": "http", "scheme": "bearer", "description": "a console token: a viewer's reads"},
                },
            },
        }
    ).encode()


_SCHEMES = {"key": "key", "telemetry": "telemetry"}


def _told(operation: Operation) -> Schema:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    parameters = [{"name": n, "in": "path", "required": True, "schema": TIER if n == "tier" else TEXT} for n in names]
    parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in operation.query.items()]
    answer = {"schema": _ref(operation.answer)} if operation.answer else {}
    told: Schema = {
        "parameters": parameters,
        "responses": {
            str(operation.status): {"description": "good", "content": dict.fromkeys(operation.media, answer)},
            "default": {"description": "refused", "content": {"application/json": {"schema": _ref("Error")}}},
        },
        "security": [{_SCHEMES.get(operation.auth, "token"): []}] if operation.auth else [],
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

    ours = {
        "ChatRequest": CHAT_REQUEST,
        "ResponsesRequest": RESPONSES_REQUEST,
        "TurnCostsRequest": TURN_COSTS_REQUEST,
        "TurnCosts": TURN_COSTS,
        "Telemetry": TELEMETRY,
        "Error": ERROR,
    }
    named = {name for operation in OPERATIONS for name in (operation.body, operation.answer) if name} - set(ours)
    wanted: Any = [(getattr(wire, name), "validation") for name in sorted(named)]
    _, made = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    return {**made["$defs"], **ours}
