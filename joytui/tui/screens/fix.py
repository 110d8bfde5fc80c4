"""A fix with its diff: apply it or leave it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Static

from joytui.tui.doctor import verdict_text as words
from joytui.tui.doctor.fixing import Offer
from joytui.tui.widgets.dialog import Dialog


class FixDialog(Dialog[bool]):
    """Dismisses with True if the fix is wanted. Cancel has the focus."""

    DIALOG_TITLE = "Apply this fix?"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "answer(True)", "Apply"),
        Binding("n", "answer(False)", "Cancel"),
        Binding("left", "app.focus_previous", "Other", show=False),
        Binding("right", "app.focus_next", "Other", show=False),
    ]

    def __init__(self, offer: Offer) -> None:
        super().__init__()
        self._offer = offer

    def compose_dialog(self) -> ComposeResult:
        yield Static(Content.styled(words.clean(self._offer.summary), "bold"))
        if self._offer.patch:
            yield Static(words.patch(self._offer.patch), classes="box", id="patch")
        for note in self._offer.notes:
            yield Static(Content(words.clean(note)), classes="note")
        if self._offer.patch:
            yield Static(Content("a applies it and keeps a backup; u undoes it."), classes="note")
        with Horizontal(id="buttons"):
            yield Button("Cancel", id="no")
            yield Button("Apply", id="yes")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
