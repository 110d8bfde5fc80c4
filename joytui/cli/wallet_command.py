"""The gateway's tier wallets: off until a balance is set. From then on, a request needs credits in the wallet of its tier.

joytui wallet show
joytui wallet set standard 100         (or `off`)
joytui wallet credit standard 25 --note "November"
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from joytui.cli.gateway_options import add_action, count, with_console
from joytui.cli.output import emit_json, say
from joytui.core.errors import EXIT_OK, UsageError
from joytui.core.joytoken import TIERS

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import WalletEntryView, WalletView


MOST_ENTRIES = 5_000


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = add_action(actions, "show", "balances, and what running requests reserve")
    show.add_argument("--entries", metavar="N", type=count, default=0, help="also the newest N movements")
    change = add_action(actions, "set", "set a tier's balance, or `off`")
    change.add_argument("tier", choices=TIERS)
    change.add_argument("amount", metavar="CR|off")
    credit = add_action(actions, "credit", "add credits to a tier's balance")
    credit.add_argument("tier", choices=TIERS)
    credit.add_argument("amount", metavar="CR")
    for action in (change, credit):
        action.add_argument("--note", metavar="TEXT", help="kept with the movement")


def run(args: argparse.Namespace) -> int:
    if args.action != "show":
        args.amount = _amount(args)
    elif args.entries > MOST_ENTRIES:
        raise UsageError(f"the newest {MOST_ENTRIES} at most", where="--entries")
    return with_console(args, lambda console: _act(console, args))


def _amount(args: argparse.Namespace) -> str | None:
    from joytui.core.money import MoneyError, format_credits, parse_credits

    if args.action == "set" and args.amount.lower() == "off":
        return None
    try:
        amount = parse_credits(args.amount)
    except MoneyError as error:
        raise UsageError(str(error), hint="for example 25, or 0.5") from None
    if args.action == "credit" and not amount:
        raise UsageError("nothing to add", hint="for example 25, or 0.5")
    return format_credits(amount)


async def _act(console: ConsoleClient, args: argparse.Namespace) -> int:
    if args.action != "show":
        act = console.set_wallet if args.action == "set" else console.credit_wallet
        changed = await act(args.tier, args.amount, args.note)
        if args.json:
            emit_json(changed.model_dump())
        else:
            _show(await console.wallet())  # all of them: one with a balance makes the others count as empty
    else:
        wallets = await console.wallet()
        entries = await console.wallet_entries(limit=args.entries) if args.entries > 0 else []
        if args.json:
            data = {"wallets": [wallet.model_dump() for wallet in wallets]}
            emit_json(data | ({"entries": [entry.model_dump() for entry in entries]} if args.entries > 0 else {}))
        else:
            _show(wallets)
            _show_entries(entries)
    return EXIT_OK


def _show(wallets: list[WalletView]) -> None:
    from joytui.cli.amounts import credits_text
    from joytui.cli.columns import Column, emit_table

    limiting = any(wallet.balance is not None for wallet in wallets)
    without = ("0", "0") if limiting else ("off", "")  # once one tier has a balance, one without counts as empty
    rows = [
        [
            wallet.tier,
            without[0] if wallet.balance is None else credits_text(wallet.balance),
            credits_text(wallet.held),
            without[1] if wallet.left is None else credits_text(wallet.left),
        ]
        for wallet in wallets
    ]
    emit_table([Column("tier"), *(Column(title, right=True) for title in ("balance", "held", "left"))], rows)
    without_balance = [wallet.tier for wallet in wallets if wallet.balance is None]
    if not limiting:
        say("wallets limit nothing until a balance is set: `joytui wallet set standard 100`")
    elif without_balance:
        tiers = ", ".join(without_balance)
        say(f"{tiers}: no balance set, so such requests are refused while another tier has one (all `off`: no limit)")


def _show_entries(entries: Sequence[WalletEntryView]) -> None:
    from joytui.cli.amounts import local_time
    from joytui.cli.columns import Column, emit_table

    if entries:
        columns = (
            Column("time"),
            Column("tier", least=6, rank=1),
            Column("kind"),
            Column("amount", right=True),
            Column("held", right=True, rank=2),
            Column("request", least=6, rank=5),
            Column("note", least=6, rank=6),
        )
        rows = [[str(getattr(entry, column.title) or "") for column in columns] for entry in entries]
        emit_table(columns, [[local_time(row[0]), *row[1:]] for row in rows])
