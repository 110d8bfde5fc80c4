"""A connection as the shared SQL uses it: sqlite3's own, or one to PostgreSQL that takes the same words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol


class Rows(Protocol):
    """What a statement found."""

    @property
    def rowcount(self) -> int: ...

    @property
    def description(self) -> Sequence[Any] | None: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """Runs one statement. Also a batch that is being written."""

    @property
    def execute(self) -> Execute: ...


class Execute(Protocol):
    def __call__(self, sql: str, parameters: Sequence[Any] = ..., /) -> Rows: ...


@contextmanager
def one_state(connection: Connection) -> Iterator[None]:
    """All that is read inside is one state of the store."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")
