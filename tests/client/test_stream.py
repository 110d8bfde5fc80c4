"""The tail's decoding, and records from the wire."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.client.stream import Backoff, RequestBatch, batches, reconnecting, record_of
from joytui.core.errors import UnreachableError
from joytui.core.request import RequestRecord
from joytui.core.request_lines import request_view
from joytui.core.wire import RequestView
from tests.core.test_filters import REFUSED


def event(*numbers: int) -> bytes:
    rows = [request_view(REFUSED, seq) for seq in numbers]
    return b"id: %d\ndata: %s\n\n" % (numbers[-1], json.dumps({"requests": rows}).encode())


async def pieces(data: bytes, cuts: list[int]) -> AsyncIterator[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for begin, end in itertools.pairwise(places):
        yield data[begin:end]


STREAM = b": heartbeat\n\n" + event(1, 2) + b": heartbeat\n\n" + event(3) + event(7, 8, 9)


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
async def test_any_split_gives_the_same_batches(cuts: list[int]) -> None:
    found = [batch async for batch in batches(pieces(STREAM, cuts))]
    assert [batch.seq for batch in found] == [2, 3, 9]
    assert [len(batch.rows) for batch in found] == [2, 1, 3]
    assert found[0].records == [REFUSED, REFUSED]


@pytest.mark.parametrize("data", [b"data: no json\n\n", b"data: {}\n\n", b'data: {"requests": [{}]}\n\n'])
async def test_another_language_is_an_error(data: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        _ = [batch async for batch in batches(pieces(data, []))]


async def test_a_connection_that_brought_something_starts_the_backoff_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    came = iter([0, 0, 0, 2, 1, 0])  # batches that each connection brings before it is lost

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    async def connect(after: int | None, live: Callable[[], None]) -> AsyncGenerator[RequestBatch]:
        for _ in range(next(came)):
            yield RequestBatch((after or 0) + 1, [])
        raise UnreachableError("lost", where="here")

    monkeypatch.setattr("joytui.client.stream.asyncio.sleep", pause)
    stream = reconnecting(connect, None, None, where="here")
    with pytest.raises(RuntimeError):  # no more connections
        async for _ in stream:
            pass
    assert waited == [0.25, 0.5, 1.0, 0.25, 0.25, 0.5]


def test_a_record_survives_the_wire() -> None:
    """Through the console API's own model, with the amount as a decimal string."""
    row = RequestView.model_validate(request_view(REFUSED, 5)).model_dump(mode="json")
    assert row["cost_credits"] == "0.500000001"
    assert record_of(row) == REFUSED


@pytest.mark.parametrize("row", [[], "x", {"cost_credits": "lots"}, {"cost_credits": "NaN"}, {"cost_credits": "-1"}])
def test_what_is_no_record(row: object) -> None:
    with pytest.raises(ValueError, match="not a request record"):
        record_of(row)  # type: ignore[arg-type]


def test_a_record_from_a_bare_row() -> None:
    record = record_of({"id": "a", "time": "t", "endpoint": "/x", "request_id": "a"})
    assert isinstance(record, RequestRecord)
    assert (record.status, record.cost_nano, record.cost_source, record.input_tokens) == (None, 0, "none", 0)


def test_backoff_doubles_up_to_a_limit_and_starts_again() -> None:
    backoff = Backoff()
    delays = [backoff.next() for _ in range(7)]
    assert delays == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    backoff.reset()
    assert backoff.next() == 0.25
