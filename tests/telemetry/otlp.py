"""What Codex 0.171.0 sent in each outcome (codex-0.171.0.json, as observed), and posts of it as Codex makes them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from joytui.core.clock import rfc3339
from joytui.gateway.telemetry.otlp import LogRecord
from tests.support.clock import NOW

_SEEN: dict[str, Any] = json.loads(Path(__file__).with_name("codex-0.171.0.json").read_text(encoding="utf-8"))
BINARY = base64.b64decode(_SEEN.pop("binary"))
"""A whole post in protobuf."""
OUTCOMES: dict[str, list[dict[str, Any]]] = {name: records for name, records in _SEEN.items() if records}
"""Records of {"observed", "attributes"} by outcome; those of which Codex sent nothing (it ended first) are left out."""
SENT_MS = 1_795_981_518_000
"""About when."""


def record(name: str, ms: float, thread: str = "t1", **attributes: Any) -> dict[str, Any]:
    """An event, so many ms after the tests' moment. `event__kind` stands for `event.kind`."""
    moment = NOW + timedelta(milliseconds=ms)
    said = {key.replace("__", "."): value for key, value in attributes.items()}
    return {
        "observed": str(int(moment.timestamp() * 1000) * 1_000_000),
        "attributes": {
            "event.name": f"codex.{name}", "event.timestamp": rfc3339(moment), "conversation.id": thread,
            "app.version": "0.171.0", "originator": "codex_exec", "model": "auto", **said,
        },
    }  # fmt: skip


def attempt(ms: float, status: int | None = 200, thread: str = "t1", **more: Any) -> dict[str, Any]:
    """The head of an answer after 10 ms."""
    said = {"http__response__status_code": str(status)} if status else {}
    if status is None or status >= 400:
        said["error__message"] = f"http {status}" if status else "error sending request"
    return record("api_request", ms, thread, duration_ms="10", attempt="0", endpoint="/responses", **said, **more)


def done(ms: float, given: int = 100, written: int = 7, thread: str = "t1") -> dict[str, Any]:
    return record(
        "sse_event", ms, thread, event__kind="response.completed", input_token_count=str(given),
        output_token_count=str(written), cached_token_count="40", reasoning_token_count="3",
    )  # fmt: skip


def as_json(records: Iterable[Mapping[str, Any]], resource: Mapping[str, str] | None = None) -> bytes:
    """A post in JSON."""
    rows = [
        {
            "timeUnixNano": "0",
            "observedTimeUnixNano": one["observed"],
            "attributes": [{"key": key, "value": _value(value)} for key, value in one["attributes"].items()],
        }
        for one in records
    ]
    of_resource = {"attributes": [{"key": key, "value": _value(value)} for key, value in (resource or {}).items()]}
    scope = {"scope": {"name": "codex_otel.log_only"}, "logRecords": rows}
    return json.dumps({"resourceLogs": [{"resource": of_resource, "scopeLogs": [scope]}]}).encode()


def _value(value: Any) -> dict[str, Any]:
    return {"boolValue": value} if isinstance(value, bool) else {"stringValue": str(value)}


def plain(records: Iterable[Mapping[str, Any]]) -> list[LogRecord]:
    """The same as they are read."""
    return [LogRecord(one["attributes"], {}, int(one["observed"])) for one in records]
