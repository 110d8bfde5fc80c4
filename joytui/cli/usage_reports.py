"""`joytui usage --reconcile`: Codex's files against the gateway's records, each difference explained."""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joytui.cli.amounts import local_time
from joytui.cli.columns import Column, emit_table
from joytui.cli.output import emit, emit_json, say
from joytui.core.clock import now, parse_time, rfc3339

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.usage.reconcile import Difference, Reconciliation


async def reconciled(console: ConsoleClient, home: Path, cache_dir: Path, args: argparse.Namespace) -> Reconciliation:
    """Codex's responses against the gateway's requests in `args.since` to `args.until` (RFC 3339; since: a week)."""
    from joytui.usage import comparing

    since = parse_time(args.since) if args.since else now() - timedelta(days=comparing.RATE_DAYS)
    until = parse_time(args.until) if args.until else now()
    return await comparing.reconciled(console, home, cache_dir, since, until, "in" if args.include_doctor else "out")


def show_reconciliation(found: Reconciliation, *, as_json: bool) -> None:
    """JSON, or the differences as a table with the matched ones counted under it."""
    from joytui.core.redaction import Redactor

    if as_json:
        emit_json(
            {
                "matched": found.matched,
                "differences": [_view(difference) for difference in found.differences],
                "codex": found.codex_tokens.named(),
                "gateway": found.gateway_tokens.named(),
            }
        )
        return
    if found.differences:
        text = Redactor().text
        columns = [
            Column("time"),
            Column("what"),
            Column("input", right=True),
            Column("output", right=True),
            Column("why"),
        ]
        emit_table(columns, [_line(difference, text(difference.explanation)) for difference in found.differences])
    else:
        emit("no differences")
    count = len(found.differences)
    say(f"{found.matched} responses agree in every count; {count} difference{'' if count == 1 else 's'}")


def _line(difference: Difference, why: str) -> list[str]:
    counts = difference.codex or difference.gateway
    shown = (counts.input, counts.output) if counts else (0, 0)
    return [local_time(rfc3339(difference.time)), difference.kind, *map(str, shown), why]


def _view(difference: Difference) -> dict[str, Any]:
    from joytui.core.records import to_json
    from joytui.core.redaction import Redactor

    counts = {name: getattr(difference, name) for name in ("codex", "gateway")}
    plain = {name: one.named() if one else None for name, one in counts.items()}
    rest = ("kind", "explanation", "thread", "response", "provider", "model", "requests")
    data = {name: to_json(getattr(difference, name)) for name in rest}
    view: dict[str, Any] = Redactor().data({**data, "time": rfc3339(difference.time)})
    return {**view, **plain}
