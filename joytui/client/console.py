"""The console API of a gateway as an asynchronous client: what the screens and the commands talk through.

    async with await connect(places()) as console:      # client.local.connect
        page = await console.requests(filter="status:4xx", limit=100)

Errors: UnreachableError (exit 3) when nobody, or somebody else, answers; RefusedError (exit 1) when the gateway said no.
Every error has `what`, `where` (the URL) and mostly a `hint`. The token is sent only over connections that `on_connection`
(the proof of a local gateway, client.local) let pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from joytui.client.http import OnConnection, http_client
from joytui.client.stream import (
    SILENCE_LIMIT,
    Backoff,
    BlockPage,
    ConnectionState,
    RequestBatch,
    RequestPage,
    batches,
    blocks,
    record_of,
)
from joytui.core.columnar import Block, block_of, from_json
from joytui.core.errors import JoytuiError, RefusedError, UnreachableError
from joytui.core.records import RequestRecord
from joytui.core.redaction import visible

if TYPE_CHECKING:
    import httpx
    from pydantic import BaseModel

    from joytui.client.local import LocalGateway
    from joytui.core import wire

__all__ = ["BlockPage", "ConnectionState", "ConsoleClient", "RequestBatch", "RequestPage", "record_of"]

ModelT = TypeVar("ModelT", bound="BaseModel")
BatchT = TypeVar("BatchT", RequestBatch, Block)
OnState = Callable[[ConnectionState], None]
PREFIX = "/console/v1"
PAGE = 200


@dataclass(slots=True)
class ConsoleClient:
    """One gateway's console API. Made by `client.local.connect`; close it with `aclose` or `async with`.

    `local` is the gateway on this machine that this client found or started, None for one named by its URL.
    Keys are named by id, or by name where only one key that is not revoked has it.
    """

    url: str
    token: str = field(repr=False)
    local: LocalGateway | None = None
    on_connection: OnConnection | None = field(default=None, repr=False)
    _client: httpx.AsyncClient | None = field(default=None, init=False, repr=False)

    async def __aenter__(self) -> ConsoleClient:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    # --- status, keys ---

    async def status(self) -> wire.GatewayStatus:
        from joytui.core.wire import GatewayStatus

        return self._model(GatewayStatus, await self._ask("GET", "/status"))

    async def status_facts(self) -> Mapping[str, Any]:
        """The same as plain data, for the console's first page: pydantic's models take 0.13 s to build."""
        data = await self._ask("GET", "/status")
        if not isinstance(data, dict) or not isinstance(data.get("last_seq"), int):
            raise self._not_ours("no 'last_seq' in it")
        return data

    async def keys(self) -> list[wire.KeyView]:
        """All keys, newest last, the revoked ones too."""
        from joytui.core.wire import KeyView

        return self._models(KeyView, await self._ask("GET", "/keys"), "keys")

    async def key(self, key: str) -> wire.KeyView:
        from joytui.core.wire import KeyView

        return self._model(KeyView, await self._ask("GET", _key_path(key)))

    async def create_key(self, wanted: wire.KeyCreate) -> wire.KeyCreated:
        """The new key; `.key` is the plain one, shown this once."""
        from joytui.core.wire import KeyCreated

        return self._model(KeyCreated, await self._ask("POST", "/keys", wanted.model_dump(exclude_unset=True)))

    async def edit_key(self, key: str, changes: wire.KeyEdit) -> wire.KeyView:
        """Changes what the KeyEdit sets, leaves the rest."""
        from joytui.core.wire import KeyView

        data = await self._ask("PATCH", _key_path(key), changes.model_dump(exclude_unset=True))
        return self._model(KeyView, data)

    async def revoke_key(self, key: str) -> wire.KeyView:
        return await self._key_action(key, "revoke")

    async def disable_key(self, key: str) -> wire.KeyView:
        return await self._key_action(key, "disable")

    async def enable_key(self, key: str) -> wire.KeyView:
        return await self._key_action(key, "enable")

    async def rotate_key(self, key: str, *, old_expires_at: str | None = None) -> wire.KeyCreated:
        """A new key with the same policy and budget; the old one works until then (RFC 3339), None: it ends now."""
        from joytui.core.wire import KeyCreated

        body = {"old_expires_at": old_expires_at}
        return self._model(KeyCreated, await self._ask("POST", _key_path(key) + "/rotate", body))

    async def check_key(
        self, key: str, *, model: str = "auto", ip: str | None = None, tier: str | None = None, like: str | None = None
    ) -> wire.KeyVerdict:
        """The dry run: may this key (id, name, or the plain key) call this model now, and if not, why.

        `like`: the size of the request, of `KeyCheck`; None: the gateway's own default, a first turn of Codex.
        """
        from joytui.core.wire import KeyVerdict

        body = {"key": key, "model": model, "ip": ip, "tier": tier, **({"like": like} if like else {})}
        return self._model(KeyVerdict, await self._ask("POST", "/keys/check", body))

    async def _key_action(self, key: str, action: str) -> wire.KeyView:
        from joytui.core.wire import KeyView

        return self._model(KeyView, await self._ask("POST", f"{_key_path(key)}/{action}"))

    # --- read-only tokens ---

    async def tokens(self) -> list[wire.TokenView]:
        """The read-only tokens, by id and name; none of them can be read again."""
        from joytui.core.wire import TokenView

        return self._models(TokenView, await self._ask("GET", "/tokens"), "tokens")

    async def create_token(self, name: str) -> wire.TokenCreated:
        """A token that may read and nothing else; `.token` is shown this once."""
        from joytui.core.wire import TokenCreated

        return self._model(TokenCreated, await self._ask("POST", "/tokens", {"name": name}))

    async def delete_token(self, token_id: str) -> None:
        await self._ask("DELETE", f"/tokens/{quote(token_id, safe='')}")

    # --- requests ---

    async def requests(
        self,
        filter: str = "",
        *,
        since: str | None = None,
        until: str | None = None,
        limit: int = PAGE,
        before: str | None = None,
    ) -> RequestPage:
        """The newest page of requests that the filter finds; `since` and `until` are RFC 3339 or spans ("2h")."""
        params = {"filter": filter, "since": since, "until": until, "limit": limit, "before": before}
        data = await self._ask("GET", "/requests", params=params)
        try:
            return RequestPage(tuple(record_of(row) for row in data["requests"]), data.get("next"))
        except (KeyError, TypeError, ValueError) as error:
            raise self._not_ours(str(error)) from None

    async def newest(self, filter: str = "", *, limit: int = PAGE, before: str | None = None) -> BlockPage:
        """The same by column, which costs a tenth; oldest first."""
        params = {"filter": filter, "limit": limit, "before": before, "form": "columns"}
        data = await self._ask("GET", "/requests", params=params)
        try:
            if "columns" not in data:  # a gateway that does not know this form
                data = {"requests": data["requests"][::-1], "next": data.get("next")}
                return BlockPage(block_of(data["requests"]), data["next"])
            last = data.get("last_seq")
            return BlockPage(from_json(data["columns"]), data.get("next"), last if isinstance(last, int) else None)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._not_ours(str(error)) from None

    async def request(self, request_id: str) -> RequestRecord | None:
        """One request by its own id, its request id or the upstream's; None where the gateway knows none."""
        try:
            return record_of(await self._ask("GET", f"/requests/{quote(request_id, safe='')}"))
        except RefusedError as error:
            if error.status == 404:
                return None
            raise
        except ValueError as error:
            raise self._not_ours(str(error)) from None

    def tail(
        self, after: int | None = None, filter: str = "", *, on_state: OnState | None = None
    ) -> AsyncGenerator[RequestBatch]:
        """What happens from now on (or after that sequence), for ever: reconnects by itself, goes on where it was.

        `on_state` is called whenever the connection changes. Raises RefusedError when the gateway refuses filter or token.
        """
        return self._tail(batches, {"after": after, "filter": filter}, on_state)

    def tail_blocks(
        self, after: int | None = None, filter: str = "", *, on_state: OnState | None = None
    ) -> AsyncGenerator[Block]:
        """The same by column: for who takes in ten thousand in a second."""
        return self._tail(blocks, {"after": after, "filter": filter, "form": "columns"}, on_state)

    async def _tail(
        self,
        read: Callable[[AsyncIterator[bytes]], AsyncGenerator[BatchT]],
        params: dict[str, Any],
        on_state: OnState | None,
    ) -> AsyncGenerator[BatchT]:
        tell = on_state or (lambda state: None)
        backoff = Backoff()
        while True:
            tell(ConnectionState("connecting"))
            try:
                async with aclosing(self._tail_once(read, params, tell)) as stream:
                    async for batch in stream:
                        params["after"] = max(params["after"] or 0, batch.seq)
                        backoff.reset()
                        yield batch
                error: JoytuiError = UnreachableError("the gateway ended the stream", where=self.url)
            except UnreachableError as lost:
                error = lost
            delay = backoff.next()
            tell(ConnectionState("waiting", error, delay))
            await asyncio.sleep(delay)

    async def _tail_once(
        self,
        read: Callable[[AsyncIterator[bytes]], AsyncGenerator[BatchT]],
        params: Mapping[str, Any],
        tell: OnState,
    ) -> AsyncGenerator[BatchT]:
        import httpx

        timeout = httpx.Timeout(SILENCE_LIMIT, connect=5.0)
        path = f"{PREFIX}/requests/stream"
        try:
            async with self._http.stream("GET", path, params=_given(params), timeout=timeout) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    self._refuse(answer)
                tell(ConnectionState("live"))
                async with aclosing(read(answer.aiter_bytes())) as stream:
                    async for batch in stream:
                        yield batch
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._not_ours(str(error)) from None

    # --- usage, money, models ---

    async def usage(
        self,
        by: Sequence[str] = (),
        *,
        since: str | None = None,
        until: str | None = None,
        filter: str = "",
        top: int | None = None,
        only: Sequence[str] = (),
    ) -> wire.UsageView:
        """Sums by the fields (core.usage.USAGE_GROUPS), in that order.

        `top`: so many projects or threads, and "(others)". `only`: these values of the one field that is no time.
        """
        from joytui.core.wire import UsageView

        params = {"by": list(by), "since": since, "until": until, "filter": filter, "top": top, "only": list(only)}
        return self._model(UsageView, await self._ask("GET", "/usage", params=params))

    async def models(self, *, key: str | None = None) -> list[wire.ModelView]:
        """The catalog; with a key also what that key may call."""
        from joytui.core.wire import ModelView

        return self._models(ModelView, await self._ask("GET", "/models", params={"key": key}), "models")

    async def wallet(self) -> list[wire.WalletView]:
        from joytui.core.wire import WalletView

        return self._models(WalletView, await self._ask("GET", "/wallet"), "wallets")

    async def set_wallet(self, tier: str, balance: str | None, note: str | None = None) -> wire.WalletView:
        """Sets a tier's balance (decimal credits); None turns its wallet off."""
        from joytui.core.wire import WalletView

        body = {"balance": balance, "note": note}
        return self._model(WalletView, await self._ask("PUT", f"/wallet/{quote(tier, safe='')}", body))

    async def credit_wallet(self, tier: str, amount: str, note: str | None = None) -> wire.WalletView:
        from joytui.core.wire import WalletView

        body = {"amount": amount, "note": note}
        return self._model(WalletView, await self._ask("POST", f"/wallet/{quote(tier, safe='')}/credit", body))

    async def wallet_entries(
        self, *, tier: str | None = None, limit: int = PAGE, before: int | None = None
    ) -> list[wire.WalletEntryView]:
        """Movements of the wallets, newest first."""
        from joytui.core.wire import WalletEntryView

        data = await self._ask("GET", "/wallet/entries", params={"tier": tier, "limit": limit, "before": before})
        return self._models(WalletEntryView, data, "entries")

    # --- the wire ---

    @property
    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            headers = {"Authorization": f"Bearer {self.token}"}
            self._client = http_client(self.url, headers=headers, on_connection=self.on_connection)
        return self._client

    async def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, params: Mapping[str, Any] | None = None
    ) -> Any:
        import httpx

        try:
            answer = await self._http.request(method, PREFIX + path, json=body, params=_given(params or {}))
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        if not answer.is_success:
            self._refuse(answer)
        try:
            return answer.json()
        except ValueError:
            raise self._not_ours("it is not JSON") from None

    def _refuse(self, answer: httpx.Response) -> None:
        """Raises what an answer other than 2xx means."""
        kind, message = _error_of(answer)
        if answer.status_code in (401, 403):
            hint = "JOYTUI_ADMIN_TOKEN holds the token; it stands in `admin-token` in the gateway's data folder"
            if kind == "read_only_token":
                hint = "this needs the admin token, not a read-only one"
            raise RefusedError(message, where=self.url, hint=hint, status=answer.status_code, kind=kind)
        if answer.status_code >= 500:
            hint = "`joytui gateway status` names its log"
            raise UnreachableError(f"the gateway failed: {message}", where=self.url, hint=hint)
        if kind is None:
            raise self._not_ours(f"HTTP {answer.status_code} without an error of ours")
        raise RefusedError(message, where=self.url, status=answer.status_code, kind=kind)

    def _model(self, model: type[ModelT], data: Any) -> ModelT:
        try:
            return model.model_validate(data)
        except ValueError as error:
            raise self._not_ours(f"{type(error).__name__} in {model.__name__}") from None

    def _models(self, model: type[ModelT], data: Any, name: str) -> list[ModelT]:
        rows = data.get(name) if isinstance(data, dict) else None
        if not isinstance(rows, list):
            raise self._not_ours(f"no {name!r} in it")
        return [self._model(model, row) for row in rows]

    def _unreachable(self, error: httpx.HTTPError) -> UnreachableError:
        import httpx

        if isinstance(error, httpx.ConnectError):
            what = "nothing answers here"
        elif isinstance(error, httpx.TimeoutException):
            what = "no answer in time"
        else:
            what = "the connection broke"
        reason = visible(str(error), limit=200)
        hint = (
            "`joytui gateway start` starts the local one" if self.local else "is the address right, and is it running?"
        )
        return UnreachableError(f"{what} ({reason or type(error).__name__})", where=self.url, hint=hint)

    def _not_ours(self, why: str) -> UnreachableError:
        what = f"what answers is no joytui gateway, or one of another version ({visible(why, limit=200)})"
        return UnreachableError(what, where=self.url, hint="compare `joytui --version` on both sides")


def _key_path(key: str) -> str:
    return f"/keys/{quote(key, safe='')}"


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value not in (None, "", [])}


def _error_of(answer: httpx.Response) -> tuple[str | None, str]:
    """The type (None: not in our error shape) and the message of an error answer."""
    try:
        error = answer.json()["error"]
        return str(error["type"]), visible(str(error["message"]), limit=500)
    except (ValueError, KeyError, TypeError):
        return None, f"HTTP {answer.status_code}"
