"""`python -m tests.long NAME [OPTIONS]`: what runs for minutes, each in its own module; `python -m tests.long list` names them.

A long run is a module beside this one with `main(words) -> int` (0: all held), which explains itself with --help.
"""

from __future__ import annotations

import ast
import re
import sys
from importlib import import_module
from pathlib import Path

_ENTRY = re.compile(r"^def main\(", re.M)


def found() -> dict[str, str]:
    """The runs that there are, by name, with the first line of what each says of itself."""
    runs = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        source = path.read_text(encoding="utf-8")
        if not path.stem.startswith("_") and _ENTRY.search(source):
            runs[path.stem.replace("_", "-")] = (ast.get_docstring(ast.parse(source)) or "").split("\n")[0]
    return runs


def start(words: list[str]) -> int:
    runs = found()
    if words == ["list"]:
        sys.stdout.writelines(f"{name:<16} {what}\n" for name, what in runs.items())
        return 0
    if not words or words[0] not in runs:
        wanted = words and words[0] not in ("-h", "--help", "help")
        usage = f"usage: python -m tests.long NAME [OPTIONS] | list\n  NAME: {', '.join(runs)}\n"
        (sys.stderr if wanted or not words else sys.stdout).write(usage)
        return 2 if wanted or not words else 0
    return int(import_module(f"tests.long.{words[0].replace('-', '_')}").main(words[1:]))


if __name__ == "__main__":
    raise SystemExit(start(sys.argv[1:]))
