"""`python -m tests.bench NAME [OPTIONS]`: the measurements that the project promises, each in its own module.

A bench is a module beside this one with `main(words) -> int`, which explains itself with --help.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

_ENTRY = re.compile(r"^def main\(", re.M)


def names() -> list[str]:
    """The benches that exist."""
    files = (f for f in Path(__file__).parent.glob("*.py") if not f.stem.startswith("_"))
    return sorted(f.stem for f in files if _ENTRY.search(f.read_text(encoding="utf-8")))


def start(words: list[str]) -> int:
    if not words or words[0] not in names():
        sys.stderr.write(f"usage: python -m tests.bench NAME [OPTIONS]\n  NAME: {', '.join(names())}\n")
        return 2
    try:
        bench = import_module(f"tests.bench.{words[0]}")
    except ModuleNotFoundError as error:
        sys.stderr.write(f"needs {error.name}: pip install -e '.[test]'\n")
        return 2
    return int(bench.main(words[1:]))


if __name__ == "__main__":
    raise SystemExit(start(sys.argv[1:]))
