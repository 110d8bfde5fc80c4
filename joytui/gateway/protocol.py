"""The HTTP protocol under uvicorn: httptools (a quarter less CPU a request than h11, measured), with a cap on headers.

llhttp itself takes headers without an end; what has come of a request before its headers are complete is counted here.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from joytui.core.joytoken import INVALID_REQUEST
from joytui.gateway.refusals import error_body

SLACK = 4096
"""For the request line, and so that the guard's own 431 is what a client meets first."""
_HEAD = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"


def capped(limit: int) -> type[HttpToolsProtocol]:
    """The protocol with at most so many bytes before a request's headers are complete."""

    class Capped(HttpToolsProtocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._head_bytes = 0
            self._in_head = True

        def data_received(self, data: bytes) -> None:
            if self._in_head:
                self._head_bytes += len(data)
            super().data_received(data)
            if self._in_head and self._head_bytes > limit + SLACK and not self.transport.is_closing():
                self.send_400_response("headers too large")

        def send_400_response(self, msg: str) -> None:
            """In the gateway's own error shape."""
            body = error_body(msg, INVALID_REQUEST)
            self.transport.write(_HEAD + f"content-length: {len(body)}\r\n\r\n".encode() + body)
            self.transport.close()

        def on_headers_complete(self) -> None:
            self._in_head = False
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            self._in_head = True
            self._head_bytes = 0
            super().on_message_complete()

    return Capped
