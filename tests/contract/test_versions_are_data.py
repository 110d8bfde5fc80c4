"""No code names a version of Codex: what a version knows and does is data in joytui/codex/versions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import joytui

ROOT = Path(joytui.__file__).parent
# As a text ("0.169.0", "Codex 0.94"), and as the numbers of one, the way the code would compare them.
VERSION = re.compile(r"(?<![\d.])0\.(?:[89]\d|1\d\d)(?:\.\d+)?(?![\d.])")
# Words for the user that say since when Codex does what a cause is about. Shrinks; never grows.
WORDS = {
    "causes/configuration.py": 1,
    "causes/gateway.py": 2,
    "doctor/fix/commands.py": 1,
    "usage/reconcile.py": 1,
}


def named(tree: ast.AST) -> Iterator[str]:
    """The versions in the constants of a module that are no docstrings, and in its tuples of numbers."""
    prose = {
        id(statement.value)
        for node in ast.walk(tree)
        for statement in ast.iter_child_nodes(node)
        if isinstance(statement, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield from VERSION.findall(node.value)
        elif isinstance(node, ast.Tuple) and len(node.elts) == 3:
            numbers = [
                part.value for part in node.elts if isinstance(part, ast.Constant) and isinstance(part.value, int)
            ]
            if len(numbers) == 3 and numbers[0] == 0 and 80 <= numbers[1] < 1000:
                yield str(tuple(numbers))


@pytest.mark.slow
def test_no_code_names_a_version() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): len(versions)
        for path in sorted(ROOT.rglob("*.py"))
        if (versions := list(named(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert found == WORDS


def test_the_search_sees_a_version() -> None:
    code = '"""Since 0.95."""\nx = f"{1} 0.169.0"\ny = number >= (0, 140, 0)\nz = "203.0.113.7"\n'
    assert list(named(ast.parse(code))) == ["0.169.0", "(0, 140, 0)"]
