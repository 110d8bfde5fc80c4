"""A doctor that got its turn too late does not hold that against the gateway, and a flood does not keep it forever."""

from __future__ import annotations

import socket

import pytest

from joytui.doctor.limits import Limit, OutOfTime
from joytui.doctor.wire import TcpStream


def test_bytes_that_came_in_time_count_after_the_limit() -> None:
    theirs, ours = socket.socketpair()
    with theirs, ours:
        ours.setblocking(False)
        stream = TcpStream(ours, "peer")
        theirs.sendall(b"in time")
        late = Limit.after(-2.0)
        assert stream.receive(late) == b"in time"
        with pytest.raises(OutOfTime):
            stream.receive(late)


def test_bytes_without_end_end_with_the_limit() -> None:
    theirs, ours = socket.socketpair()
    with theirs, ours:
        ours.setblocking(False)
        stream = TcpStream(ours, "peer")
        late = Limit.after(-2.0)
        theirs.sendall(b"x" * 100_000)
        assert stream.receive(late)
        with pytest.raises(OutOfTime):
            stream.receive(late)
        assert stream.receive(Limit.after(1.0))
