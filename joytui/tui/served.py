"""The console behind a browser: `joytui serve` runs it as a child, speaks to it over pipes, and gives a page to the rest.

The packets on stdin and stdout are Textual's own (`textual.drivers.web_driver`), which textual-serve passes on.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from textual import messages
from textual.app import App
from textual.drivers.web_driver import WebDriver

from joytui.core.errors import UsageError
from joytui.core.places import places

if TYPE_CHECKING:
    from joytui.tui.options import Wishes


class ServedDriver(WebDriver):
    """Textual's driver for the web, which also ends when the server has gone (8.2.8 stays: a process that nobody sees)."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._console = app

    def run_input_thread(self) -> None:
        super().run_input_thread()
        self._console.post_message(messages.ExitApp())

    def start_application_mode(self) -> None:
        with self._until_it_leaves():
            super().start_application_mode()
            self._console.watch(self._console, "theme", self._ground)

    def _ground(self) -> None:
        """The page's ground in the theme's colour (OSC 11), also where no cell lies: beside the last column, under the last row."""
        colour = self._console.theme_variables.get("background", "")
        if colour.startswith("#"):
            self.write(f"\x1b]11;{colour}\x07")

    def write(self, data: str) -> None:
        with self._until_it_leaves():
            super().write(data)

    def write_meta(self, data: dict[str, object]) -> None:
        with self._until_it_leaves():
            super().write_meta(data)

    def write_binary_encoded(self, data: tuple[str | bytes, ...]) -> None:
        with self._until_it_leaves():
            super().write_binary_encoded(data)

    @contextmanager
    def _until_it_leaves(self) -> Iterator[None]:
        """A server that reads no more ends the console, and nothing is said about it."""
        try:
            yield
        except BrokenPipeError:
            self._console.post_message(messages.ExitApp())


def open_served(wishes: Wishes, say: Callable[[str], None]) -> int:
    """Runs the console over stdin and stdout until the browser or the user leaves; the exit code."""
    if sys.stdin.isatty() or sys.stdout.isatty():
        raise UsageError("this is for `joytui serve`, which shows the console in a browser")
    gc.disable()
    from joytui.tui.launch import farewell, make_app

    where = places()
    app = make_app(wishes, where, dark=not wishes.light)
    app.driver_class = ServedDriver
    app.run()
    return farewell(app, where, say)
