"""A gateway for commands that need none: the named one, the local one where it runs, or nothing. None is ever started."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from joytui.cli.output import say
from joytui.core.errors import UnreachableError
from joytui.core.places import places

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient


@asynccontextmanager
async def gateway_if_there(args: argparse.Namespace, *, needed: bool) -> AsyncIterator[ConsoleClient | None]:
    """A client, None if no gateway runs. `needed`: there is no answer without one. Raises UnreachableError, UsageError."""
    from joytui.client.local import START_HINT, connect

    try:
        console = await connect(places(), gateway_url=args.gateway, start=False, announce=say)
    except UnreachableError as error:
        if needed or args.gateway is not None:
            raise
        if error.hint != START_HINT:  # something is there, and it is not a gateway that answers
            say(f"joytui: {error}")
        yield None
        return
    async with console:
        yield console
