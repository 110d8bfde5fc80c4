"""Small questions: a line of text, or yes and no."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Input, Static

from joytui.tui.widgets.dialog import Dialog


class Ask(Dialog[str]):
    """Asks for one line; dismisses with it, or None."""

    def __init__(self, title: str, label: str, value: str, button: str) -> None:
        super().__init__()
        self._title, self._label, self._value, self._button = title, label, value, button

    def dialog_title(self) -> str:
        return self._title

    def compose_dialog(self) -> ComposeResult:
        yield Static(self._label, classes="label", markup=False)
        yield Input(self._value, id="line")
        with Horizontal(id="buttons"):
            yield Button("Cancel", id="cancel")
            yield Button(self._button, id="ok")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(self.query_one(Input).value.strip() or None if event.button.id == "ok" else None)


class Confirm(Dialog[bool]):
    """Asks yes or no about something that cannot be undone; no has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n", "answer(False)", "No"),
        Binding("left", "app.focus_previous", "Other", show=False),
        Binding("right", "app.focus_next", "Other", show=False),
    ]

    def __init__(self, title: str, text: str, button: str) -> None:
        super().__init__()
        self._title, self._text, self._button = title, text, button

    def dialog_title(self) -> str:
        return self._title

    def compose_dialog(self) -> ComposeResult:
        yield Static(self._text, markup=False)
        with Horizontal(id="buttons"):
            yield Button("No", id="no")
            yield Button(self._button, id="yes", classes="-danger")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
