"""Connections that give up: a server that does not answer within LIMIT_S is as good as none."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.abc import PQGen
from psycopg.types.numeric import IntLoader

from joytui.core.errors import UnreachableError
from joytui.ledger.api import StoreUnavailable
from joytui.ledger.postgres.url import StoreUrl

RV = TypeVar("RV")
LIMIT_S = 2.0
"""Longest for a statement that a request waits for: the server ends it, and where it does not even do that, the connection is
given up after PATIENCE_S more."""
READING_LIMIT_S = 20.0
"""The same for what people ask: sums over filtered rows of a year take long."""
PATIENCE_S = 0.5


class Impatient(psycopg.Connection[tuple[Any, ...]]):
    """A connection that is closed when the server says nothing for `patience` seconds."""

    patience: float | None = LIMIT_S + PATIENCE_S

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.errors._WaitTimeout:  # not public: it is what `wait` says it raises
            if timeout is not None:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(f"the server did not answer within {self.patience:g} s") from None


class Link:
    """A connection that takes the shared SQL (`ledger.sql`): `?` for parameters, LIKE without regard to case, and what keeps SQLite
    from another index than the one that is meant: `+n`, and INDEXED BY."""

    def __init__(self, connection: Impatient) -> None:
        self.raw = connection

    def execute(self, words: str, parameters: Sequence[Any] = (), /) -> psycopg.Cursor[tuple[Any, ...]]:
        return self.raw.execute(_translated(words), [_storable(value) for value in parameters])

    def close(self) -> None:
        with suppress(psycopg.Error):
            self.raw.close()

    @property
    def usable(self) -> bool:
        return not self.raw.closed and not self.raw.broken


def _storable(value: Any) -> Any:
    """PostgreSQL's texts have no NUL: who looks for one finds nothing, as in SQLite."""
    return value.replace("\0", "\ufffd") if type(value) is str and "\0" in value else value


@lru_cache(maxsize=1024)
def _translated(words: str) -> bytes:
    words = re.sub(r" INDEXED BY \w+", "", words)
    return words.replace("%", "%%").replace("?", "%s").replace(" LIKE ", " ILIKE ").replace(" +n ", " n ").encode()


def connect(url: StoreUrl, what: str, *, reads: float | None = None) -> Link:
    """Raises psycopg.Error. `what` is shown in the server's list of connections. `reads`: it can write nothing, a transaction of
    it sees one state of the store, and a statement may take this many seconds."""
    connection = Impatient.connect(
        url.conninfo, autocommit=True, connect_timeout=2, application_name=f"joytui {what}", client_encoding="utf8"
    )
    connection.adapters.register_loader("numeric", IntLoader)  # sums of integers: the ledger has no other numbers
    limit = LIMIT_S if reads is None else reads
    connection.patience = limit + PATIENCE_S
    settings = {"statement_timeout": round(limit * 1000), "idle_in_transaction_session_timeout": round(LIMIT_S * 1000)}
    words = [f"SET {name} = {value}" for name, value in settings.items()]
    words.append(
        f"SET search_path = {url.schema}, pg_catalog"
    )  # `url.parse` lets no other names through than plain ones
    if reads is not None:
        words.append("SET default_transaction_read_only = on")
        words.append("SET default_transaction_isolation = 'repeatable read'")
    connection.execute(sql.SQL("; ").join(map(sql.SQL, words)))
    return Link(connection)


class Readers:
    """A few read connections, up to a maximum, made when needed. Shared by many threads. `limit_s`: for a statement."""

    def __init__(self, url: StoreUrl, most: int, limit_s: float) -> None:
        self._url = url
        self._limit_s = limit_s
        self._idle: list[Link] = []
        self._room = threading.BoundedSemaphore(most)
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[Link]:
        """Raises StoreUnavailable: also for what goes wrong inside. One that was idle while the server restarted is replaced."""
        if not self._room.acquire(timeout=LIMIT_S):
            raise StoreUnavailable("the store cannot be read: too much is being read at once")
        link: Link | None = None
        try:
            link = self._take()
            yield link
        except psycopg.Error as error:
            if link is not None:
                link.close()
            raise StoreUnavailable(f"the store cannot be read: {self._url.without_secrets(str(error))}") from error
        finally:
            if link is not None and link.usable and not self._closed:
                self._idle.append(link)
            elif link is not None:
                link.close()
            self._room.release()

    def _take(self) -> Link:
        while (link := self._idle_one()) is not None:
            if self._answers(link):
                return link
            link.close()
        return connect(self._url, "reads", reads=self._limit_s)

    def _idle_one(self) -> Link | None:
        """Another thread may have taken it between a look and a grasp."""
        try:
            return self._idle.pop()
        except IndexError:
            return None

    @staticmethod
    def _answers(link: Link) -> bool:
        """Whether the server has not closed it meanwhile, which is seen without asking."""
        with suppress(psycopg.Error, OSError):
            link.raw.pgconn.consume_input()
            return link.usable and link.raw.pgconn.status == psycopg.pq.ConnStatus.OK
        return False

    def close(self) -> None:
        self._closed = True
        while (link := self._idle_one()) is not None:
            link.close()


def unreachable(url: StoreUrl, error: Exception) -> UnreachableError:
    """A driver's error for people: its first line, without the password."""
    words = url.without_secrets(str(error)).strip()
    first = words.splitlines()[0] if words else type(error).__name__
    return UnreachableError(
        f"the store cannot be used: {first}",
        where=url.masked,
        hint="`psql` with the same URL (without schema=) shows the server's error; the password comes from PGPASSWORD or a passfile",
    )
