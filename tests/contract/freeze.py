"""Freezes today's contract: `python -m tests.contract.freeze` adds to `frozen/` what the running product has beyond it.

Nothing that is frozen leaves the files on the way: what the product has no longer is an error, and nothing is written. With
--drop it is dropped, each line said; that is a contract broken, for a release that says so. What needs the real Codex is
read with --codex alone, and stays as it is otherwise.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import tempfile
from pathlib import Path

import tests.conftest  # noqa: F401 (what a developer's own shell has is as far away as in a test)
from tests.contract.compare import as_text
from tests.contract.reading import FROZEN, Part, read_codex, read_commands, read_product
from tests.support.real_codex import codex


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.freeze", description=__doc__)
    parser.add_argument("--drop", action="store_true", help="take out of the files what the product has no longer")
    parser.add_argument("--codex", action="store_true", help="read what needs the real Codex instead of all else")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        parts = (
            list(read_codex(Path(folder), codex())) if wanted.codex else [*read_commands(), *read_product(Path(folder))]
        )
    lost = [line for part in parts for line in part.missing()]
    print(*(f"- {line}" for line in lost), sep="\n", file=sys.stderr)
    if lost and not wanted.drop:
        print("nothing was written; --drop takes these out", file=sys.stderr)
        return 1
    for part in parts:
        write(part, as_it_is=bool(lost))
    return 0


def write(part: Part, *, as_it_is: bool) -> None:
    """Writes one file, and says what is new in it. `as_it_is`: today's alone, without what it lacks."""
    FROZEN.mkdir(exist_ok=True)
    before = part.file.read_text(encoding="utf-8") if part.file.exists() else ""
    after = as_text(part.today if as_it_is else part.grown(part.frozen, part.today)) + "\n"
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""):
        if line[0] in "+-" and line[:3] not in ("+++", "---"):
            print(f"{part.file.name}: {line}")
    part.file.write_text(after, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
