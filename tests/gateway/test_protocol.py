"""What is written to a connection, and who learns that it is gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from joytui.gateway.protocol import Client, _HeadFirst
from tests.gateway.served import served

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Line:
    """A transport that keeps what is written, and a flow that counts how often it was told to read on."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False
        self.reads = 0

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def resume_reading(self) -> None:
        self.reads += 1


def line(*, body_follows: bool = True) -> tuple[Line, Any]:
    kept = Line()
    first = _HeadFirst(kept)
    first.body_follows = body_follows
    return kept, first


def test_a_head_goes_with_its_body() -> None:
    kept, first = line()
    for piece in (HEAD, b"hi", HEAD, b""):
        first.write(piece)
    assert kept.written == [HEAD + b"hi", HEAD]


def test_a_head_without_a_body_to_come_goes_at_once() -> None:
    kept, first = line()
    first.write(STREAM)
    assert kept.written == [STREAM]
    kept, first = line(body_follows=False)
    first.write(HEAD)
    assert kept.written == [HEAD]


def test_a_head_is_not_lost_where_the_connection_ends() -> None:
    kept, first = line()
    first.write(HEAD)
    first.close()
    assert (kept.written, kept.closed) == ([HEAD], True)


async def test_head_requests_are_answered(tmp_path: Path) -> None:
    async with served(tmp_path) as here:
        assert (await here.http.head("/healthz")).status_code == 200


def test_who_has_gone_is_told_once_and_at_once() -> None:
    flow, told = Line(), []
    client = Client(flow)
    first, second = (lambda: told.append(1)), (lambda: told.append(2))
    client.when_gone(first)
    client.when_gone(second)
    assert flow.reads == 2, "who does not read does not see the end"
    client.forget(second)
    client.gone()
    client.gone()
    assert told == [1]
    client.when_gone(second)
    assert told == [1, 2]
