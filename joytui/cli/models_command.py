"""The model catalog: what can be asked for, its tier, its prices in credits per million tokens.

joytui models
joytui models --key dev-ada     what this key may call, and why not the rest
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from joytui.cli.gateway_options import add_gateway_options, with_console
from joytui.cli.output import emit_json, say
from joytui.core.errors import EXIT_OK

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import ModelView


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", metavar="KEY", help="what this key (id or name) may call")
    parser.add_argument("--tier", metavar="T", help="only this tier")
    parser.add_argument("--json", action="store_true", help="JSON on stdout")
    add_gateway_options(parser)


def run(args: argparse.Namespace) -> int:
    return with_console(args, lambda console: _list(console, args))


async def _list(console: ConsoleClient, args: argparse.Namespace) -> int:
    every = await console.models(key=args.key)
    models = [m for m in every if args.tier in (None, m.tier)]
    if args.json:
        emit_json({"models": [model.model_dump() for model in models]})
        return EXIT_OK
    if not models:
        tiers = ", ".join(sorted({m.tier for m in every if m.tier}))
        say(f"no models of tier {args.tier!r}; tiers here: {tiers}" if every else "no models: the catalog is empty")
        return EXIT_OK
    from joytui.cli.columns import Column, emit_table

    columns = [
        Column("model", least=20),
        Column("tier"),
        Column("provider", rank=5, least=6),
        Column("in", right=True),
        Column("out", right=True),
        Column("cached", right=True, rank=5),
        Column("may", rank=1),
        Column("tags", rank=6, least=8),
        Column("why not", rank=2, least=12),
    ]
    emit_table(columns, [_row(model) for model in models])
    say("prices in credits per million tokens; `auto` lets the router choose within the key's policy")
    return EXIT_OK


def _row(model: ModelView) -> list[str]:
    may = {None: "", True: "yes", False: "no"}[model.callable]
    prices = [price or "" for price in (model.input_price, model.output_price, model.cache_read_price)]
    tags = ", ".join(model.tags + model.feature_tags)
    return [model.model_key, model.tier or "", model.provider or "", *prices, may, tags, model.reason or ""]
