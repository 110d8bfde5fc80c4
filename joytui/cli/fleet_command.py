"""A team's Codex, as its telemetry tells: who works, who fails since when and why, who is silent, who asks somebody else.

joytui fleet
joytui fleet --json
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from joytui.cli.gateway_options import add_gateway_options, with_console
from joytui.cli.output import emit, emit_json, say
from joytui.core.errors import EXIT_OK

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import PersonView

ELSEWHERE = {"openai": "api.openai.com"}
"""Codex's own providers, and whom they talk to."""
_ORDER = {"failing": 0, "silent": 1, "ok": 2}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON on stdout")
    add_gateway_options(parser)


def run(args: argparse.Namespace) -> int:
    return with_console(args, lambda console: _show(console, args))


async def _show(console: ConsoleClient, args: argparse.Namespace) -> int:
    people = await console.fleet()
    if args.json:
        emit_json({"people": [one.model_dump() for one in people]})
    elif not people:
        say("nobody sends telemetry yet: `joytui telemetry token create NAME --owner O` makes a token for a person")
    else:
        _table(sorted(people, key=lambda one: (_ORDER[one.state], one.owner or one.token)))
        for line in _elsewhere(people):
            emit(line)
    return EXIT_OK


def _table(people: Sequence[PersonView]) -> None:
    from joytui.cli.amounts import local_time
    from joytui.cli.columns import Column, emit_table

    columns = [
        Column("owner"), Column("team", rank=3), Column("codex", rank=2), Column("provider", rank=2), Column("last turn", rank=4),
        Column("state"), Column("why", least=20),
    ]  # fmt: skip
    rows = [
        [
            one.owner or one.token,
            one.team or "",
            one.codex_version or "",
            one.provider or "",
            local_time(one.last_turn) if one.last_turn else "",
            _STATES[one.state],
            _why(one, local_time(one.since)),
        ]
        for one in people
    ]
    emit_table(columns, rows)


_STATES = {"ok": "✓ ok", "failing": "✗ failing", "silent": "– silent"}


def _why(one: PersonView, since: str) -> str:
    if one.state == "silent":
        return f"no telemetry since {since}" if one.last_turn else f"nothing was ever told (token of {since})"
    if one.state == "ok":
        return f"since {since}"
    if one.status is None and one.cause is None:
        return f"since {since}: no answer; the doctor on that machine tells why"
    likely = "" if one.sure else ", likely: telemetry tells no more than the status"
    return f"since {since}: {one.cause or one.message or one.status}{likely}"


def _elsewhere(people: Sequence[PersonView]) -> list[str]:
    """Who talks to somebody else than a gateway."""
    asked = Counter(one.provider for one in people if one.provider in ELSEWHERE)
    return [
        f"{count} of {len(people)} {'talks' if count == 1 else 'talk'} to {ELSEWHERE[provider or '']}"
        for provider, count in asked.items()
    ]
