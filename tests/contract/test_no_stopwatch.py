"""No test judges how long something took: on a busy machine that says nothing of the product. tests/bench measures time.

What a test waits for is bounded so that a hang ends (tests/support/hang.py), and by no other number of seconds.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
STOPWATCHES = {
    f"{clock}{unit}"
    for clock in ("monotonic", "perf_counter", "process_time", "thread_time", "clock_gettime")
    for unit in ("", "_ns")
}
BOUNDED = {"AsyncClient", "Client", "communicate", "create_connection", "run", "timeout", "urlopen", "wait", "wait_for"}
"""Calls that take the seconds after which they give up: as `timeout`, or without a name."""


def sources() -> list[Path]:
    """What runs as a test or for one; bench measures, and the makers of pictures are tools."""
    return [path for path in sorted(TESTS.rglob("*.py")) if "bench" not in path.parts and "make" not in path.stem]


def stopwatches(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls of a clock that measures spans."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in STOPWATCHES:
            yield node


def bounds(tree: ast.AST) -> Iterator[ast.Call]:
    """Waits that give up after a number of seconds that is written there."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _name(node.func) not in BOUNDED:
            continue
        said = [word.value for word in node.keywords if word.arg == "timeout"]
        if _name(node.func) in ("timeout", "wait_for"):
            said += node.args
        if any(isinstance(one, ast.Constant) and isinstance(one.value, int | float) for one in said):
            yield node


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@pytest.mark.slow
def test_no_test_has_a_stopwatch() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{call.lineno}"
        for path in sources()
        if path.name.startswith("test_")
        for call in stopwatches(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found, f"say what happens, in which order and how often (tests/support/steps.py): {found}"


@pytest.mark.slow
def test_no_wait_has_a_bound_of_its_own() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{call.lineno}"
        for path in sources()
        for call in bounds(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found, f"HANG_S of tests/support/hang.py: {found}"


@pytest.mark.parametrize(
    "line",
    [
        "assert time.monotonic() - begun < 5",
        "start = perf_counter()",
        "took = time.process_time_ns() - start",
    ],
)
def test_a_stopwatch_is_seen(line: str) -> None:
    assert list(stopwatches(ast.parse(line)))


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("process.communicate(timeout=20)", True),
        ("async with asyncio.timeout(10): pass", True),
        ("await asyncio.wait_for(event.wait(), 0.3)", True),
        ("subprocess.run(words, timeout=60.0)", True),
        ("process.communicate(timeout=HANG_S)", False),
        ("examine(invocation, timeout=1.0)", False),
        ("terminal.wait_for('2 Logs')", False),
    ],
)
def test_a_bound_is_seen(line: str, seen: bool) -> None:
    tree = ast.parse(f"async def test():\n {line}")
    assert bool(list(bounds(tree))) is seen
