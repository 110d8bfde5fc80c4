"""A gateway that answers by a rule: what bug reports say of a gateway, in a function.

def rule(request: Request) -> tuple[int, str]: ...     # status and body; OK where it answers well
with RuledGateway(rule) as gateway:
    gateway.port
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from tests.support.http_by_hand import Request, read_request
from tests.support.raw_gateway import HEAD
from tests.support.raw_gateway import OK as EVENTS
from tests.support.threaded_server import ThreadedServer

OK = ""
"""The body that stands for a complete stream of events."""

Rule = Callable[[Request], tuple[int, str]]


class RuledGateway(ThreadedServer):
    """One answer a connection."""

    def __init__(self, rule: Rule) -> None:
        super().__init__()
        self._rule = rule
        self.start()

    def serve(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as reader:
            request = read_request(reader)
        if request is None:
            return
        status, body = self._rule(request)
        if (status, body) == (200, OK):
            connection.sendall(HEAD + EVENTS)
            return
        data = body.encode()
        head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\nconnection: close\r\n\r\n"
        connection.sendall(head.encode() + data)
