"""The console API of a gateway as an asynchronous client: what the screens and the commands talk through.

    async with await connect(places()) as console:      # client.local.connect
        page = await console.requests(filter="status:4xx", limit=100)

Errors: UnreachableError (exit 3) when nobody, or somebody else, answers; RefusedError (exit 1) when the gateway said no.
Every error has `what`, `where` (the URL) and mostly a `hint`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from joytui.client.http import OnConnection, http_client
from joytui.core.errors import JoytuiError, RefusedError, UnreachableError
from joytui.core.records import RequestRecord

if TYPE_CHECKING:
    import httpx
    from pydantic import BaseModel

    from joytui.client.local import LocalGateway
    from joytui.core.wire import GatewayStatus, KeyCreate, KeyCreated, KeyView, UsageView

    ModelT = TypeVar("ModelT", bound=BaseModel)

T = TypeVar("T")
PREFIX = "/console/v1"
PAGE = 200


@dataclass(frozen=True, slots=True)
class RequestPage:
    """Requests in the order of the wire, newest first; `next` goes into `before` for the older page, None at the end."""

    records: tuple[RequestRecord, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class RequestBatch:
    """Some requests of the tail, oldest first. A request comes when admitted (`status` None) and again when it ended:
    the same `id` replaces the earlier record. `seq` is where to go on after it. `rows` are RequestView's plain dicts."""

    seq: int
    rows: list[dict[str, Any]]

    @property
    def records(self) -> list[RequestRecord]:
        return [record_of(row) for row in self.rows]


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """How the tail stands: "connecting", "live", or "waiting" (lost, with the error, trying again in `retry_s`)."""

    name: Literal["connecting", "live", "waiting"]
    error: JoytuiError | None = None
    retry_s: float = 0.0


@dataclass(slots=True)
class ConsoleClient:
    """One gateway's console API. Make it with `client.local.connect`; close it with `aclose` or `async with`.

    `local` is the gateway on this machine that this client found or started, None for one named by its URL.
    """

    url: str
    token: str
    local: LocalGateway | None = None
    on_connection: OnConnection | None = None
    _http: httpx.AsyncClient | None = field(default=None, init=False, repr=False)

    async def __aenter__(self) -> ConsoleClient:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None: ...

    async def status(self) -> GatewayStatus: ...

    async def keys(self) -> list[KeyView]: ...

    async def key(self, id_or_name: str) -> KeyView:
        """The key with this id, or the only one of this name. RefusedError where there is none, or several."""

    async def create_key(self, wanted: KeyCreate) -> KeyCreated:
        """The new key; `.key` is the plain one, shown this once."""

    async def revoke_key(self, key_id: str) -> KeyView: ...

    async def disable_key(self, key_id: str) -> KeyView: ...

    async def enable_key(self, key_id: str) -> KeyView: ...

    async def rotate_key(self, key_id: str, *, overlap_until: str | None = None) -> KeyCreated:
        """A new key with the same policy; the old one works until `overlap_until` (RFC 3339), None: revoked now."""

    async def edit_key(self, key_id: str, changes: Mapping[str, Any]) -> KeyView: ...

    async def check_key(
        self, key: str, *, model: str, ip: str | None = None, tier: str | None = None
    ) -> dict[str, Any]:
        """The dry run: may this key (id, name) call this model now, and if not, why."""

    async def requests(
        self,
        filter: str = "",
        *,
        since: str | None = None,
        until: str | None = None,
        limit: int = PAGE,
        before: str | None = None,
    ) -> RequestPage:
        """The newest page of requests that the filter finds; `since`, `until` RFC 3339 or spans ("2h")."""

    async def request(self, request_id: str) -> RequestRecord | None:
        """One request by its own id or a request id; None where the gateway knows none."""

    def tail(
        self,
        after: int | None = None,
        filter: str = "",
        *,
        on_state: Callable[[ConnectionState], None] | None = None,
    ) -> AsyncIterator[RequestBatch]:
        """What happens from now on (or after that sequence), for ever: it reconnects by itself and goes on where it was.
        Raises RefusedError when the gateway refuses the filter or the token."""

    async def usage(
        self, by: Sequence[str] = (), *, since: str | None = None, until: str | None = None
    ) -> UsageView: ...

    async def wallet(self) -> dict[str, Any]: ...

    async def set_wallet(self, tier: str, balance: str | None) -> dict[str, Any]: ...

    async def credit_wallet(self, tier: str, amount: str, note: str | None = None) -> dict[str, Any]: ...

    async def models(self) -> list[dict[str, Any]]: ...


def record_of(row: Mapping[str, Any]) -> RequestRecord:
    """A RequestView's plain data as a record. Raises UnreachableError where it is none."""


def call(target: Awaitable[ConsoleClient], action: Callable[[ConsoleClient], Awaitable[T]]) -> T:
    """For the commands: connects, acts, closes, in an event loop of its own."""

    async def run() -> T:
        async with await target as console:
            return await action(console)

    return asyncio.run(run())
