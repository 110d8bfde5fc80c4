"""Takes a store from one place, and one engine, to another: `joytui store copy`.

The source is only read, as one state of it. The target notes with each page of rows how far it is, so that a copy that was
killed continues where it was; a source that changed meanwhile is taken from the beginning. At the end both stores are read
again, and each table's rows have to be the same.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

from joytui.core.errors import RefusedError
from joytui.ledger.whole import Half, Row, Table, Target, Whole

Tell = Callable[[str, int, int], None]
"""What is being done, rows so far, rows in all."""


def copy(source: Whole, target: Target, tell: Tell) -> bool:
    """Fills the target. False if it is the same as the source already. Raises RefusedError if it has anything else, and
    where the two differ at the end."""
    done = _prepared(source, target, tell)
    if done is None:
        return False
    total, so_far = _count(source), _count(target)
    names = [table.name for table in source.tables]
    for table in source.tables[names.index(done.table) :]:
        after = done.after if table.name == done.table else None
        for rows in source.rows(table, after):
            target.take(table, rows, done._replace(table=table.name, after=_key(table, rows[-1])))
            so_far += len(rows)
            tell("copying", so_far, total)
    _compare(source, target, tell)
    target.finish()
    return True


def _prepared(source: Whole, target: Target, tell: Tell) -> Half | None:
    """How far the target is; None if there is nothing to do."""
    start = Half(source.location, source.state(), source.tables[0].name, None)
    half = target.half()
    if half is None:
        if _is_empty(target):
            target.begin(start)
            return start
        if not _differing(source, target, tell):
            return None
        raise RefusedError(
            "the target is not empty and not a copy of this store",
            where=target.location,
            hint="name a store that does not exist yet",
        )
    if half.source != source.location:
        raise RefusedError(
            f"the target is an unfinished copy of another store: {half.source}",
            where=target.location,
            hint="finish that one, or name another target",
        )
    if half.state != start.state:
        target.begin(start)
        return start
    return half


def _is_empty(target: Whole) -> bool:
    """Whether it is unused: three wallets without a balance exist from the beginning."""
    used = [table for table in target.tables if table.name != "wallet" and target.count(table)]
    wallets = next(table for table in target.tables if table.name == "wallet")
    balance = wallets.columns.index("balance")
    return not used and all(row[balance] is None for rows in target.rows(wallets) for row in rows)


def _count(store: Whole) -> int:
    return sum(store.count(table) for table in store.tables)


def _key(table: Table, row: Row) -> Row:
    return tuple(row[table.columns.index(name)] for name in table.key)


def _compare(source: Whole, target: Target, tell: Tell) -> None:
    if differing := _differing(source, target, tell):
        raise RefusedError(
            f"the copy is not the same as the source: {', '.join(differing)}",
            where=target.location,
            hint="stop whatever writes to either of them, and copy again to another target",
        )


def _differing(source: Whole, target: Whole, tell: Tell) -> list[str]:
    """The tables whose rows are not the same in both."""
    total, so_far = _count(source), 0
    found = []
    for table in source.tables:
        count = source.count(table)
        if target.count(table) != count or _digest(source, table) != _digest(target, table):
            found.append(table.name)
        so_far += count
        tell("comparing", so_far, total)
    return found


def _digest(store: Whole, table: Table) -> int:
    """The same for the same rows, in whatever order."""
    digests = (blake2b(repr(row).encode(), digest_size=16).digest() for rows in store.rows(table) for row in rows)
    return sum(int.from_bytes(digest) for digest in digests)
