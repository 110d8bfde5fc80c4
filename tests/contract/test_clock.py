"""core.clock is the one clock: nothing else in the package asks for the time of day.

Monotonic clocks, which measure durations, are free.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import joytui

ROOT = Path(joytui.__file__).parent
CLOCK = ROOT / "core" / "clock.py"

# What gives the time of day, or takes it where no moment is passed, by the last part of its module's or class's name.
ASKING = {
    "time": {"time", "time_ns", "clock_gettime", "clock_gettime_ns", "localtime", "gmtime", "ctime", "asctime", "strftime"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "uuid": {"uuid1", "uuid6", "uuid7"},
    "utils": {"formatdate", "localtime"},
}  # fmt: skip
NAMES = frozenset().union(*ASKING.values())
IN_SQL = re.compile(r"'now'|\bCURRENT_(TIME|DATE|TIMESTAMP)\b|\bunixepoch\(\)|\bjulianday\(\)")
IN_SCRIPT = re.compile(r"\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\)")


def asked(source: str) -> list[str]:
    """Where a module asks for the time of day: "LINE: EXPRESSION"."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".")[-1]
            names = [alias.name for alias in node.names if alias.name in ASKING.get(module, ())]
            found += [f"{node.lineno}: from {node.module} import {name}" for name in names]
        elif isinstance(node, ast.Attribute) and node.attr in NAMES:
            owner = ast.unparse(node.value).split(".")[-1]
            if node.attr in ASKING.get(owner, ()):
                found.append(f"{node.lineno}: {ast.unparse(node)}")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and IN_SQL.search(node.value):
            found.append(f"{node.lineno}: {node.value[:60]!r}")
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.time()",
        "from time import time",
        "from time import monotonic, time_ns as ns",
        "import datetime\ndatetime.datetime.now(tz=None)",
        "from datetime import datetime\ndatetime.now().astimezone()",
        "from datetime import date\nf = date.today",
        "from email.utils import formatdate",
        "connection.execute(\"SELECT strftime('%s', 'now')\")",
        "'DEFAULT CURRENT_TIMESTAMP'",
    ],
)
def test_what_asks_is_seen(source: str) -> None:
    assert asked(source)


def test_what_only_measures_or_reckons_is_not() -> None:
    assert not asked(
        "from time import monotonic, sleep\nimport time\ntime.perf_counter()\nfrom datetime import datetime"
    )
    assert not asked("from joytui.core.clock import now\nnow()\ndatetime.fromtimestamp(0, UTC)\nself.now()")


def test_the_clock_itself_asks_at_one_place() -> None:
    """Beside it only a clock that nobody sets is read there: CLOCK_BOOTTIME."""
    found = [line.split(": ")[1] for line in asked(CLOCK.read_text(encoding="utf-8"))]
    assert found == ["from time import time_ns", "time.clock_gettime"]


def test_nothing_else_asks_for_the_time_of_day() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(ROOT.rglob("*.py"))
        if path != CLOCK
        for line in asked(path.read_text(encoding="utf-8"))
    ]
    scripts = [path for kind in ("*.js", "*.html") for path in sorted(ROOT.rglob(kind))]
    wrong += [str(path.relative_to(ROOT)) for path in scripts if IN_SCRIPT.search(path.read_text(encoding="utf-8"))]
    assert not wrong, "\n".join(wrong)
