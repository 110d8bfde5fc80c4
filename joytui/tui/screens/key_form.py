"""The form for a key: a new one, or one that is there."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Input, Static

from joytui.tui.keys.form import FIELDS, Wish, read, texts_of
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import Dialog

if TYPE_CHECKING:
    from joytui.core.wire import KeyView


class KeyForm(Dialog[Wish]):
    """Dismisses with the wish, once everything in it holds."""

    DIALOG_TITLE = "New key"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "submit", "Create", priority=True),
        Binding("down", "app.focus_next", "Next", show=False),
        Binding("up", "app.focus_previous", "Previous", show=False),
    ]

    def __init__(self, now: datetime, key: KeyView | None = None) -> None:
        super().__init__()
        self._now = now
        self._texts = texts_of(key) if key else {}
        self._button = "Save" if key else "Create"
        self._title = f"Edit {visible(key.name, limit=40)}" if key else self.DIALOG_TITLE

    def dialog_title(self) -> str:
        return self._title

    def compose_dialog(self) -> ComposeResult:
        for field in FIELDS:
            with Horizontal(classes="row"):
                yield Static(field.label, classes="label")
                yield Input(self._texts.get(field.name, field.value), placeholder=field.placeholder, id=field.name)
            yield Static(id=f"{field.name}-problem", classes="problem", markup=False)
        if not self._texts:
            yield Static("A small daily budget is a good start: a leaked key then costs little.", classes="note")
        with Horizontal(id="buttons"):
            yield Button("Cancel", id="cancel")
            yield Button(self._button, id="create")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.action_submit()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "create":
            self.action_submit()
        else:
            self.dismiss(None)

    def action_submit(self) -> None:
        values = {field.name: self.query_one(f"#{field.name}", Input).value for field in FIELDS}
        wish, problems = read(values, self._now)
        if wish is not None:
            self.dismiss(wish)
            return
        for field in FIELDS:
            line = self.query_one(f"#{field.name}-problem", Static)
            line.set_class(field.name in problems, "-there")
            line.update(problems.get(field.name, ""))
        self.query_one(f"#{next(iter(problems))}", Input).focus()
