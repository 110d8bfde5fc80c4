"""What joytui takes of Textual behind its public face: it is there in the expected form, and one file alone takes it."""

from __future__ import annotations

import ast
import asyncio
import functools
import importlib
import inspect
import io
import queue
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import textual
from textual.app import App
from textual.screen import Screen
from textual.worker import WorkerFailed

import joytui.tui
from joytui.tui.textual_private import HookedApp, drop_waiting_writes, resume_on_continue, waiting_writes
from tests.support.hang import HANG_S
from tests.support.needs import needs

PRIVATE = re.compile(r"_(?!_)\w+")


# --- The members, as joytui/tui/textual_private.py uses them ----------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (App._display, ["self", "screen", "renderable"]),
        (App._handle_exception, ["self", "error"]),
        (App._close_messages_no_wait, ["self"]),
        (Screen._compositor_refresh, ["self"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_method_takes_these_words(method: Any, words: list[str]) -> None:
    assert list(inspect.signature(method).parameters) == words
    assert not inspect.iscoroutinefunction(method)


async def test_a_fresh_app_has_no_driver_no_error_no_return_code_and_no_batch() -> None:
    app = App[None]()
    assert {name: vars(app)[name] for name in ("_driver", "_exception", "_return_code", "_batch_count")} == {
        "_driver": None, "_exception": None, "_return_code": None, "_batch_count": 0,
    }  # fmt: skip
    assert isinstance(app._css_update_count, int)


async def test_every_frame_goes_through_draw() -> None:
    seen: list[tuple[Screen[Any], Any]] = []

    class Watched(HookedApp):
        def draw(self, screen: Screen[Any], renderable: Any) -> None:
            seen.append((screen, renderable))
            super().draw(screen, renderable)

    app = Watched()
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.driver is app._driver is not None
        assert seen
        assert seen[0][0] is app.screen


async def test_an_error_goes_through_fail_and_ends_the_app_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    class Ended(HookedApp):
        def on_mount(self) -> None:
            self.run_worker(self.broken())

        async def broken(self) -> None:
            raise LookupError("planted")

        def fail(self, error: Exception) -> None:
            self.end_without_traceback(error)

    app = Ended()
    async with asyncio.timeout(HANG_S) as limit:  # which Textual takes for a wish to end
        await app.run_async(headless=True)
    assert not limit.expired()
    assert app.return_code == 1
    assert isinstance(app._exception, WorkerFailed)
    assert capsys.readouterr() == ("", "")


@needs("a POSIX terminal")
async def test_the_driver_of_a_terminal_can_be_told_to_resume_and_what_waits_is_dropped() -> None:
    from textual.drivers._writer_thread import WriterThread
    from textual.drivers.linux_driver import LinuxDriver

    driver = LinuxDriver(App())
    assert (driver._must_signal_resume, driver._writer_thread) == (False, None)
    assert (waiting_writes(driver), drop_waiting_writes(driver)) == (0, None)
    resume_on_continue(driver)
    assert driver._must_signal_resume is True

    written = io.StringIO()
    writer = driver._writer_thread = WriterThread(written)
    assert isinstance(writer, threading.Thread)
    assert isinstance(writer._queue, queue.Queue)
    for text in ("one", "two", "three"):
        driver.write(text)
    assert waiting_writes(driver) == 3
    assert drop_waiting_writes(driver) is writer
    writer.start()
    writer.join(10)
    assert (writer.is_alive(), written.getvalue()) == (False, "")


# --- Nothing else of the kind, nowhere else ---------------------------------------------------------------------------

TUI = Path(joytui.tui.__file__).parent
OTHERS = sorted(path.relative_to(TUI).as_posix() for path in TUI.rglob("*.py") if path.name != "textual_private.py")
"""The other files of the console; test_layering.py sees to it that nothing outside of it names Textual at all."""


@functools.cache
def names_in_textual() -> frozenset[str]:
    """Every private name that Textual's own source sets, defines or reads on an object."""
    found: set[str] = set()
    for path in Path(textual.__file__).parent.rglob("*.py"):
        found.update(re.findall(r"(?:\.|\bdef |\bclass )(_(?!_)\w+)", path.read_text(encoding="utf-8")))
    return frozenset(found)


@functools.cache
def private_of(cls: type) -> frozenset[str]:
    """The private names that a class of Textual defines or sets on itself."""
    stored = re.findall(r"\bself\.(_(?!_)\w+)(?:\s*:[^=\n]+)?\s*=[^=]", inspect.getsource(cls))
    return frozenset(stored) | {name for name in vars(cls) if PRIVATE.fullmatch(name)}


def own_names(tree: ast.AST) -> set[str]:
    """The private names that a file defines itself: functions, classes, fields, slots, and attributes of self."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            found.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def members(tree: ast.AST) -> Iterator[tuple[str, str, int]]:
    """Private members of objects that a file names: of what, which, in which line. Also by getattr and its like."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and PRIVATE.fullmatch(node.attr):
            yield ast.unparse(node.value), node.attr, node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "hasattr", "delattr"):
            name = node.args[1].value if len(node.args) > 1 and isinstance(node.args[1], ast.Constant) else None
            if isinstance(name, str) and PRIVATE.fullmatch(name):
                yield ast.unparse(node.args[0]), name, node.lineno


def taken(text: str) -> list[str]:
    """Where a file imports a private part of Textual, or names a private member that is Textual's and not its own."""
    tree = ast.parse(text)
    modules = {
        alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    found = []
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        found += [f"{node.lineno}: {name}" for name in names if re.match(r"textual\.(?:.*\.)?_(?!_)", name)]
    theirs = names_in_textual() - own_names(tree)
    found += [
        f"{line}: {of}.{name}" for of, name, line in members(tree) if name in theirs and of not in modules - {"textual"}
    ]
    return found


@pytest.mark.parametrize("file", OTHERS)
def test_no_other_file_names_a_private_member_of_textual(file: str) -> None:
    assert taken((TUI / file).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("file", OTHERS)
def test_no_class_overrides_or_uses_what_its_textual_base_keeps_to_itself(file: str) -> None:
    name = f"joytui.tui.{file.removesuffix('.py').replace('/', '.')}".removesuffix(".__init__")
    tree = ast.parse((TUI / file).read_text(encoding="utf-8"))
    nodes = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for cls in vars(importlib.import_module(name)).values():
        if not isinstance(cls, type) or cls.__module__ != name:
            continue
        bases = [base for base in cls.__mro__ if base.__module__.partition(".")[0] == "textual"]
        theirs: set[str] = set().union(*map(private_of, bases)) if bases else set()
        node = nodes[cls.__name__]
        mine = own_names(node) | {name for of, name, _ in members(node) if of in ("self", "cls", "super()")}
        assert not mine & theirs, f"{cls.__name__}: {mine & theirs}"


@pytest.mark.parametrize(
    "text",
    [
        "from textual._compositor import Compositor",
        "from textual.drivers._writer_thread import WriterThread",
        "from textual.app import _NullFile",
        "import textual._context",
        "app._driver.write('')",
        "getattr(driver, '_writer_thread', None)",
        "self.screen._compositor.render_strips()",
    ],
)
def test_what_is_taken_is_found(text: str) -> None:
    assert taken(text)


@pytest.mark.parametrize("text", ["import os\nos._exit(1)", "class A:\n _driver = 1\n\ndef f(a): a._driver"])
def test_what_is_not_textuals_is_left_alone(text: str) -> None:
    assert taken(text) == []


def test_the_names_of_a_class_of_textual_are_found() -> None:
    assert private_of(App) >= {"_driver", "_display", "_handle_exception", "_return_code"}
