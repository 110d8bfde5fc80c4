"""Freezes what the product says today, or tells how it differs from what is frozen. See the package."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from tests.situations.frozen import COLLECTIONS, frozen, same, unified, write
from tests.situations.frozen.sources import OFFLINE, PLAYED, play_steadily
from tests.support.playground import Job


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.situations.frozen", description=__doc__)
    parser.add_argument("collections", nargs="*", metavar="COLLECTION", help=f"{', '.join(COLLECTIONS)} (default: all)")
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 where anything differs")
    parser.add_argument("--show", nargs="+", metavar="NAME", help="print the frozen documents of these names")
    args = parser.parse_args()
    if args.show:
        return _show(args.show)
    if unknown := set(args.collections) - set(COLLECTIONS):
        parser.error(f"no collection: {', '.join(sorted(unknown))}")
    changed = 0
    for collection in args.collections or COLLECTIONS:
        today = _today(collection)
        changed += _print_differences(collection, today)
        if not args.check:
            write(collection, today)
    print(
        f"{changed} documents differ{'' if args.check or not changed else ', and are frozen as they are now'}",
        file=sys.stderr,
    )
    return 1 if args.check and changed else 0


def _today(collection: str) -> dict[str, Any]:
    if collection in OFFLINE:
        return OFFLINE[collection]()
    situations = PLAYED[collection]()
    results, today = play_steadily(collection, [Job(one, "examine", limit=25.0) for one in situations])
    if kept := [one for one in results if one.skipped]:
        print(
            f"{collection}: {len(kept)} not played, they stay as they were frozen ({kept[0].skipped})", file=sys.stderr
        )
    before = frozen(collection)
    return {one.name: today.get(one.name, before.get(one.name)) for one in results if one.name in {**today, **before}}


def _print_differences(collection: str, today: Mapping[str, Any]) -> int:
    before = frozen(collection)
    different = [name for name, one in today.items() if not same(collection, name, one)]
    gone = [name for name in before if name not in today]
    for name in different:
        print(unified(collection, name, today[name]))
    for name in gone:
        print(f"{collection}/{name} is no longer there")
    return len(different) + len(gone)


def _show(names: list[str]) -> int:
    found = [(collection, name) for collection in COLLECTIONS for name in frozen(collection) if name in names]
    for collection, name in found:
        print(f"{collection}/{name}: {json.dumps(frozen(collection)[name], ensure_ascii=False, indent=1)}")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
