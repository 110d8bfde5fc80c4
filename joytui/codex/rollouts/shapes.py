"""The commonest records in the shape that Codex writes them, read without a JSON decoder (five times faster).

Whatever has another shape gives None and is decoded. In a JSON text these patterns cannot match inside a string, whose
quotes are escaped.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_USAGE = (
    rb'\{"input_tokens":(\d{1,15}),"cached_input_tokens":(\d{1,15}),(?:"cache_write_input_tokens":\d+,)?'
    rb'"output_tokens":(\d{1,15}),"reasoning_output_tokens":(\d{1,15}),"total_tokens":\d+\}'
)
_INFO = re.compile(rb'"info":\{"total_token_usage":\{[^}]*\},"last_token_usage":\{[^}]*\}')
_COUNTS = re.compile(rb'"info":\{"total_token_usage":' + _USAGE + rb',"last_token_usage":' + _USAGE)
_ID = rb'"([!#-\[\]-~]+)"'
_RECORD = re.compile(
    rb'"payload":\{"thread_id":' + _ID + rb',"turn_id":' + _ID + rb',"session_id":"[^"\\]*","root_turn_id":"[^"\\]*",'
    rb'"response_id":' + _ID + rb',"usage":' + _USAGE
)
_STAMP = b'{"timestamp":"'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TURN = re.compile(rb'"turn_id":' + _ID)
Counts = tuple[int, int, int, int]
"""TokenCounts without the name: a hundred thousand of them are compared for one that counts."""


def time_of(line: bytes) -> int:
    """The time at the head of a line, Unix time in milliseconds; 0 if it is there in another form."""
    if not line.startswith(_STAMP) or line[37:39] != b'Z"':
        return 0
    try:
        return (datetime.fromisoformat(line[14:38].decode()) - _EPOCH) // _MILLISECOND
    except ValueError:
        return 0


def turn_id_of(line: bytes) -> str | None:
    """The first turn id in a task_started (in 0.163 and later it is in `turn_attribution` too, the same)."""
    found = _TURN.search(line, 0, 300)
    return found[1].decode() if found else None


def info_of(line: bytes) -> bytes:
    """The part of a token_count that holds its usage, as bytes; empty if it is not where Codex puts it.

    Equal parts are equal usage: Codex repeats its last token_count whenever the rate limits change.
    """
    found = _INFO.search(line, 0, 700)
    return found[0] if found else b""


def token_count_of(info: bytes) -> tuple[Counts, Counts] | None:
    """Total and last usage (input, cached, output, reasoning) of what `info_of` gave."""
    found = _COUNTS.fullmatch(info)
    if found is None:
        return None
    a, b, c, d, e, f, g, h = map(int, found.groups())
    return (a, b, c, d), (e, f, g, h)


def usage_record_of(line: bytes) -> tuple[str, str, str, Counts] | None:
    """Thread, turn, response and usage of a token_usage_record."""
    found = _RECORD.search(line, 0, 700)
    if found is None:
        return None
    thread, turn, response, a, b, c, d = found.groups()
    return thread.decode(), turn.decode(), response.decode(), (int(a), int(b), int(c), int(d))
