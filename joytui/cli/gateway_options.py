"""What the commands that talk to a gateway share: `--gateway`, `--no-start`, and the way in and out."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from joytui.cli.output import say
from joytui.core.errors import UsageError
from joytui.core.places import places

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient

T = TypeVar("T")


def add_gateway_options(parser: argparse.ArgumentParser) -> None:
    """`--gateway URL`, `--no-start`."""
    group = parser.add_argument_group("gateway")
    group.add_argument(
        "--gateway", metavar="URL", help="use this gateway, not the local one (token: JOYTUI_ADMIN_TOKEN)"
    )
    group.add_argument("--no-start", action="store_true", help="do not start the local gateway if it is not running")


def add_action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    """An action of a command (`actions` is from `add_subparsers`) with `--json` and the gateway options."""
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text)
    parser.add_argument("--json", action="store_true", help="JSON on stdout")
    add_gateway_options(parser)
    return parser


def with_console(args: argparse.Namespace, action: Callable[[ConsoleClient], Awaitable[T]]) -> T:
    """Connects (starting the local gateway if need be, and saying so), acts, and leaves as `client.local.leave` says.

    A gateway that this command started is left running only if it has a key; that it runs on is said.
    """
    import asyncio

    from joytui.client.local import connect, leave

    async def run() -> T:
        here = places()
        console = await connect(here, gateway_url=args.gateway, start=not args.no_start, announce=say)
        async with console:
            try:
                return await action(console)
            except UnicodeEncodeError:  # a word of the command line whose bytes are no UTF-8
                raise UsageError("names, notes and filters must be UTF-8; an argument here is not") from None
            finally:
                if console.local and console.local.started and (note := await leave(console, here)):
                    say(note)

    return asyncio.run(run())


def count(text: str) -> int:
    """The type of an argument that counts: from 0 up."""
    if not text.isdecimal() or len(text) > 12:
        raise argparse.ArgumentTypeError(f"a number from 0 up, not {text[:40]!r}")
    return int(text)


def moment(text: str | None, option: str, read: Callable[[str], datetime]) -> str | None:
    """An option's time as RFC 3339; None stays None. Raises UsageError."""
    from joytui.core.clock import rfc3339

    if text is None:
        return None
    if not text.strip():
        raise UsageError("no time", where=option, hint="30m, 2h, 7d, today, a date, an RFC 3339 time")
    try:
        return rfc3339(read(text))
    except ValueError as error:
        raise UsageError(str(error), where=option) from None
