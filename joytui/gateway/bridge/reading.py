"""All that a Chat chunk, or a whole completion, says: read once, for the record and for the translation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from joytui.gateway.bridge.chunks import Delta, is_intermediate, read_delta
from joytui.gateway.bridge.errors import StreamError, find_error
from joytui.gateway.bridge.quirks import DEFAULT, Quirks
from joytui.gateway.bridge.reported_usage import Usage, find_usage, metadata_records, read_usage


class ReadChunk(NamedTuple):
    """`error`: then nothing else was read. `delta`: of the first choice. `usage_told`: there is a `usage`, also where it cannot be
    read. `records`: JoyToken's `metadata`. `intermediate`: it belongs to a sub-task, whose output is not the answer's."""

    error: StreamError | None = None
    delta: Delta | None = None
    usage: Usage | None = None
    usage_told: bool = False
    records: tuple[Mapping[str, Any], ...] = ()
    intermediate: bool = False


def read_chunk(chunk: Mapping[str, Any], quirks: Quirks = DEFAULT) -> ReadChunk:
    """Reads a chunk by the vendor's spelling."""
    if error := find_error(chunk):
        return ReadChunk(error)
    told = find_usage(chunk)
    metadata = chunk.get("metadata")
    return ReadChunk(
        None,
        read_delta(chunk, quirks),
        read_usage(told, quirks.usage) if told else None,
        told is not None,
        tuple(metadata_records(metadata)) if metadata else (),
        is_intermediate(chunk),
    )
