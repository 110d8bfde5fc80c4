"""The form for a key: a new one, or one that is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Input, Static

from joytui.tui.keys.form import FIELDS, Wish, read, texts_of
from joytui.tui.shown import visible
from joytui.tui.widgets.form import FormDialog

if TYPE_CHECKING:
    from joytui.core.wire import KeyView


class KeyForm(FormDialog[Wish]):
    """Dismisses with the wish, once everything in it holds. `only`: the fields that are shown, by name; all of them unless given."""

    DIALOG_TITLE = "New key"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "submit", "Create", priority=True)]

    def __init__(self, now: datetime, key: KeyView | None = None, only: Sequence[str] = ()) -> None:
        super().__init__()
        self._fields = [field for field in FIELDS if not only or field.name in only]
        self._now = now
        self._texts = texts_of(key) if key else {}
        self._button = "Save" if key else "Create"
        what = "Limits of" if only else "Edit"
        self._title = f"{what} {visible(key.name, limit=40)}" if key else self.DIALOG_TITLE

    def dialog_title(self) -> str:
        return self._title

    def compose_dialog(self) -> ComposeResult:
        yield from self.rows(self._fields, self._texts)
        if not self._texts:
            yield Static("Start with a small daily budget: then a leaked key costs little.", classes="note")
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

    def problems(self, values: Mapping[str, str]) -> Mapping[str, str]:
        return read({**self._texts, **values}, self._now)[1]

    def action_submit(self) -> None:
        if (values := self.checked()) is not None:
            self.dismiss(read({**self._texts, **values}, self._now)[0])
