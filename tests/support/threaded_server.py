"""A server on loopback whose connections are served in a thread each, over bare sockets, until it is closed."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self


class ThreadedServer:
    """Calls `serve` for each connection. Closing wakes and ends all: the listener, and every socket that is `kept`."""

    def __init__(self, listener: socket.socket | None = None) -> None:
        self.listener = listener or socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.closing = threading.Event()
        self._kept: set[socket.socket] = set()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Serves from now on."""
        name = f"{type(self).__name__}-{self.port}"
        threading.Thread(target=self._accept, name=name, daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        """What happens on one connection. It is closed afterwards; OSError and ValueError end it quietly: the client
        went away, or spoke something else."""
        raise NotImplementedError

    @contextlib.contextmanager
    def kept(self, one: socket.socket) -> Iterator[socket.socket]:
        """Closes it at the end of the block, and ends it before if the server closes."""
        with self._lock:
            self._kept.add(one)
        try:
            with one:
                yield one
        finally:
            with self._lock:
                self._kept.discard(one)

    def close(self) -> None:
        """Ends everything that is open."""
        self.closing.set()
        with self._lock:
            kept = list(self._kept)
        for one in (self.listener, *kept):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits in accept or recv
        self.listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self.kept(connection), contextlib.suppress(OSError, ValueError):
            self.serve(connection)
