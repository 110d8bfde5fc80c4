"""The question that every local gateway answers before it gets a token: prove that you have it already."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from joytui import __version__
from joytui.client.http import OnConnection, http_client
from joytui.core.errors import UnreachableError
from joytui.core.gateway_state import proves

if TYPE_CHECKING:
    import httpx

PROOF_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Proven:
    """What a gateway that proved itself says of itself; the pid is None if it does not say it."""

    version: str
    pid: int | None


@dataclass(frozen=True, slots=True)
class LocalGateway:
    """A gateway on this machine that proved that it has our admin token. `url` is "http://HOST:PORT".

    `started`: this very call started it.
    """

    url: str
    token: str = field(repr=False)
    pid: int
    version: str
    started: bool = False

    @property
    def outdated(self) -> str | None:
        """What to tell the user about a gateway of another version, None if it is ours."""
        if self.version == __version__:
            return None
        return (
            f"the gateway at {self.url} runs joytui {self.version or '(unknown)'}, this is {__version__}: "
            "`joytui gateway stop && joytui gateway start` brings it up to date"
        )


async def ask_proof(url: str, admin_token: str) -> Proven | None:
    """Proof by the gateway at the URL; None if nothing listens there.

    Raises UnreachableError if something listens that gives no proof, or no answer.
    """
    import httpx

    nonce = secrets.token_hex(16)
    try:
        try:
            answer = await _health(url, nonce)
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            answer = await _health(url, nonce)  # one that was just ending had taken the connection: ask again
    except httpx.ConnectError:
        return None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnreachableError(
            f"something listens there, but does not answer like a gateway ({type(error).__name__}); no token was sent",
            where=url,
            hint="`joytui gateway stop`, or end that program",
        ) from None
    said = _body(answer)
    if answer.status_code != 200 or not proves(said.get("proof"), admin_token, nonce, url):
        raise _impostor(url)
    pid = said.get("pid")
    return Proven(str(said.get("version", "")), pid if isinstance(pid, int) else None)


async def _health(url: str, nonce: str) -> httpx.Response:
    async with http_client(url, read_timeout=PROOF_TIMEOUT, connect_timeout=PROOF_TIMEOUT) as client:
        return await client.get("/healthz", params={"nonce": nonce})


def proof_of_each_connection(url: str, admin_token: str) -> OnConnection:
    """For `http_client`: the proof again on every new connection, since another program may have taken the port."""

    async def check() -> None:
        if await ask_proof(url, admin_token) is None:
            raise UnreachableError("nothing answers here any longer", where=url, hint="`joytui gateway start`")

    return check


def _impostor(url: str) -> UnreachableError:
    from urllib.parse import urlsplit

    from joytui.client.ports import listener

    port = urlsplit(url).port
    program = listener(port) if port else None
    who = f"{program} answers there" if program else "another program answers there"
    return UnreachableError(
        f"{who} and cannot prove that it is the gateway of this data folder; no token was sent",
        where=url,
        hint="end that program, or run the gateway on another port: `joytui gateway start --port N`",
    )


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        data = answer.json()
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
