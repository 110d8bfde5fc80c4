"""Modules that import each other in a circle: none to load, and those that stand for the type checker only become fewer."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Set
from functools import cache
from pathlib import Path

import joytui

ROOT = Path(joytui.__file__).parent

STANDING: list[set[str]] = []
"""Circles that only imports under TYPE_CHECKING close. Take one off when it is opened; none is added."""

Imports = Mapping[str, Set[str]]


def modules() -> dict[str, Path]:
    """Every module by its name without `joytui.`."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in ROOT.rglob("*.py")
    }


def imports(path: Path, *, typing: bool) -> Iterator[str]:
    """The names (`joytui.core.money.format`) that a module imports while it loads, not what its functions import; with `typing` also what the type checker alone sees."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting += node.orelse if not typing else [*node.body, *node.orelse]
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


@cache
def graph(*, typing: bool) -> Imports:
    """Which modules of joytui each of them imports."""
    known = modules()

    def needed(name: str) -> str:
        """The module of a name that is imported: itself, or the one that it stands in."""
        inside = name.removeprefix("joytui.")
        return inside if inside in known else inside.rpartition(".")[0]

    return {
        name: {needed(one) for one in imports(path, typing=typing) if one.startswith("joytui.")} & set(known) - {name}
        for name, path in known.items()
    }


def circles(graph: Imports) -> list[set[str]]:
    """Groups of modules each of which leads to all the others of its group."""
    reached = {name: reach(graph, name) for name in graph}
    groups = {
        frozenset(other for other in reached[name] if name in reached[other]) for name in graph if name in reached[name]
    }
    return sorted(map(set, groups), key=sorted)


def reach(graph: Imports, start: str) -> set[str]:
    """Every module that imports lead to from this one; itself where they lead back."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def test_no_module_needs_itself_to_load() -> None:
    assert circles(graph(typing=False)) == []


def test_circles_for_the_type_checker_become_fewer() -> None:
    found = circles(graph(typing=True))
    new = [sorted(one) for one in found if not any(one <= standing for standing in STANDING)]
    assert not new, f"new circles: {new}"
    opened = [sorted(one) for one in STANDING if one not in found]
    assert not opened, f"no circle any more, or a smaller one: change STANDING: {opened}"


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"e"}}) == [{"b", "c"}, {"e"}]
    assert graph(typing=False)["tui.app"] >= {"tui.pace", "tui.options"}
    assert "client.console" in graph(typing=True)["tui.app"] - graph(typing=False)["tui.app"]
