"""`joytui usage --focus FILE`: what was spent as a FOCUS dataset, for the tools that read every other bill."""

from __future__ import annotations

import argparse
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from joytui.cli.gateway_options import with_console
from joytui.cli.output import emit, say
from joytui.core.clock import parse_time, rfc3339
from joytui.core.errors import EXIT_OK, JoytuiError, UsageError
from joytui.core.money import MoneyError, parse_credits
from joytui.core.places import places
from joytui.core.sheet import Sheet, csv_text

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient

WITHOUT = ("by", "top", "budget", "insight", "reconcile", "json", "csv")
"""What says something else about the form: these columns are FOCUS's own."""


def write_focus(args: argparse.Namespace) -> int:
    """Raises UsageError for options that do not go with it, and JoytuiError where nothing can be written."""
    if named := [name for name in WITHOUT if getattr(args, name)]:
        raise UsageError("FOCUS defines its rows and columns", where="--focus", hint=f"leave out --{named[0]}")
    if args.source != "gateway":
        raise UsageError("Codex's files have no prices", where="--focus", hint="leave out --source")
    rate = _rate(args)
    sheet = with_console(args, lambda console: _charges(console, args, rate))
    text = csv_text(sheet)
    if args.focus == "-":
        emit(text.rstrip("\r\n"))
    else:
        _write(Path(args.focus), text)
        say(f"wrote {args.focus}: {len(sheet.rows)} charge{'s' * (len(sheet.rows) != 1)}")
    if rate is None:
        say(
            "costs are in credits, not a currency (XXX); --usd-per-credit or the setting usd_per_credit converts them to dollars"
        )
    return EXIT_OK


def _rate(args: argparse.Namespace) -> Decimal | None:
    """US dollars a credit: the option's, else that of the local gateway's settings. Raises UsageError."""
    told = args.usd_per_credit
    if told is None and args.gateway is None:
        from joytui.gateway.settings import load_settings

        told = load_settings(places().config_file).usd_per_credit
    if told is None:
        return None
    try:
        good = parse_credits(told) > 0
    except MoneyError:
        good = False
    if not good:
        what = f"a decimal number of dollars above 0, not {told[:40]!r}"
        raise UsageError(what, where="--usd-per-credit", hint="--usd-per-credit 0.01")
    return Decimal(told)


async def _charges(console: ConsoleClient, args: argparse.Namespace, rate: Decimal | None) -> Sheet:
    """All that was charged in the days (UTC) that the time touches, the doctor's tests with it."""
    from joytui.core.periods import period_bounds
    from joytui.usage.focus import GROUPS, Account, focus_sheet
    from joytui.usage.rows import gateway_rows

    since, until = (period_bounds("day", parse_time(text)) if text else None for text in (args.since, args.until))
    end = rfc3339(until[1] - timedelta(milliseconds=1)) if until else None
    view = await console.usage(GROUPS, since=rfc3339(since[0]) if since else None, until=end)
    status = await console.status()
    labels = {key.name: key.labels for key in await console.keys()}
    account = Account(console.url, _provider(status.upstream), labels, rate)
    return focus_sheet(gateway_rows(view.rows, GROUPS), account)


def _provider(upstream: str | None) -> str:
    """Who makes the models available, by the upstream's address; the offline model is our own."""
    host = urlsplit((upstream or "").split(",")[0]).hostname
    return "joytui" if host is None else "JoyToken" if "joytoken" in host else host


def _write(path: Path, text: str) -> None:
    from joytui.core.whole_file import write_whole

    try:
        if path.is_dir():
            raise IsADirectoryError(None, "this is a folder: name a file in it")
        path.absolute().parent.stat()  # a folder that is not there is not made
        write_whole(path.absolute(), text.encode(), lasting=True)
    except OSError as error:
        raise JoytuiError(f"not written: {error.strerror or error}", where=str(path)) from None
