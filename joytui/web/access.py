"""The gateway that the consoles in the browser look at, and what they get for it: a token that may only read.

The consoles never see the admin token in a read-only server: it stays here, and they are given a read-only token that this
server makes and takes away again. A lead's or a viewer's token makes none: the consoles get that one, see what it sees, and ask
the gateway to refuse every change (`client.console_api.READ_ONLY`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from joytui.client.local import TOKEN_VARIABLE, connect, leave
from joytui.core.errors import JoytuiError, RefusedError, UnreachableError
from joytui.core.places import Places
from joytui.web.token_notes import TokenNote, abandoned

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient

Say = Callable[[str], None]


class Access:
    """One gateway for all consoles. `start`: the local one may be started. `changes`: the consoles may do everything."""

    def __init__(
        self, places: Places, say: Say, *, gateway_url: str | None, start: bool, changes: bool, env: Mapping[str, str]
    ) -> None:
        self._places = places
        self._say = say
        self._gateway_url = gateway_url
        self._start = start
        self._changes = changes
        self._env = env
        self._console: ConsoleClient | None = None
        self._token: tuple[str, str] | None = None  # its id ("": not ours to take away), the token
        self._note: TokenNote | None = None
        self._looking = asyncio.Lock()  # pages that come at the same time look for the gateway one after another

    async def open(self) -> None:
        """Finds or starts the gateway and gets the token. Raises UnreachableError, RefusedError, UsageError.

        Where the local gateway does not run and may not be started, the consoles do without one.
        """
        try:
            await self._open()
        except UnreachableError:
            await self._close_console()
            if self._start or self._gateway_url is not None:
                raise
            self._say(
                "the local gateway is not running, and --no-start forbids starting it: the consoles show no gateway"
            )

    async def _open(self) -> None:
        self._console = await connect(
            self._places, gateway_url=self._gateway_url, env=self._env, start=self._start, announce=self._say
        )
        status = await self._console.status_facts()
        if not self._changes:
            self._token = await self._read_only_token(self._console, knows_roles=bool(status.get("role")))
            if status.get("role") == "lead":
                self._say(
                    f"the consoles see what this lead's token sees: {', '.join(status.get('teams') or ['no team'])}"
                )

    async def _read_only_token(self, console: ConsoleClient, *, knows_roles: bool) -> tuple[str, str]:
        """One that is made for the consoles, or where our own may make none, that one. A gateway that does not tell of roles would
        let a lead's change things: it gets none."""
        try:
            await self._clean_up(console)
            made = await console.create_token(
                f"joytui serve {platform.node()[:40]} {secrets.token_hex(4)} {os.getpid()}"
            )
        except RefusedError as error:
            if error.kind == "read_only_token" or (error.kind == "beyond_teams" and knows_roles):
                return "", console.token
            raise
        self._note = TokenNote.keep(self._places.data_dir, _gateway_of(console), made.id)
        return made.id, made.token

    async def _clean_up(self, console: ConsoleClient) -> None:
        """Takes away the tokens of this gateway that servers which were killed have left."""
        for note in abandoned(self._places.data_dir):
            if note.gateway != _gateway_of(console):
                note.release()
                continue
            try:
                await console.delete_token(note.token_id)
            except RefusedError as error:
                if error.kind != "not_found":
                    note.release()
                    raise
            note.drop()

    async def words(self) -> tuple[list[str], dict[str, str]]:
        """Options and variables that let one more console see the gateway; looks for it again where it has gone."""
        async with self._looking:
            if not await self._holds():
                await self._close_console()
                with contextlib.suppress(JoytuiError):  # the console itself says what is wrong
                    await self._open()
        options = [] if self._start else ["--no-start"]
        if self._changes:
            named = self._gateway_url is not None and TOKEN_VARIABLE in self._env
            variables = {TOKEN_VARIABLE: self._env[TOKEN_VARIABLE]} if named else {}
            return [*options, *(["--gateway", self._gateway_url] if self._gateway_url else [])], variables
        if self._console is None or self._token is None:
            return options, {}
        return [*options, "--gateway", self._console.url], {TOKEN_VARIABLE: self._token[1]}

    async def _holds(self) -> bool:
        """Whether the gateway still answers, and knows the token."""
        if self._console is None:
            return False
        made = self._token is not None and self._token[0]
        try:
            if made:
                return any(token.id == made for token in await self._console.tokens())
            await self._console.status_facts()
        except JoytuiError:
            return False
        return True

    async def close(self) -> None:
        """Takes the token away and leaves the gateway as a console does: says so where it keeps running."""
        console, token = self._console, self._token
        if console is None:
            return
        with contextlib.suppress(JoytuiError):  # it has gone: so has what the token opened
            if token is not None and token[0]:
                await console.delete_token(token[0])
                if self._note is not None:
                    self._note.drop()
            if note := await leave(console, self._places):
                self._say(note)
        await self._close_console()

    async def _close_console(self) -> None:
        self._token = None
        if self._note is not None:
            self._note.release()
            self._note = None
        if self._console is not None:
            console, self._console = self._console, None
            await console.aclose()


def _gateway_of(console: ConsoleClient) -> str:
    return "" if console.local is not None else console.url
