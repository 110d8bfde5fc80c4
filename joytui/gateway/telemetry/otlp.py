"""OTLP/HTTP logs as plain records: an ExportLogsServiceRequest in JSON or in protobuf (opentelemetry.io/docs/specs/otlp).

What is not as the specification has it is left out, record by record: a sender's mistake costs it that record alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:  # protobuf costs 60 ms, and most gateways never meet it
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

Scalar = str | bool | int | float
JSON, PROTOBUF = "application/json", "application/x-protobuf"


class LogRecord(NamedTuple):
    """`attributes` and `resource`: values that are no scalars are left out. `observed`: nanoseconds since 1970, 0 for none."""

    attributes: Mapping[str, Scalar]
    resource: Mapping[str, Scalar]
    observed: int


def records(body: bytes, media: str) -> Iterator[LogRecord]:
    """The records of a post, in its order. Raises ValueError if the body is not what `media` says."""
    return _of_protobuf(body) if media == PROTOBUF else _of_json(body)


# --- JSON -------------------------------------------------------------------------------------------------------------


def _of_json(body: bytes) -> Iterator[LogRecord]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no JSON: {error}"[:200]) from None
    if not isinstance(data, dict):
        raise ValueError("not a JSON object")
    if not isinstance(data.get("resourceLogs", []), list):
        raise ValueError("resourceLogs is not a list")
    return _walk(data)


def _walk(data: Mapping[str, Any]) -> Iterator[LogRecord]:
    for of_resource in _objects(data.get("resourceLogs")):
        resource = of_resource.get("resource")
        facts = _attributes(resource.get("attributes")) if isinstance(resource, dict) else {}
        for of_scope in _objects(of_resource.get("scopeLogs")):
            for record in _objects(of_scope.get("logRecords")):
                observed = _integer(record.get("observedTimeUnixNano"))
                yield LogRecord(_attributes(record.get("attributes")), facts, observed)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _attributes(pairs: Any) -> dict[str, Scalar]:
    found = {}
    for pair in _objects(pairs):
        name, value = pair.get("key"), pair.get("value")
        scalar = _scalar(value) if isinstance(value, dict) else None
        if isinstance(name, str) and scalar is not None:
            found[name] = scalar
    return found


def _scalar(value: Mapping[str, Any]) -> Scalar | None:
    if isinstance(text := value.get("stringValue"), str):
        return text
    if isinstance(flag := value.get("boolValue"), bool):
        return flag
    if "intValue" in value:
        return _integer(value["intValue"])
    number = value.get("doubleValue")
    return float(number) if isinstance(number, (int, float)) and not isinstance(number, bool) else None


def _integer(value: Any) -> int:
    """A 64-bit number, which OTLP's JSON writes as a string; 0 for what is none."""
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) < 21 else 0


# --- protobuf ---------------------------------------------------------------------------------------------------------


def _of_protobuf(body: bytes) -> Iterator[LogRecord]:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    try:
        request = ExportLogsServiceRequest.FromString(body)
    except DecodeError as error:
        raise ValueError(f"no ExportLogsServiceRequest: {error}"[:200]) from None
    return (
        LogRecord(_pairs(record.attributes), facts, record.observed_time_unix_nano)
        for of_resource in request.resource_logs
        for facts in (_pairs(of_resource.resource.attributes),)
        for of_scope in of_resource.scope_logs
        for record in of_scope.log_records
    )


_OF_VALUE = {"string_value", "bool_value", "int_value", "double_value"}


def _pairs(pairs: Sequence[KeyValue]) -> dict[str, Scalar]:
    found = {}
    for pair in pairs:
        kind = pair.value.WhichOneof("value")
        if kind in _OF_VALUE:
            found[pair.key] = getattr(pair.value, kind)
    return found
