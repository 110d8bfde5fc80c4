"""A bare Textual app, one line of text: what the console's start is measured against. "dressed": with Header and Footer."""

from __future__ import annotations

import sys

from textual.app import App, ComposeResult
from textual.widgets import Footer, Header, Static


class BareApp(App[None]):
    BINDINGS = [("q", "quit", "Quit")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        dressed = "dressed" in sys.argv[1:]
        if dressed:
            yield Header()
        yield Static("bare")
        if dressed:
            yield Footer()


if __name__ == "__main__":
    BareApp().run()
