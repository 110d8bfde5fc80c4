"""A store as a whole, while no request goes through it: what checks, copies and backs it up, whatever engine keeps it.

    with open_whole(store) as whole: ...            # joytui.ledger.engines; reads only
    with open_target(store) as target: ...          # the same, to be filled by a copy (ledger.copying)

All engines keep the same tables under the same names, so that a row of the one is a row of the other: numbers, texts, bytes
and None, flags as 0 and 1. What an engine needs for itself alone is not in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol, Self

from joytui.core.errors import RefusedError
from joytui.ledger.sql.connection import Connection

Row = tuple[Any, ...]


def refuse_older(version: int, newest: int, where: str) -> None:
    """For a target whose tables are there already, before they are brought to this version: it is nobody's to change. Raises
    RefusedError."""
    if 0 < version < newest:
        raise RefusedError(
            "the target is a store of an older joytui, not a copy that this version can continue",
            where=where,
            hint="name a store that does not exist yet",
        )


class Table(NamedTuple):
    """`key` tells rows apart; they are read in its order."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


class Half(NamedTuple):
    """How far an unfinished copy has come: from which store, in which state, and the key of the last row that was taken."""

    source: str
    state: str
    table: str
    after: Row | None


class Whole(Protocol):
    """One state of a store. `location` is for people and holds no password; `in_use` says by which gateway, if any."""

    location: str
    in_use: str | None

    @property
    def connection(self) -> Connection: ...

    @property
    def tables(self) -> Sequence[Table]:
        """In the order in which they are copied."""
        ...

    def count(self, table: Table) -> int: ...

    def rows(self, table: Table, after: Row | None = None) -> Iterator[list[Row]]:
        """The rows whose key comes after this one, some thousands at a time."""
        ...

    def state(self) -> str:
        """Another text whenever somebody changed the store."""
        ...

    def damage(self) -> list[str]:
        """What the engine itself finds wrong with its files."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Target(Whole, Protocol):
    """A store that a copy fills. Until `finish`, no gateway opens it."""

    def half(self) -> Half | None:
        """What an earlier copy left unfinished."""
        ...

    def begin(self, half: Half) -> None:
        """Empties all tables, and notes what is copied from now on."""
        ...

    def take(self, table: Table, rows: Sequence[Row], half: Half) -> None:
        """Writes rows and how far that is, all or nothing."""
        ...

    def finish(self) -> None: ...
