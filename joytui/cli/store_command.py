"""The gateway's store: check it, back it up, copy it to another place or another engine.

joytui store check                              do its sums, rows, budgets and wallets agree?
joytui store backup /backups/ledger.sqlite3     a consistent copy, even while the gateway runs
joytui store copy ledger.sqlite3 postgresql://ledger@db.example.com/joytui

A store is a file, or the URL of a PostgreSQL database (its password in PGPASSWORD or a passfile). The default
is JOYTUI_STORE, then the gateway's setting `store`. Run an interrupted copy again to continue it. Stop the gateway first:
the copy does not contain what it writes in the meantime.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joytui.cli.output import emit, emit_json, paint, say
from joytui.cli.progress import Progress
from joytui.core.errors import EXIT_BAD_NEWS, EXIT_OK, UsageError
from joytui.core.places import places
from joytui.core.redaction import visible
from joytui.ledger.engines import back_up, named_store, open_target, open_whole, refuse_password

if TYPE_CHECKING:
    from joytui.ledger.engines import Store
    from joytui.ledger.sql.checks import Check
    from joytui.ledger.whole import Whole

MOST_SHOWN = 20
"""Of one check's faults."""


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="check that sums, rows, budgets and wallets agree (exit 1 if not)")
    check.add_argument("store", metavar="STORE", nargs="?", help="a file or URL (default: the gateway's)")
    backup = actions.add_parser("backup", help="write the store to a file, even while the gateway runs")
    backup.add_argument("path", metavar="PATH", type=Path, help="a new file")
    backup.add_argument("--store", metavar="STORE", help="a file or URL (default: the gateway's)")
    copy = actions.add_parser("copy", help="copy a store to another place or engine; run it again to continue")
    copy.add_argument("source", metavar="FROM", help="the store to copy; it is not changed")
    copy.add_argument("target", metavar="TO", help="a new one, or an unfinished copy")
    for action in (check, backup, copy):
        action.add_argument("--json", action="store_true", help="JSON on stdout")


def run(args: argparse.Namespace) -> int:
    return {"check": _check, "backup": _backup, "copy": _copy}[args.action](args)


def _chosen(named: str | None) -> Store:
    """The store that is named, else JOYTUI_STORE, else the gateway's."""
    from joytui.gateway.settings import load_settings

    here = places()
    refuse_password(named)
    chosen = named or load_settings(here.config_file).store
    return named_store(chosen) if chosen else here.store


# --- check ------------------------------------------------------------------------------------------------------------


def _check(args: argparse.Namespace) -> int:
    from joytui.ledger.sql.checks import CHECKS, Check, Wrong, check

    progress = Progress("checks")
    with open_whole(_chosen(args.store)) as store:
        done: list[Check] = []
        try:
            damage = [Wrong("", "", text) for text in store.damage()]
            done.append(Check("files", "the engine's own check of its files", 1, damage))
            if not damage:
                for one in check(store.connection):
                    done.append(one)
                    progress(one.what, len(done), CHECKS + 1)
        finally:
            progress.clear()
    good = not any(one.wrong for one in done)
    if args.json:
        emit_json({"store": store.location, "ok": good, "checks": [_as_json(one) for one in done]})
    else:
        _show(store, done)
    return EXIT_OK if good else EXIT_BAD_NEWS


def _as_json(check: Check) -> dict[str, Any]:
    wrong = [one._asdict() for one in check.wrong[:MOST_SHOWN]]
    return {"name": check.name, "what": check.what, "ok": not check.wrong, "compared": check.compared, "faults": len(check.wrong), "wrong": wrong}  # fmt: skip


def _show(store: Whole, done: list[Check]) -> None:
    emit(f"store  {visible(store.location)}")
    for check in done:
        mark = paint("✗", "red") if check.wrong else paint("✓", "green")
        emit(f"{mark} {check.name:<13} {check.what} ({check.compared:,} compared)")
        for one in check.wrong[:MOST_SHOWN]:
            expected = f"{one.expected}; " if one.expected else ""
            emit(f"    {visible(f'{one.where}: ' if one.where else '')}{visible(expected + one.found)}")
        if len(check.wrong) > MOST_SHOWN:
            emit(f"    and {len(check.wrong) - MOST_SHOWN:,} more")


# --- backup -----------------------------------------------------------------------------------------------------------


def _backup(args: argparse.Namespace) -> int:
    store, to = _chosen(args.store), args.path.expanduser()
    progress = Progress("pages")
    try:
        back_up(store, to, lambda done, total: progress("backup", done, total))
    finally:
        progress.clear()
    size = to.stat().st_size
    if args.json:
        emit_json({"store": str(store), "backup": str(to), "bytes": size})
    else:
        emit(f"{visible(str(store))} is in {visible(str(to))} ({size / 1_000_000:,.1f} MB)")
    return EXIT_OK


# --- copy -------------------------------------------------------------------------------------------------------------


def _copy(args: argparse.Namespace) -> int:
    from joytui.ledger.copying import copy

    for named in (args.source, args.target):
        refuse_password(named)
    source, target = named_store(args.source), named_store(args.target)
    if _same(source, target):
        raise UsageError("the store cannot be copied onto itself", where=args.target)
    progress = Progress("rows")
    with open_whole(source) as whole, open_target(target) as to:
        if whole.in_use:
            say(
                f"note: a gateway uses {visible(whole.location)} ({whole.in_use}): what it writes from now on will not be in the copy"
            )
        try:
            copied = copy(whole, to, progress)
        except KeyboardInterrupt:
            progress.clear()
            say("interrupted: run the same command again to continue")
            raise
        finally:
            progress.clear()
        rows = sum(whole.count(table) for table in whole.tables)
    if args.json:
        emit_json({"from": whole.location, "to": to.location, "copied": copied, "rows": rows})
    elif copied:
        emit(f"{visible(to.location)} has all {rows:,} rows of {visible(whole.location)}; both were compared")
    else:
        emit(f"{visible(to.location)} is the same as {visible(whole.location)} already: nothing to do")
    return EXIT_OK


def _same(source: Store, target: Store) -> bool:
    if not (isinstance(source, Path) and isinstance(target, Path)):
        return source == target
    return source == target or (source.exists() and target.exists() and source.samefile(target))
