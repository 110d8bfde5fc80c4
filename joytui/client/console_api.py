"""Asking a gateway's console API, and judging what answers. What there is to ask for is in `console`.

Errors: UnreachableError (exit 3) when no gateway answers; RefusedError (exit 1) when the gateway refuses.
Every error has `what`, `where` (the URL) and mostly a `hint`. The token is sent only over connections that `on_connection`
(the proof of a local gateway, client.local) let pass.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, TypeVar

from joytui.client.http import OnConnection, http_client
from joytui.client.stream import SILENCE_LIMIT
from joytui.core.errors import RefusedError, UnreachableError
from joytui.core.redaction import visible

if TYPE_CHECKING:
    import httpx
    from pydantic import BaseModel

    from joytui.client.proof import LocalGateway

ModelT = TypeVar("ModelT", bound="BaseModel")
EventT = TypeVar("EventT")
PREFIX = "/console/v1"
READ_ONLY = "x-joytui-read-only"
"""With this header, a gateway refuses every change: for a console that only shows what its token sees."""

VERSIONS = "compare `joytui --version` on both sides"
UNKNOWN_FIELD = "Extra inputs are not permitted"
"""What a gateway says of a field that it does not know: it is older than this console."""


@dataclass(slots=True)
class ConsoleApi:
    """One gateway's console API as methods and paths. Close it with `aclose` or `async with`.

    `read_only`: the gateway is to refuse every change, whatever the token may do. `local` is the gateway on this machine that this client found or started, None for one named by its URL.
    """

    url: str
    token: str = field(repr=False)
    local: LocalGateway | None = None
    on_connection: OnConnection | None = field(default=None, repr=False)
    read_only: bool = False
    _client: httpx.AsyncClient | None = field(default=None, init=False, repr=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    @property
    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            headers = {"Authorization": f"Bearer {self.token}", **({READ_ONLY: "1"} if self.read_only else {})}
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

    async def _stream(
        self,
        path: str,
        params: Mapping[str, Any],
        read: Callable[[AsyncIterator[bytes]], AsyncGenerator[EventT]],
        opened: Callable[[], None],
    ) -> AsyncGenerator[EventT]:
        """What `read` makes of a stream of events, until it ends; `opened` is called when the gateway has agreed to send it."""
        import httpx

        timeout = httpx.Timeout(SILENCE_LIMIT, connect=5.0)
        try:
            async with self._http.stream("GET", PREFIX + path, params=_given(params), timeout=timeout) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    self._refuse(answer)
                opened()
                async with aclosing(read(answer.aiter_bytes())) as events:
                    async for event in events:
                        yield event
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._not_ours(str(error)) from None

    def _refuse(self, answer: httpx.Response) -> None:
        """Raises what an answer other than 2xx means."""
        kind, message = _error_of(answer)
        if answer.status_code in (401, 403):
            hint = "put the token into JOYTUI_ADMIN_TOKEN; it is in `admin-token` in the gateway's data folder"
            if kind == "read_only_token":
                hint = "this needs the admin token, not a read-only one"
            if kind == "beyond_teams":
                hint = "an admin token can read and change more"
            raise RefusedError(message, where=self.url, hint=hint, status=answer.status_code, kind=kind)
        if answer.status_code >= 500:
            hint = "`joytui gateway status` shows where its log is"
            raise UnreachableError(f"the gateway failed: {message}", where=self.url, hint=hint)
        if kind is None:
            raise self._not_ours(f"HTTP {answer.status_code}, and the answer is not one of the gateway's errors")
        newer = answer.status_code == 400 and message.endswith(UNKNOWN_FIELD)
        raise RefusedError(
            message, where=self.url, hint=VERSIONS if newer else None, status=answer.status_code, kind=kind
        )

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
        what = f"what answers is not a joytui gateway, or it is another version ({visible(why, limit=200)})"
        return UnreachableError(what, where=self.url, hint=VERSIONS)


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value not in (None, "", [])}


def _error_of(answer: httpx.Response) -> tuple[str | None, str]:
    """The type (None: not in our error shape) and the message of an error answer."""
    try:
        error = answer.json()["error"]
        return str(error["type"]), visible(str(error["message"]), limit=500)
    except (ValueError, KeyError, TypeError):
        return None, f"HTTP {answer.status_code}"
